"""``suffuse plugins new``: what it prints, what it imports, what it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from suffuse.cli import app
from suffuse.scaffold import KINDS, plan


def run(*arguments: str):
    return CliRunner().invoke(app, ["plugins", "new", *arguments])


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_a_package_and_tells_how_to_go_on(here: Path) -> None:
    done = run("sea-ice", "--kind", "grid")
    assert done.exit_code == 0, done.output
    assert "pip install -e suffuse-sea-ice" in done.stdout and "suffuse train sea-ice" in done.stdout
    assert files(here / "suffuse-sea-ice") >= {"pyproject.toml", "suffuse_sea_ice/plugin.py"}
    again = run("sea-ice", "--kind", "grid")
    assert again.exit_code == 5 and "is there already" in again.stderr


def test_a_dry_run_shows_the_tree_and_writes_nothing(here: Path) -> None:
    done = run("sea-ice", "--kind", "table", "--dir", "deep/er", "--dry-run")
    assert done.exit_code == 0 and not list(here.iterdir())
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[:2] == ["would write:", "deep/er/"]
    assert {path.name for path in plan("sea-ice", "table", "deep/er")} <= {*lines}
    assert {"suffuse_sea_ice/", "recipes/", "workflows/"} <= {*lines}


@pytest.mark.parametrize("extra", [[], ["--dry-run"]])
def test_json(extra: list[str], here: Path) -> None:
    told = json.loads(run("sea-ice", "--kind", "vector", "--json", *extra).stdout)
    assert told["folder"] == "suffuse-sea-ice" and told["dry_run"] is bool(extra)
    assert "suffuse-sea-ice/pyproject.toml" in told["files"]
    assert told["next"][0] == "pip install -e suffuse-sea-ice"
    assert {file for file in told["files"] if (here / file).exists()} == (set() if extra else {*told["files"]})


def test_errors_are_told_as_everywhere() -> None:
    wrong = run("Sea Ice", "--kind", "grid", "--json")
    assert wrong.exit_code == 6 and json.loads(wrong.stdout)["fix"] == "call it 'sea-ice'"
    assert run("sea-ice", "--kind", "cube").exit_code == 6


def test_every_kind_is_in_the_help() -> None:
    shown = " ".join(run("--help").stdout.replace("│", " ").split())
    assert all(kind in shown for kind in KINDS)


def test_it_imports_nothing_heavy(here: Path) -> None:
    script = (
        "import sys\nfrom suffuse.cli import main\n"
        "sys.argv = ['suffuse', 'plugins', 'new', 'sea-ice', '--kind', 'grid']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (here / "suffuse-sea-ice" / "pyproject.toml").exists()
    assert not {"torch", "numpy", "PIL", "scipy", "sklearn", "matplotlib"} & {*done.stderr.split()}
