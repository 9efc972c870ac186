"""``suffuse optimize``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from suffuse.errors import RecipeError, StorageError
from suffuse.model import load


@pytest.fixture
def own(trained: Path, tmp_path: Path) -> Path:
    """A run's folder that may be written to."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.mark.usefixtures("domain")
def test_a_runs_model_is_optimized_in_place(suffuse, own):
    result = suffuse("optimize", own, "--steps", "2,3", "--samples", 2)
    assert result.exit_code == 0, result.output
    assert "kept in" in result.stdout
    assert sorted(load(own).budgets) == [2, 3]
    assert suffuse("generate", own, "-n", 1, "--steps", 2, "--out", own / "made").exit_code == 0


@pytest.mark.usefixtures("domain")
def test_json_tells_the_levels(suffuse, own, tmp_path):
    before = (own / "model.safetensors").read_bytes()
    result = suffuse("optimize", own, "--steps", 2, "--samples", 2, "--out", tmp_path / "o.safetensors", "--json")
    told = json.loads(result.stdout)
    assert told["file"] == str(tmp_path / "o.safetensors")
    assert len(told["budgets"]["2"]["levels"]) == 2
    assert (own / "model.safetensors").read_bytes() == before


def test_a_starter_is_not_written_to(suffuse):
    result = suffuse("optimize", "fashion")
    assert result.exit_code == StorageError.exit_code
    assert "--out" in result.stderr


@pytest.mark.usefixtures("domain")
@pytest.mark.parametrize("steps", ["", "x", "0", "5,1000"])
def test_wrong_steps_are_told(suffuse, own, steps):
    assert suffuse("optimize", own, "--steps", steps).exit_code == RecipeError.exit_code
