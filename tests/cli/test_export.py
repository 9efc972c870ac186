"""``suffuse export``: where the file goes, what is told, how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

pytestmark = pytest.mark.usefixtures("domain")


def test_a_denoiser_goes_into_a_file(suffuse: Callable[..., Result], trained: Path, here: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install suffuse[onnx]")
    done = suffuse("export", trained, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["file"] == "waves.onnx"
    assert told["inputs"]["x"] == ["batch", 1, 8]
    assert told["facts"]["domain"] == "toy"
    assert [file.name for file in here.iterdir()] == ["waves.onnx"]


@pytest.mark.parametrize(("what", "code", "told"), [("score", 7, "not calibrated"), ("scores", 2, "denoiser or score")])
def test_what_cannot_be_exported_is_told(
    suffuse: Callable[..., Result], trained: Path, here: Path, what: str, code: int, told: str
) -> None:
    done = suffuse("export", trained, "--what", what)
    assert done.exit_code == code
    assert told in done.output
    assert not list(here.iterdir())
