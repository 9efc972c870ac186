"""``bridge``: from source items to what they come from, with a model that was trained between the two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from typing import Any

from suffuse.domain import Item
from suffuse.errors import UnsupportedError
from suffuse.process import Interpolant
from suffuse.rng import Rng
from suffuse.sampling import Steps
from suffuse.state import State
from suffuse.tasks.inverse import Wanted
from suffuse.tasks.items import encode_gaps
from suffuse.tasks.making import Workshop, account_of
from suffuse.tasks.memory import Memory
from suffuse.tasks.plan import SAMPLING, OnStep, Sampling, at_places, encode_part, make_plan, warn_of_unseen
from suffuse.tasks.samples import Samples
from suffuse.tasks.taking import warn_of_left
from suffuse.trained import Trained

SEEDS = 2**32
"""By how much the seeds of an item's pieces are apart."""


@dataclass(frozen=True)
class Piece:
    """A piece of what is made.

    Arguments:
        whole: the number of what it is a piece of, among all that is made.
        item: the number of the item that this is made of.
        number: its own among the item's pieces.
    """

    whole: int
    item: int
    number: int

    @property
    def of(self) -> tuple[int, int]:
        """What it is a piece of: among all that is made, and its item."""
        return self.whole, self.item


OPTIONS = (*SAMPLING, "degrade", "count", "seed", "names", "memory", "on_step")
"""The keywords of :func:`bridge` that are no conditions."""


def bridge(
    model: Trained,
    items: Sequence[Item],
    *,
    degrade: bool = False,
    count: int = 1,
    seed: int = 0,
    names: Sequence[str] | None = None,
    conditions: Mapping[str, Any] | None = None,
    memory: Memory | None = None,
    on_step: OnStep | None = None,
    **options: Any,
) -> Samples:
    """Make items out of source items. Of an item that the codec cuts no more than a batch of pieces is held at a time.

    Arguments:
        model: one whose process is an :class:`~suffuse.process.Interpolant`: its recipe names a ``coupling``.
        items: the sources, degraded as those of training were.
        degrade: the items are clean: make sources of them first, by the coupling.
        count: results of each item, one after the other.
        seed: result c of item i has the seed ``seed + i·count + c``; items that the codec cuts are made piece by piece.
        names: what the items are called; their numbers by default.
        conditions: a value for all items, or a list that is dealt out to them in turn, by the condition's name.
        memory: see :func:`suffuse.tasks.making.remember`.
        on_step: called with (steps done, steps in all) over all batches.
        options: those of :class:`~suffuse.tasks.plan.Sampling`.

    Raises:
        DomainInputError: the domain cannot take an item.
        UnsupportedError: the model was trained from noise, or the sampler cannot work with a bridge.
    """
    process = model.process
    if not isinstance(process, Interpolant):
        raise UnsupportedError(
            "was trained from noise to data", field="model", expected="a model of a bridge: a recipe with a coupling",
            got=type(process).__name__, fix="use restore, which works with any model",
        )  # fmt: skip
    wanted = Wanted(items=items, count=count, seed=seed, names=names, conditions=conditions or {})
    plan = make_plan(model, Sampling(**options))
    asked, cut = wanted.asked, [model.codec.pieces(item) for item in items]
    warn_of_unseen(model, wanted.conditions)
    warn_of_left(model.codec, [[next(iter(some))] for some in cut])  # the others are no larger
    pieces = [Piece(whole, i, p) for whole, i in enumerate(wanted.numbers) for p in range(len(cut[i]))]
    source = Stream(chain.from_iterable(cut[i] for i in wanted.numbers))

    def run(places: Sequence[int], rng: Rng) -> Steps:
        some = [pieces[place] for place in places]
        encoded = encode_gaps(model, source.take(places), [one.item for one in some])
        x: State = process.coupling(encoded, rng.at("coupling")) if degrade else process.source(encoded)
        given = at_places(asked, [piece.whole for piece in some])
        return plan.run(rng, encode_part(model, given, slice(None), len(rng)), x=x)

    seeds = [wanted.seeds[piece.whole] + piece.number * SEEDS for piece in pieces]
    workshop = Workshop(model, plan, run, memory, on_step, trajectory=False)
    crossed = groupby(zip(pieces, workshop.stream(seeds), strict=True), key=lambda one: one[0].of)
    made = [model.codec.join((one for _, one in parts), items[item]) for (_, item), parts in crossed]
    rows = [[item, *made[i * count : (i + 1) * count]] for i, item in enumerate(items)]
    account = account_of(workshop, len(pieces))
    return Samples(made, wanted.seeds, asked, sources=wanted.sources, rows=rows, account=account)


class Stream:
    """Things by their numbers, which rise; those between are passed over, and none is held.

    Arguments:
        things: from number 0 on.
    """

    def __init__(self, things: Iterable[Item]) -> None:
        self._things = iter(things)
        self._next = 0

    def take(self, numbers: Sequence[int]) -> list[Item]:
        """Those of some numbers that follow each other."""
        first, end = numbers[0] - self._next, numbers[-1] + 1 - self._next
        self._next += end
        return list(islice(self._things, first, end))
