"""``vary``: noise items a little, and make them anew from there (SDEdit, Meng et al. 2022). Any process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.process import Process, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling import Step, part_of
from suffuse.tasks.filtering import Asked
from suffuse.tasks.inverse import Wanted
from suffuse.tasks.items import encode_items
from suffuse.tasks.making import make
from suffuse.tasks.plan import SAMPLING, OnStep, Sampling, at_places, encode_part, make_plan
from suffuse.tasks.samples import Samples
from suffuse.trained import Trained

OPTIONS = (*SAMPLING, "strength", "count", "seed", "names", "filters", "tries", "on_step")
"""The keywords of :func:`vary` that are no conditions."""


def vary(
    model: Trained,
    items: Sequence[Item],
    strength: float = 0.5,
    *,
    count: int = 1,
    seed: int = 0,
    names: Sequence[str] | None = None,
    conditions: Mapping[str, Any] | None = None,
    filters: Sequence[Asked] = (),
    tries: int | None = None,
    on_step: OnStep | None = None,
    **options: Any,
) -> Samples:
    """Make variations of items.

    Arguments:
        model: a trained model, of any process.
        items: of its domain.
        strength: the share of noise that an item is mixed with, from 0, which gives the item back, to 1, which forgets
            it: the flow time σ/(α + σ) of the process's clock, whatever its schedule. At 0.5 there is as much noise as
            signal; of discrete entries, half are noise.
        count: variations of each item, one after the other.
        seed: variation c of item i has the seed ``seed + i·count + c``.
        names: what the items are called; their numbers by default.
        conditions: what the variations are to be: a value for all items, or a list that is dealt out in turn.
        filters, tries: what a variation has to pass, and how many are made at most; as for
            :func:`~suffuse.tasks.generate.generate`.
        on_step: called with (steps done, steps in all) over all batches, as far as these are known.
        options: those of :class:`~suffuse.tasks.plan.Sampling`; of the grid, the times below the start are visited.

    Raises:
        DomainInputError: there is no item, the domain cannot take one, or ``strength`` is not in [0, 1].
        UnsupportedError: the sampler cannot work with the model's process.
    """
    if not 0.0 <= strength <= 1.0:
        raise DomainInputError("is out of range", field="strength", expected="between 0 and 1", got=strength)
    wanted = Wanted(items=items, count=count, seed=seed, names=names, conditions=conditions or {})
    plan = make_plan(model, Sampling(**options))
    start = start_time(plan.process, strength)
    times = plan.times if start >= 1.0 else part_of(plan.times, start) if start > 0.0 else []
    numbers, asked, sources = wanted.numbers, wanted.asked, wanted.sources

    def run(places: Sequence[int], rng: Rng) -> Iterator[Step]:
        x = encode_items(model, [items[numbers[place]] for place in places])
        if not times:
            return iter([Step(x, 0.0)])
        noised = None if start >= 1.0 else plan.process.corrupt(x, start, rng.at("vary"))
        given = encode_part(model, at_places(asked, places), slice(None), len(rng))
        return plan.run(rng, given, like=x, x=noised, times=times)

    kept, account = make(model, plan, wanted.seeds, run, filters=filters, tries=tries, on_step=on_step)
    made = [one.item for one in kept.made]
    whole = [[item, *made[i * count : (i + 1) * count]] for i, item in enumerate(items)]
    return Samples(
        made, kept.seeds, at_places(asked, kept.places), sources=[sources[place] for place in kept.places],
        rows=None if account.lacking else whole, account=account,
    )  # fmt: skip


def start_time(process: Process, strength: float) -> float:
    """The time at which the share of noise σ/(α + σ) is ``strength``; 1 where the process never has so much."""
    if strength <= 0.0:
        return 0.0
    return 1.0 if strength >= 1.0 else min(1.0, time_of_ratio(process.schedule, strength / (1.0 - strength)))
