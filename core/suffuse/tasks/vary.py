"""``vary``: noise items a little, and make them anew from there (SDEdit, Meng et al. 2022). Any process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.tasks.alike import similarity_of, to_sources
from suffuse.tasks.copies import REASON as COPY
from suffuse.tasks.copies import Copies
from suffuse.tasks.filtering import Asked
from suffuse.tasks.inverse import Wanted
from suffuse.tasks.making import make
from suffuse.tasks.memory import Memory
from suffuse.tasks.plan import SAMPLING, OnStep, Sampling, at_places, make_plan, warn_of_unseen
from suffuse.tasks.samples import Samples
from suffuse.tasks.taking import warn_of_left
from suffuse.tasks.variations import Variations
from suffuse.trained import Trained

OPTIONS = (*SAMPLING, "strength", "similarity", "count", "seed", "names", "filters", "tries", "memory", "on_step")
"""The keywords of :func:`vary` that are no conditions."""

STRENGTH = 0.5
"""Where neither strength nor similarity is told."""


def vary(
    model: Trained,
    items: Sequence[Item],
    strength: float | None = None,
    *,
    similarity: float | None = None,
    count: int = 1,
    seed: int = 0,
    names: Sequence[str] | None = None,
    conditions: Mapping[str, Any] | None = None,
    filters: Sequence[Asked] = (),
    tries: int | None = None,
    memory: Memory | None = None,
    on_step: OnStep | None = None,
    **options: Any,
) -> Samples:
    """Make variations of items.

    What comes out tells of each variation how alike it is to its source, by the domain's own measure; where it has
    none, by the cosine of the model's features if a similarity was asked for.

    Arguments:
        model: a trained model, of any process.
        items: of its domain.
        strength: the share of noise that an item is mixed with, from 0, which gives the item back, to 1, which forgets
            it: the flow time σ/(α + σ) of the process's clock, whatever its schedule. At 0.5, the default, there is
            as much noise as signal; of discrete entries, half are noise. Or
        similarity: how alike to its source a variation shall be on average, from 0 to 1: the strength is found for
            each item by trial (:mod:`suffuse.tasks.strengths`), and told. Where none reaches it the nearest is taken,
            and a warning says so. Below 1, a copy of the source is dropped, counted as ``copy``, and another is made in
            its place, as for what a filter drops.
        count: variations of each item, one after the other.
        seed: variation c of item i has the seed ``seed + i·count + c``.
        names: what the items are called; their numbers by default.
        conditions: what the variations are to be: a value for all items, or a list that is dealt out in turn.
        filters, tries: what a variation has to pass, and how many are made at most; as for
            :func:`~suffuse.tasks.generate.generate`.
        memory: see :func:`suffuse.tasks.making.remember`.
        on_step: called with (steps done, steps in all) over all batches, as far as these are known; before, over those
            of each round of trials.
        options: those of :class:`~suffuse.tasks.plan.Sampling`; of the grid, the times below the start are visited.

    Raises:
        DomainInputError: there is no item, the domain cannot take one, ``strength`` or ``similarity`` is not in
            [0, 1], or both are told.
        UnsupportedError: the sampler cannot work with the model's process.
    """
    _check(strength, similarity)
    wanted = Wanted(items=items, count=count, seed=seed, names=names, conditions=conditions or {})
    warn_of_unseen(model, wanted.conditions)
    warn_of_left(model.codec, [[item] for item in items])
    plan = make_plan(model, Sampling(**options))
    if similarity is None:
        strengths = [STRENGTH if strength is None else strength] * len(items)
    else:
        from suffuse.tasks.strengths import strengths_for  # brings scikit-learn, which few need

        strengths = strengths_for(model, plan, wanted, similarity, on_step)
    copied = None if similarity is None or similarity >= 1.0 else Copies.of(model, items)
    numbers, asked, sources = wanted.numbers, wanted.asked, wanted.sources

    def misfit(place: int, made: Item) -> str | None:
        return COPY if copied is not None and copied(numbers[place], made) else None

    varied = Variations(model, plan, items, numbers, asked, [strengths[i] for i in numbers])
    kept, account = make(
        model, plan, wanted.seeds, varied.run, filters=filters, tries=tries, memory=memory, on_step=on_step,
        together=varied.strength, misfit=misfit,
    )  # fmt: skip
    made, of = [one.item for one in kept.made], [numbers[place] for place in kept.places]
    whole = [[item, *made[i * count : (i + 1) * count]] for i, item in enumerate(items)]
    each: dict[str, list[Any]] = {} if similarity is None else {"strength": [strengths[i] for i in of]}
    if similarity is not None or model.domain.similarity() is not None:
        measure = similarity_of(model)
        each[measure.name] = to_sources(measure, items, made, of)
    return Samples(
        made, kept.seeds, at_places(asked, kept.places), sources=[sources[place] for place in kept.places],
        rows=None if account.lacking else whole, account=account, each=each,
    )  # fmt: skip


def _check(strength: float | None, similarity: float | None) -> None:
    if strength is not None and similarity is not None:
        raise DomainInputError(
            "is told besides the strength", field="similarity", expected="one of both", got=similarity
        )
    for field, told in (("strength", strength), ("similarity", similarity)):
        if told is not None and not 0.0 <= told <= 1.0:
            raise DomainInputError("is out of range", field=field, expected="between 0 and 1", got=told)
