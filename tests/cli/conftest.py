from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from suffuse.cli import app
from suffuse.registry import isolated
from tests import toy


@pytest.fixture
def suffuse() -> Callable[..., Result]:
    """Run the command line within this process."""
    return lambda *arguments: CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of the toy domain, as a file."""
    path = tmp_path_factory.mktemp("recipes") / "waves.yaml"
    path.write_text(yaml.safe_dump(toy.recipe(train={"steps": 4, "batch": 8, "validation_count": 8})))
    return path


@pytest.fixture(scope="session")
def trained(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the toy domain; do not write into it."""
    folder = tmp_path_factory.mktemp("runs") / "waves"
    with isolated(toy.Plugin()):
        result = CliRunner().invoke(app, ["train", str(recipe), "--out", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def bridging(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run from waves of half the points to whole ones; do not write into it."""
    folder = tmp_path_factory.mktemp("bridges")
    recipe = toy.recipe(
        process={"coupling": {"name": "downsample", "factor": 2, "noise": 0.1}},
        objective={"times": "uniform", "weight": "uniform"},
        train={"steps": 4, "batch": 8, "validation_count": 8},
    )
    (folder / "bridge.yaml").write_text(yaml.safe_dump(recipe))
    with isolated(toy.Plugin()):
        result = CliRunner().invoke(app, ["train", str(folder / "bridge.yaml"), "--out", str(folder / "run")])
    assert result.exit_code == 0, result.output
    return folder / "run"


@pytest.fixture
def domain() -> Iterator[None]:
    """The toy domain, alone."""
    with isolated(toy.Plugin()):
        yield


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
