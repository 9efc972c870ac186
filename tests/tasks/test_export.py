"""Models as ONNX files say what the models say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from suffuse.conditions import encode_conditions
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.model import Model, load
from suffuse.onnxfile import describe
from suffuse.registry import isolated
from suffuse.rng import Rng
from suffuse.state import fields
from suffuse.tasks.export import export
from suffuse.tasks.graphs import inputs_of
from suffuse.training.run import Run
from tests import mixed

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install suffuse[onnx]")
pytest.importorskip("onnxscript", reason="onnxscript is not installed: pip install suffuse[onnx]")


def assert_same(model: Model, path: Path, count: int, labels: dict[str, list[Any]]) -> None:
    """Noised states of random times, under conditions: every entry of x̂₀ to 1e-5."""
    rng = Rng.of(range(count)).at("test")
    x0 = model.process.prior(model.codec.like(count, rng), rng.at("data"))
    t = 0.02 + 0.96 * torch.rand(count, dtype=torch.float64, generator=torch.Generator().manual_seed(count))
    x = model.process.corrupt(x0, t, rng)
    conditions = encode_conditions(model.conditions, labels, count)
    with torch.no_grad():
        wanted = dict(fields(model.denoiser(x, t, conditions).mean))
    session = onnxruntime.InferenceSession(str(path))
    found = session.run(None, {name: value.numpy() for name, value in inputs_of(x, t, conditions).items()})
    for entry, values in zip(session.get_outputs(), found, strict=True):
        mine = wanted[entry.name.removeprefix("x0").removeprefix(".")]
        torch.testing.assert_close(torch.from_numpy(values), mine, atol=1e-5, rtol=1e-5)


def test_a_unet_under_labels(model: Model, tmp_path: Path) -> None:
    path = model.export(tmp_path / "toy.onnx")
    assert_same(model, path, 1, {"label": ["f2"]})
    assert_same(model, path, 7, {"label": ["f1", None, "f3", "f3", None, "f2", "f1"]})
    told = describe(path)
    assert told["inputs"]["x"] == ["batch", 1, 8]
    assert {"what": "denoiser", "domain": "toy"}.items() <= told["facts"].items()
    assert "rectified-flow" in told["facts"]["process"]


def test_an_mlp_over_numbers_and_masked_categories(mixed_run: Run, tmp_path: Path) -> None:
    with isolated(mixed.Plugin()):
        model = load(mixed_run.folder)
        path = export(model, tmp_path / "mixed.onnx")
        assert_same(model, path, 5, {})


def test_what_cannot_be_exported_is_told(model: Model, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="denoiser or score"):
        export(model, tmp_path / "m.onnx", "everything")
    with pytest.raises(UnsupportedError, match="not calibrated"):
        export(model, tmp_path / "m.onnx", "score")
    assert not list(tmp_path.iterdir())
