"""What TensorBoard finds of a training is what the run's log holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import suffuse_tensorboard.plugin
from suffuse.errors import PluginError, RecipeError
from suffuse.recipe import load_recipe
from suffuse.registry import find, isolated, resolve
from suffuse.tasks.train import train
from suffuse.training.run import Run
from tests import toy

event_accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed"
)


@pytest.fixture(autouse=True)
def domain() -> Iterator[None]:
    with isolated(toy.Plugin(), suffuse_tensorboard.plugin):
        yield


def recipe(steps: int, observer: object = "tensorboard", schedule: str = "constant") -> dict[str, object]:
    base = toy.recipe()
    train_section = {**base["train"], "steps": steps, "sample_every": 10, "observers": [observer]}
    return {**base, "train": train_section, "optimizer": {**base["optimizer"], "schedule": schedule}}


def written(run: Run, folder: str = "tensorboard") -> object:
    found = event_accumulator.EventAccumulator(str(run.folder / folder))
    found.Reload()
    return found


def test_scalars_and_samples_are_those_of_the_run(tmp_path: Path) -> None:
    run = train(recipe(20), out=tmp_path)
    found = written(run)
    for name in ("loss", "learning_rate", "validation_loss"):
        log = {row["step"]: row[name] for row in run.log() if name in row}
        assert {e.step: e.value for e in found.Scalars(name)} == pytest.approx(log)
    assert [e.step for e in found.Images("samples")] == [10, 20]


def test_a_resumed_run_tells_every_step_once(tmp_path: Path) -> None:
    train(recipe(10), out=tmp_path)
    run = train(recipe(20), out=tmp_path)
    assert [e.step for e in written(run).Scalars("loss")] == [row["step"] for row in run.log()]


def test_the_folder_is_an_option(tmp_path: Path) -> None:
    run = train(recipe(5, {"name": "tensorboard", "folder": "events"}), out=tmp_path)
    assert written(run, "events").Scalars("loss")


def test_a_misspelt_observer_or_option_is_told_before_training() -> None:
    with pytest.raises(RecipeError, match="tensorbord") as caught:
        load_recipe(recipe(5, "tensorbord"))
    assert caught.value.field == "train.observers.0"
    with pytest.raises(RecipeError, match="did you mean 'folder'"):
        load_recipe(recipe(5, {"name": "tensorboard", "fodler": "x"}))


def test_without_tensorboard_the_error_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["suffuse.registry.resolve"], "find_spec", lambda name: None)
    with pytest.raises(PluginError, match=r'pip install "suffuse\[tensorboard\]"'):
        resolve(find("observer", "tensorboard"))
