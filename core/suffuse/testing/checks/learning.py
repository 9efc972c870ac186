"""Learning: what runs must also learn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from suffuse.denoise import Preconditioned
from suffuse.posterior import Posterior
from suffuse.process import Process, Product
from suffuse.rng import Rng, seeded
from suffuse.state import State, fields, mask_of, only, refill
from suffuse.tasks.score import score
from suffuse.testing.case import COUNT, Case
from suffuse.testing.checks.codec import arbitrary, decoded
from suffuse.testing.failure import NotApplicable, require
from suffuse.trained import Trained
from suffuse.training.batches import Batches

RATIO = 3.0
"""The noise level σ/α at which a batch is learnt by heart: too noisy for the input to be the answer."""

STEPS = 300
ENOUGH = 0.7
"""The share of the baseline's error that must be reached."""

LOOK = 20
"""Steps between two looks at the error."""


def overfits(case: Case) -> None:
    """The network learns one noisy batch by heart: for each field far better than who predicts the batch's mean."""
    noise = torch.tensor(-2.0 * math.log(RATIO), dtype=torch.float64)
    t = case.process.schedule.time(noise).clamp(0.0, 1.0).reshape(1).expand(COUNT)
    x = case.process.corrupt(case.x0, t, case.rng("overfit"))
    baseline = _errors(case, Posterior(_means(case.x0)), x, t)
    denoiser = case.build()
    rate = max(case.recipe.optimizer.learning_rate, 1e-3)
    optimizer = torch.optim.AdamW(denoiser.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.0)
    reached: Mapping[str, float] = {}
    with seeded(0):
        for step in range(STEPS):
            loss = case.process.loss(denoiser.train()(x, t, case.conditions), case.x0, x, t).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(denoiser.parameters(), case.recipe.optimizer.clip)
            optimizer.step()
            if (step + 1) % LOOK == 0:
                reached = _reached(case, denoiser, x, t)
                if all(reached[name] < ENOUGH * error for name, error in baseline.items()):
                    return
    slow = {name or "state": f"{reached[name]:.3g} against {error:.3g}" for name, error in baseline.items()
            if not reached[name] < ENOUGH * error}  # fmt: skip
    require(
        False, f"does not learn one batch by heart in {STEPS} steps", field="network",
        expected=f"an error below {ENOUGH} of that of predicting the batch's mean, for every field", got=slow,
        fix="look for inputs that the network does not see, a detach, and outputs in another order than the fields",
    )  # fmt: skip


def _reached(case: Case, denoiser: Preconditioned, x: State, t: Tensor) -> Mapping[str, float]:
    with torch.no_grad():
        return _errors(case, denoiser.eval()(x, t, case.conditions), x, t)


def _errors(case: Case, posterior: Posterior, x: State, t: Tensor) -> dict[str, float]:
    """The mean error of each field in which the items differ."""
    found = {}
    for name, _ in fields(case.x0):
        process = _member(case.process, name)
        if name == "" or not isinstance(case.process, Product):
            loss = process.loss(posterior, case.x0, x, t)
            return {"": float(loss.mean())}
        loss = process.loss(posterior.only(name), only(case.x0, name), only(x, name), t)
        if _varies(case.x0, name):
            found[name] = float(loss.mean())
    return found


def _member(process: Process, name: str) -> Process:
    return process.fields[name] if isinstance(process, Product) else process


def _varies(x0: State, name: str) -> bool:
    assert isinstance(x0, dict)
    mean = _means(x0)
    assert isinstance(mean, dict)
    mask = mask_of(x0, name)
    off = (x0[name] - mean[name]).abs()
    return bool((off if mask is None else off * mask).max() > 0.05)


def _means(x0: State) -> State:
    """For every entry the mean over the samples where it is real."""
    made = {}
    for name, value in fields(x0):
        mask = None if isinstance(x0, Tensor) else mask_of(x0, name)
        real = torch.ones_like(value) if mask is None else mask.expand_as(value).to(value.dtype)
        made[name] = ((value * real).sum(0) / real.sum(0).clamp_min(1.0)).expand_as(value)
    return refill(x0, made)


TRAINING = 300
"""The most steps of the short training."""

PAUSE = 50
"""Steps between two looks at the scores."""

PLANTED = 16
USUAL = 64
"""Training items that scores are compared with."""

ABOVE = 0.8
"""How often a planted item must score above a usual one."""


def anomalies(case: Case) -> None:
    """After a short training, items that were decoded from noise score above items of the validation part."""
    if case.bridges:
        raise NotApplicable("the process leads from data to data: nothing is scored")
    above = 0.0
    for model in _in_training(case):
        above = _share_above(case, model)
        if above > ABOVE:
            return
    require(
        False, "score like usual items or below, and the domain declares Features.anomalies",
        field="planted outliers", expected="above four in five of the usual items, at least",
        got=f"above {above:.0%} of them",
        fix="keep in the state what makes an item odd: normalize by no item of itself",
    )  # fmt: skip


def _share_above(case: Case, model: Trained) -> float:
    """How often a planted item scores above one of the validation part."""
    held = case.splits.validation
    inliers = [held[i % len(held)].item for i in range(PLANTED)]
    outliers = (decoded(case, arbitrary(case, 3.0)) * 2)[:PLANTED]
    scored = score(model, [*inliers, *outliers], reference=[example.item for example in case.many[:USUAL]])
    values = torch.tensor(scored.values, dtype=torch.float64)
    return float((values[PLANTED:, None] > values[:PLANTED]).double().mean())


def _in_training(case: Case) -> Iterator[Trained]:
    """The model as it stands after every few steps of a short training."""
    denoiser, recipe = case.build().train(), case.recipe
    objective = case.objective(denoiser, recipe.objective.condition_dropout)
    optimizer = torch.optim.AdamW(denoiser.parameters(), lr=max(recipe.optimizer.learning_rate, 1e-3))
    batches = Batches(case.splits.train, case.codec, case.space, 32, recipe.train.seed)
    for step in range(TRAINING):
        batch = batches.at(step)
        with seeded(step):
            loss = objective(batch.x0, batch.conditions, Rng.of(range(32)).at("train", step))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(denoiser.parameters(), recipe.optimizer.clip)
        optimizer.step()
        if (step + 1) % PAUSE == 0:
            yield Trained(recipe, case.codec, dict(case.space), denoiser.eval())
            denoiser.train()
