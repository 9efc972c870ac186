from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from suffuse.registry import isolated
from suffuse.tasks.train import train
from tests.toy import Plugin, recipe


@pytest.fixture
def toy() -> Iterator[None]:
    """The toy domain, alone."""
    with isolated(Plugin()):
        yield


@pytest.fixture(scope="package")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a toy model, trained."""
    with isolated(Plugin()):
        whole = recipe(optimizer={"learning_rate": 5e-3, "warmup": 20})
        whole["train"] |= {"steps": 300, "batch": 32, "checkpoint_every": 300, "sample_every": 300}
        return train(whole, out=tmp_path_factory.mktemp("runs") / "teacher").folder
