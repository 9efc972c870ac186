"""A training with patience ends where the validation loss falls no more, and keeps the weights of its least."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from suffuse.domain import examples_at
from suffuse.model import load
from suffuse.recipe import validate
from suffuse.registry import isolated, load_domain
from suffuse.tasks.fit import fit
from suffuse.tasks.job import make_accelerator, prepare
from suffuse.tasks.train import train
from suffuse.training import checkpoint
from suffuse.training.batches import encode
from suffuse.training.run import Run
from suffuse.training.validation import validation_loss
from tests import toy

FEW = {
    "data": {"count": 12, "labelled": False},
    "network": {"name": "mlp", "width": 32, "depth": 2},
    "optimizer": {"learning_rate": 1e-2, "warmup": 10},
    "train": {
        "steps": 3000, "batch": 12, "validate_every": 20, "patience": 4, "log_every": 20, "checkpoint_every": 50,
        "sample_every": 10_000,
    },
}  # fmt: skip
"""Few waves, which are learnt by heart soon."""


@pytest.fixture(autouse=True)
def _toys() -> Any:
    with isolated(toy.Plugin()):
        yield


def test_the_model_is_that_of_the_least_validation_loss_and_the_run_ends_soon_after(tmp_path: Path) -> None:
    run = train(toy.recipe(**FEW), out=tmp_path)
    losses = {row["step"]: row["validation_loss"] for row in run.log() if "validation_loss" in row}
    best = min(losses, key=lambda step: losses[step])
    assert run.step == best + 4 * 20 < 3000 and not run.interrupted
    model = load(run.model_path)
    assert model.facts["best_step"] == best
    assert model.facts["validation_loss"] == pytest.approx(losses[best], abs=1e-6)

    recipe = validate(toy.recipe(**FEW))
    splits = load_domain("toy").splits(toy.Data(**recipe.data))
    job = prepare(recipe, splits, Run(tmp_path), None, make_accelerator("no"))
    held = encode(examples_at(splits.validation, range(len(splits.validation))), job.codec, job.conditions)
    again = validation_loss(job.trainer.criterion.of(model.denoiser), [held], torch.device("cpu"))
    assert again == pytest.approx(losses[best], rel=1e-4)


def test_training_in_memory_gives_the_same_model(tmp_path: Path) -> None:
    recipe = validate(toy.recipe(**FEW))
    kept = load(train(recipe, out=tmp_path).model_path)
    made = fit(recipe, load_domain("toy").splits(toy.Data(**recipe.data)))
    assert made.facts["best_step"] == kept.facts["best_step"]
    for ours, theirs in zip(made.denoiser.parameters(), kept.denoiser.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_run_that_is_taken_up_again_knows_what_was_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = checkpoint.Checkpoint.write

    def kept(self: checkpoint.Checkpoint, path: Path) -> None:
        written(self, path)
        shutil.copy(path, path.with_name(f"{self.step}.safetensors"))

    monkeypatch.setattr(checkpoint.Checkpoint, "write", kept)
    whole = train(toy.recipe(**FEW), out=tmp_path / "whole")
    middle = whole.step // 50 * 50
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy(whole.folder / f"{middle}.safetensors", Run(again).checkpoint_path)
    resumed = train(toy.recipe(**FEW), out=again)
    assert resumed.begun == middle and resumed.step == whole.step
    assert load(resumed.model_path).facts["best_step"] == load(whole.model_path).facts["best_step"] < middle
    models = (load(run.model_path).denoiser.parameters() for run in (resumed, whole))
    for ours, theirs in zip(*models, strict=True):
        assert torch.equal(ours, theirs)


def test_without_patience_all_steps_are_made(tmp_path: Path) -> None:
    run = train(toy.recipe(train={"steps": 30, "validate_every": 5}), out=tmp_path)
    assert run.step == 30 and "best_step" not in load(run.model_path).facts
