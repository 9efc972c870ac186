"""``suffuse explain`` from files to files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from suffuse.cli import app
from suffuse.registry import isolated
from tests import columns


@pytest.fixture
def folder(tmp_path: Path):
    rows = columns.rows(3 * 10**6, 12)
    rows[4] |= {"pulse": 9.0}
    with isolated(columns.Plugin()):
        columns.exact(500).save(tmp_path / "model.safetensors")
        (tmp_path / "rows.json").write_text(json.dumps(rows))
        (tmp_path / "usual.json").write_text(json.dumps(columns.rows(10**6, 60)))
        yield tmp_path


def ask(folder: Path, *words: str):
    where = [str(folder / name) for name in ("model.safetensors", "rows.json")]
    return CliRunner().invoke(app, ["explain", *where, "--out", str(folder / "why"), *words])


def test_the_oddest_are_explained(folder):
    told = ask(folder, "--top", "2", "--statistic", "residual", "--reference", str(folder / "usual.json"), "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    first = found["explanations"][0]
    assert first["item"].endswith("rows.json:4")
    assert first["parts"][0] == "pulse"
    assert first["p"] == pytest.approx(1 / 61)
    assert len(found["explanations"]) == 2
    names = {path.name for path in (folder / "why").iterdir()}
    assert names == {"explanations.csv", "explanations.json", "explanations.png", "usual.json"}


def test_a_person_reads_why(folder):
    told = ask(folder, "--top", "1", "--statistic", "residual", "--parts", "1")
    assert told.exit_code == 0, told.output
    assert "pulse is 9.00" in " ".join(told.stdout.split())
    assert "explained 1" in told.stdout


def test_a_statistic_that_cannot_tell_is_refused(folder):
    told = ask(folder, "--statistic", "likelihood")
    assert told.exit_code != 0
    assert "residual" in told.output
    assert not (folder / "why").exists()
