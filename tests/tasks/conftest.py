from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from suffuse.model import Model, load
from suffuse.registry import isolated
from suffuse.tasks.train import train
from suffuse.training.run import Run
from tests.toy import Plugin, recipe


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A toy model, trained; the toy domain stays alone while the module's tests run."""
    with isolated(Plugin()):
        whole = recipe()
        whole["train"] |= {"steps": 300, "checkpoint_every": 300, "sample_every": 150, "validate_every": 100}
        yield train(whole, out=tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def model(run: Run) -> Model:
    return load(Path(run.folder))
