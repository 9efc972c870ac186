"""``generate``: make items out of noise, freely or under conditions, until as many as asked for have passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.rng import Rng
from suffuse.sampling import Steps
from suffuse.state import State, to
from suffuse.tasks.extent import parse_extent
from suffuse.tasks.filtering import Asked
from suffuse.tasks.inverse import plan_of
from suffuse.tasks.making import make
from suffuse.tasks.memory import Memory
from suffuse.tasks.plan import SAMPLING, OnStep, Sampling, at_places, deal, encode_part, make_plan, warn_of_unseen
from suffuse.tasks.rewards import STEERING, Rewarded, scorer_of
from suffuse.tasks.rewards import Asked as Reward
from suffuse.tasks.samples import Samples
from suffuse.trained import Trained

OPTIONS = (*SAMPLING, *STEERING, "on_step", "trajectory", "seeds", "extent", "filters", "tries", "memory")
"""The keywords of :func:`generate` that are no conditions."""


def generate(
    model: Trained,
    count: int = 1,
    *,
    seed: int = 0,
    seeds: Sequence[int] | None = None,
    conditions: Mapping[str, Any] | None = None,
    extent: str | None = None,
    filters: Sequence[Asked] = (),
    tries: int | None = None,
    memory: Memory | None = None,
    on_step: OnStep | None = None,
    trajectory: bool = False,
    reward: Reward | None = None,
    reward_weight: float = 1.0,
    reward_every: int = 2,
    particles: int = 4,
    **options: Any,
) -> Samples:
    """Make items.

    Arguments:
        model: a trained model.
        count: how many.
        seed: item i has seed ``seed + i``, and is the same alone or among others; or
        seeds: the items' seeds themselves.
        conditions: a value for all items, or a list that is dealt out in turn, by the condition's name.
        extent: how long, or how large, items are, in the domain's units, as ``"30s"``; longer than those of training
            they are made of overlapping windows together (:mod:`suffuse.guidance.windows`), all under the same
            conditions.
        filters: what an item has to pass. One that does not is dropped and counted, and another is made in its place,
            under the same conditions, from the next seed that was not used; see :func:`suffuse.tasks.filtering.fill`.
        tries: items made at most; ten for each that is asked for by default. Where they are used up, fewer come out,
            and a warning says why.
        memory: see :func:`suffuse.tasks.making.remember`.
        on_step: called with (steps done, steps in all) over all batches, as far as these are known: with filters more
            may follow.
        trajectory: keep the belief after each step.
        reward: steers by what items are worth: a function from a list of items to a number for each, larger being
            better, ``None`` for one that cannot be scored; or where it is, ``FILE.py:FUNCTION``. What comes out tells
            the score of each item. See :mod:`suffuse.sampling.steering`.
        reward_weight: λ: items are drawn as if their density were exp(λ·score) times the model's; below 0 less is
            better.
        reward_every: steps from one scoring to the next.
        particles: sampled for each item where there is a reward, at the cost of as many items.
        options: those of :class:`~suffuse.tasks.plan.Sampling`. Where a reward steers and no sampler is named it is
            DDPM, by whose fresh noise the copies of a particle part.

    Raises:
        DomainInputError: ``count`` is not positive, ``tries`` is less, or a condition does not fit the model.
        PluginError: there is no such filter.
        RecipeError: an option that a filter does not have, or cannot do without; or the reward fails, or gives
            something else than a number for each item.
        UnsupportedError: the sampler cannot work with the model's process.
    """
    seeds = list(range(seed, seed + count)) if seeds is None else list(seeds)
    if not seeds:
        raise DomainInputError("must be at least 1", field="count", got=count)
    plan = make_plan(model, Sampling(**options)) if reward is None else plan_of(model, options)
    asked, size = deal(conditions or {}, len(seeds)), None if extent is None else parse_extent(model.codec, extent)
    warn_of_unseen(model, asked)

    def run(places: Sequence[int], rng: Rng) -> Steps:
        wanted = at_places(asked, places)
        like: State = to(model.codec.like_under(wanted, len(rng), rng.at("like")), model.device)
        given = encode_part(model, wanted, slice(None), len(rng))
        if size is None:
            return plan.run(rng, given, like=like)
        return plan.run(rng, given, like=size.like(like), denoiser=size.over(plan.guided))

    rewarded = None if reward is None else Rewarded(scorer_of(reward), reward_weight, reward_every, particles)
    making, how = (plan, run) if rewarded is None else rewarded.steered(model, plan, run)
    kept, account = make(
        model, making, seeds, how, filters=filters, tries=tries, memory=memory, on_step=on_step, trajectory=trajectory
    )
    made = [one.item for one in kept.made]
    frames: list[list[Item]] = [list(seen) for seen in zip(*(one.trail for one in kept.made), strict=True)]
    return Samples(
        made, kept.seeds, at_places(asked, kept.places), frames if trajectory else None,
        account=account if rewarded is None else replace(account, steering=rewarded.to_json()),
        each={} if rewarded is None else {"score": rewarded.scorer(made)},
    )  # fmt: skip
