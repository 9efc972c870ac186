"""Training on: a model that learns from more items, beginning with what it knows."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path

import torch

from suffuse.calibration import Calibration
from suffuse.domain import Dataset, Splits, examples_at
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.nn.memory import Growing, Memory
from suffuse.state import to
from suffuse.tasks.fit import run_through
from suffuse.tasks.job import Job, make_accelerator, objective_of
from suffuse.tasks.plan import OnStep
from suffuse.tasks.statistics import stored
from suffuse.trained import Trained, build_denoiser
from suffuse.training.batches import encode
from suffuse.training.loop import Trainer
from suffuse.training.run import Run


def refine(model: Trained, splits: Splits, steps: int | None = None, on_step: OnStep | None = None) -> Trained:
    """A model that has learnt from more items; the one it was is left as it is.

    A network that remembers takes them in besides what it remembers (:class:`suffuse.nn.memory.Growing`). Any other is
    trained on with them alone from the weights it has; the codec and the conditions stay, and the learning rate goes
    through all of its course again. What is new is learnt at some cost of what is old, the more, the more steps.

    Arguments:
        model: any.
        splits: the new data; the training part is learnt from.
        steps: of the training. Left out, as many of the recipe's as new items are of all that it has learnt from.
        on_step: called with (steps done, steps in all).

    Raises:
        UnsupportedError: its network remembers data, and cannot take in more.
        TrainingError: the loss is not finite.
    """
    if isinstance(model.denoiser.network, Memory):
        return _grown(model, splits.train)
    count, before = len(splits.train), int(model.facts.get("examples", 0))
    asked = max(1, math.ceil(model.recipe.train.steps * count / (before + count))) if steps is None else steps
    recipe = model.recipe.model_copy(update={"train": model.recipe.train.model_copy(update={"steps": asked})})
    denoiser = build_denoiser(recipe, model.codec, model.conditions)
    denoiser.network.load_state_dict(model.denoiser.network.state_dict())
    trainer = Trainer(recipe, objective_of(recipe, denoiser), make_accelerator(recipe.train.precision))
    job = Job(recipe, Run(Path()), splits, model.codec, model.conditions, trainer, 0.0, {})
    run_through(job, on_step)
    known = {"steps": int(model.facts.get("steps", 0)) + asked, "examples": before + count}
    return replace(
        model, denoiser=job.model({}).denoiser.to(model.device), facts={**model.facts, **known}, calibration=None
    )


def _grown(model: Trained, more: Dataset) -> Trained:
    """A model whose memory has taken in more items."""
    if not isinstance(model.denoiser.network, Growing):
        raise UnsupportedError(
            "remembers what it was shown, and takes in no more", field="network.name", expected="as neighbours",
            got=model.recipe.network.name, fix="train it anew with all items",
        )  # fmt: skip
    denoiser = copy.deepcopy(model.denoiser)
    assert isinstance(denoiser.network, Growing)
    states = encode(examples_at(more, range(len(more))), model.codec, model.conditions).x0
    denoiser.network.add(to(states, model.device))
    facts = {**model.facts, "examples": int(model.facts.get("examples", 0)) + len(more)}
    return replace(model, denoiser=denoiser, facts=facts, calibration=None)


def extended(usual: Calibration, more: Calibration, most: int) -> Calibration:
    """What a statistic says of usual items, and of more of them; its threshold is no one's any more.

    Arguments:
        usual: before.
        more: of the same statistic.
        most: figures that are kept, the latest.

    Raises:
        RecipeError: they are of two statistics.
    """
    if usual.statistic != more.statistic:
        raise RecipeError("is another", field="statistic", expected=usual.statistic, got=more.statistic)
    figures = torch.cat([usual.figures, more.figures])[-most:]
    judged = figures[~figures.isnan().any(1)]
    values = stored(usual.statistic).combine(judged, figures).sort().values
    return Calibration(usual.statistic, figures, values)
