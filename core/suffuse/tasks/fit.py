"""Training in memory: from a recipe and data to a model, with no folder, for models that take seconds."""

from __future__ import annotations

import math
from pathlib import Path

from suffuse.domain import Splits
from suffuse.errors import TrainingError
from suffuse.recipe import Recipe
from suffuse.tasks.job import Job, make_accelerator, prepare
from suffuse.tasks.plan import OnStep
from suffuse.trained import Trained
from suffuse.training.run import Run


def fit(recipe: Recipe, splits: Splits, on_step: OnStep | None = None) -> Trained:
    """Train a model that is held in memory alone; :func:`suffuse.tasks.train.train` keeps a folder, and can go on.

    Nothing is written or drawn on the way, and validated only where the recipe has patience. The same recipe and data
    give the model that ``train`` does.

    Arguments:
        recipe: says how; its ``data`` section is not read.
        splits: the data.
        on_step: called with (steps done, steps in all).

    Raises:
        DataError: there is too little data.
        TrainingError: the loss is not finite.
    """
    job = prepare(recipe, splits, Run(Path()), None, make_accelerator(recipe.train.precision))
    run_through(job, on_step)
    facts = {"steps": job.trainer.step, "data": splits.name, "examples": len(splits.train)}
    return job.model({**facts, **job.origin})


def run_through(job: Job, on_step: OnStep | None) -> None:
    """All steps of a training, with nothing kept on the way.

    Raises:
        TrainingError: the loss is not finite.
    """
    steps, every = job.recipe.train.steps, job.recipe.train.log_every
    for progress in job.trainer.steps(job.source):
        if progress.step % every == 0 or progress.step == steps:
            loss = float(progress.loss)
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} at step {progress.step}", field="optimizer.learning_rate",
                    expected="a finite loss", fix="lower it or optimizer.clip, or lengthen optimizer.warmup",
                )  # fmt: skip
        if job.trainer.best is not None and job.validates(progress.step):
            job.validate()
        if on_step is not None:
            on_step(progress.step, steps)
