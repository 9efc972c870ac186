"""Places to be filled, in rounds: what is dropped in one is made anew in the next, from the seeds that follow.

Round r makes one item for each place that is still empty, and no more. So nothing that passed is ever thrown away, each
place is filled under its own conditions, and what fills it depends neither on the batch nor on how fast items are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.filters import Filter
from suffuse.tasks.filtering.filters import judged

TRIES = 10
"""Items made for each that is asked for, at most, unless told otherwise."""


@dataclass(frozen=True)
class Made:
    """An item, and what the denoiser believed of it after each step, if that was to be kept."""

    item: Item
    trail: Sequence[Item] = ()


Make = Callable[[Sequence[int], Sequence[int]], Sequence[Made]]
"""``(places, seeds) -> made``: an item for each of these places, from the seed beside it."""

Misfit = Callable[[int, Item], str | None]
"""``(place, item) -> reason``: why an item does not fit the place that it was made for, ``None`` if it does."""


@dataclass(frozen=True)
class Kept:
    """What passed.

    Arguments:
        places: those that were filled, in rising order.
        seeds: of what fills them.
        made: what fills them.
        tried: how many were made.
        drops: how many were dropped for each reason.
    """

    places: list[int]
    seeds: list[int]
    made: list[Made]
    tried: int
    drops: Mapping[str, int] = field(default_factory=dict)


def fill(
    make: Make,
    seeds: Sequence[int],
    filters: Sequence[Filter],
    tries: int | None = None,
    misfit: Misfit | None = None,
) -> Kept:
    """Fill places with items that fit them, and pass all filters.

    Arguments:
        make: makes items.
        seeds: of the first item for each place; replacements take those after the highest, in turn.
        filters: each gets the items in the order of their seeds.
        tries: items made at most; :data:`TRIES` for each place by default.
        misfit: tells what does not fit its place; it is dropped before the filters see it.

    Raises:
        DomainInputError: ``tries`` is below the number of places.
    """
    count = len(seeds)
    tries = TRIES * count if tries is None else tries
    if tries < count:
        raise DomainInputError("is below the number of items", field="tries", expected=f"at least {count}", got=tries)
    found: dict[int, tuple[int, Made]] = {}
    drops = Counter[str]()
    tried, empty, ahead = 0, list(range(count)), list(seeds)
    while empty and tried < tries:
        now = empty[: tries - tried]
        own = ahead[: len(now)]
        made = make(now, own)
        wrong = [None if misfit is None else misfit(place, one.item) for place, one in zip(now, made, strict=True)]
        filters, reasons = judged(filters, [one.item for one in made], wrong)
        for place, seed, one, reason in zip(now, own, made, reasons, strict=True):
            if reason is None:
                found[place] = seed, one
            else:
                drops[reason] += 1
        tried += len(now)
        empty = [place for place in empty if place not in found]
        first = max(seeds) + 1 + tried - count
        ahead = list(range(first, first + len(empty)))
    places = sorted(found)
    return Kept(places, [found[p][0] for p in places], [found[p][1] for p in places], tried, dict(drops.most_common()))
