"""``suffuse drift`` from files to a table, a page, and an exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from suffuse.cli import app
from suffuse.registry import isolated
from suffuse.tasks.score import calibrate
from tests import columns


@pytest.fixture
def folder(tmp_path: Path):
    with isolated(columns.Plugin()):
        model = columns.exact(300)
        usual = columns.rows(10**6, 200)
        known = replace(model, calibration=calibrate(model, usual, statistic="residual", levels=1))
        known.save(tmp_path / "model.safetensors")
        model.save(tmp_path / "bare.safetensors")
        for name, by in (("same", 0.0), ("moved", 1.0)):
            rows = [{**row, "pulse": row["pulse"] + by} for row in columns.rows(7, 300)]
            (tmp_path / f"{name}.json").write_text(json.dumps(rows))
        (tmp_path / "usual.json").write_text(json.dumps(usual))
        yield tmp_path


def ask(folder: Path, model: str, rows: str, *words: str):
    where = [str(folder / f"{model}.safetensors"), str(folder / f"{rows}.json")]
    return CliRunner().invoke(app, ["drift", *where, *words])


def test_a_person_reads_what_moved(folder):
    told = ask(folder, "model", "moved", "--out", str(folder / "drift.html"))
    assert told.exit_code == 0, told.output
    assert "* pulse" in told.stdout and "compared 300 with 200" in told.stdout
    assert "The scores moved" in told.stdout
    assert "<svg" in (folder / "drift.html").read_text()


def test_a_name_that_is_no_page_is_told_before_anything_is_read(folder):
    told = ask(folder, "model", "nothing", "--out", str(folder / "drift.pdf"))
    assert told.exit_code == 8 and "drift.html" in told.output


def test_a_program_reads_figures_and_the_exit_code(folder):
    told = ask(folder, "model", "moved", "--json", "--fail-over", "0.2", "--batch", "64")
    assert told.exit_code == 10
    assert json.loads(told.stdout)["parts"][0]["part"] == "pulse"
    assert ask(folder, "model", "moved", "--fail-over", "0.9").exit_code == 0
    assert ask(folder, "model", "same", "--fail-over", "0.01", "--no-scores").exit_code == 0


def test_without_a_calibration_it_is_told_what_is_usual(folder):
    assert "--reference data" in ask(folder, "bare", "same").output
    told = ask(folder, "bare", "moved", "--reference", str(folder / "usual.json"))
    assert told.exit_code == 0, told.output
    assert "* pulse" in told.stdout
