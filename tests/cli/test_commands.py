"""Commands that installed packages add."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_plugins import run

CODE = """
import typer
app = typer.Typer(no_args_is_help=True)
@app.command()
def hang(count: int = 3): "Hang pictures."; print(f"hung {count}")
@app.command()
def dust(): print("dusted")
def gallery(name: str, loud: bool = False): "Show a gallery."; print(name.upper() if loud else name)
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "gallery_cli.py").write_text(CODE)
    (folder / "torn_cli.py").write_text("raise RuntimeError('no such luck')")
    for package, points in {
        "suffuse-gallery": "gallery = gallery_cli:gallery\nmuseum = gallery_cli:app\ntrain = gallery_cli:gallery",
        "torn": "torn = torn_cli:run",
        "z-gallery": "gallery = torn_cli:run",
    }.items():
        info = folder / f"{package.replace('-', '_')}-3.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 3.1\n")
        (info / "entry_points.txt").write_text(f"[suffuse.commands]\n{points}\n")
    return folder


def test_a_function_is_a_command(packages: Path) -> None:
    done = run(packages, "gallery", "nights", "--loud")
    assert done.returncode == 0 and done.stdout == "NIGHTS\n"
    assert "'gallery' is of suffuse-gallery 3.1; z-gallery 3.1 would bring it too" in done.stderr
    assert "Show a gallery." in run(packages, "gallery", "--help").stdout


def test_a_typer_is_a_group_of_commands(packages: Path) -> None:
    assert run(packages, "museum", "hang", "--count", "5").stdout == "hung 5\n"
    assert "Hang pictures." in run(packages, "museum").stdout + run(packages, "museum").stderr


def test_a_command_that_cannot_be_imported_names_its_package(packages: Path) -> None:
    done = run(packages, "torn")
    assert done.returncode == 1
    assert "'torn' of torn 3.1 could not be imported (RuntimeError: no such luck)" in done.stderr


def test_no_package_takes_a_verb_s_name_or_is_imported_for_another(packages: Path) -> None:
    assert "Show a gallery." not in run(packages, "train", "--help").stdout
    assert run(packages, "--help").returncode == 0


def test_an_unknown_command_is_told_the_nearest(packages: Path) -> None:
    done = run(packages, "generat")
    assert done.returncode == 2 and "generate" in done.stderr
