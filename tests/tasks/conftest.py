from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from suffuse.model import Model, load
from suffuse.registry import isolated
from suffuse.tasks.train import train
from suffuse.training.run import Run
from tests import mixed, toy


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The toy model of all tests; nobody writes into its folder."""
    whole = toy.recipe()
    whole["train"] |= {"steps": 300, "checkpoint_every": 300, "sample_every": 150, "validate_every": 100}
    with isolated(toy.Plugin()):
        return train(whole, out=tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def mixed_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The model of numbers and masked categories of all tests; nobody writes into its folder."""
    with isolated(mixed.Plugin()):
        return train(mixed.recipe(process={"kernel": "absorbing"}), out=tmp_path_factory.mktemp("mixed"))


@pytest.fixture(scope="module")
def run(toy_run: Run) -> Iterator[Run]:
    """The toy model's; the toy domain stays alone while the module's tests run."""
    with isolated(toy.Plugin()):
        yield toy_run


@pytest.fixture(scope="module")
def model(run: Run) -> Model:
    return load(Path(run.folder))
