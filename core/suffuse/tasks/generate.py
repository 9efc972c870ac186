"""``generate``: make items out of noise, freely or under conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.rng import Rng
from suffuse.state import State, to
from suffuse.tasks.plan import SAMPLING, OnStep, Sampling, deal, encode_part, make_plan, parts
from suffuse.tasks.samples import Samples
from suffuse.trained import Trained

OPTIONS = (*SAMPLING, "on_step", "trajectory", "seeds")
"""The keywords of :func:`generate` that are no conditions."""


def generate(
    model: Trained,
    count: int = 1,
    *,
    seed: int = 0,
    seeds: Sequence[int] | None = None,
    conditions: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    trajectory: bool = False,
    **options: Any,
) -> Samples:
    """Make items.

    Arguments:
        model: a trained model.
        count: how many.
        seed: item i has seed ``seed + i``, and is the same alone or among others; or
        seeds: the items' seeds themselves.
        conditions: a value for all items, or a list that is dealt out in turn, by the condition's name.
        on_step: called with (steps done, steps in all) over all batches.
        trajectory: keep the belief after each step.
        options: those of :class:`~suffuse.tasks.plan.Sampling`.

    Raises:
        DomainInputError: ``count`` is not positive, or a condition does not fit the model.
        UnsupportedError: the sampler cannot work with the model's process.
    """
    seeds = list(range(seed, seed + count)) if seeds is None else list(seeds)
    if not seeds:
        raise DomainInputError("must be at least 1", field="count", got=count)
    plan = make_plan(model, Sampling(**options))
    asked = deal(conditions or {}, len(seeds))
    batches = parts(len(seeds), plan.batch)
    total, done = len(batches) * (len(plan.times) - 1), 0
    items: list[Item] = []
    frames: list[list[Item]] = []
    for part in batches:
        rng = Rng.of(seeds[part])
        given = encode_part(model, asked, part, len(rng))
        wanted = {name: values[part] for name, values in asked.items()}
        like: State = to(model.codec.like_under(wanted, len(rng), rng.at("like")), model.device)
        here: list[list[Item]] = []
        for now in plan.run(rng, given, like=like):
            if now.index and on_step is not None:
                done += 1
                on_step(done, total)
            if trajectory and now.posterior is not None:
                here.append(model.codec.decode(now.posterior.mean))
        items += model.codec.decode(now.x)
        frames = [a + b for a, b in zip(frames, here, strict=True)] if frames else here
    return Samples(items, seeds, asked, frames if trajectory else None)
