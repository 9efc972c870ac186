"""A module as a graph: for every batch size, checked, whole or not at all."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from suffuse.errors import PluginError, UnsupportedError
from suffuse.onnxfile import describe, write_onnx


@pytest.fixture
def onnx() -> None:
    for name in ("onnxscript", "onnxruntime"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install suffuse[onnx]")


class Double(nn.Module):
    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return (2.0 * inputs[0],)


class OfOneBatch(nn.Module):
    """Fixes the batch, as ``len`` of a tensor does."""

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return (inputs[0] * float(len(inputs[0])),)


class Remembering(nn.Module):
    """Gives something else each time, which no graph does."""

    calls = 0

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        self.calls += 1
        return (inputs[0] + self.calls,)


def written(path: Path, module: nn.Module) -> None:
    write_onnx(path, module, {"x": torch.randn(2, 3)}, {"x": torch.randn(5, 3)}, ("y",), {"name": "it", "n": [1, 2]})


def test_what_a_file_takes_gives_and_tells(tmp_path: Path, onnx: None) -> None:
    written(tmp_path / "m.onnx", Double())
    assert describe(tmp_path / "m.onnx") == {
        "inputs": {"x": ["batch", 3]},
        "outputs": {"y": ["batch", 3]},
        "facts": {"name": "it", "n": "[1, 2]"},
    }


@pytest.mark.parametrize("module", [OfOneBatch(), Remembering()])
def test_what_has_no_graph_leaves_no_file(module: nn.Module, tmp_path: Path, onnx: None) -> None:
    with pytest.raises(UnsupportedError, match="cannot be exported"):
        written(tmp_path / "m.onnx", module)
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PluginError, match=r"suffuse\[onnx\]"):
        written(tmp_path / "m.onnx", Double())
