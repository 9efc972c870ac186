"""``drift``: which parts of items moved since a model was made, and whether its scores still mean what they did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from suffuse.calibration import Calibration
from suffuse.conformal import Drift, benjamini_hochberg, drift_of_counts
from suffuse.domain import Codec, Item, Unreadable, items_at
from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.portrait import Portrait, Tally, count, slots
from suffuse.state import State
from suffuse.tasks.movement import PartDrift, compare
from suffuse.tasks.score import Reference, Scorer, make_scorer, slices, usual_items
from suffuse.tasks.scoring.scorer import items_at_a_time
from suffuse.trained import Trained

RATE = 0.05
"""Of false discoveries among the parts that are said to have moved."""


@dataclass(frozen=True)
class Seen:
    """What was seen of a stream; that of two streams adds up.

    Arguments:
        tally: of the parts.
        ranks: of how many items none, one, …, all of the reference items are at least as odd; empty: none was scored.
        faults: items that could not be read or encoded.
    """

    tally: Tally | None
    ranks: Tensor
    faults: int

    def __add__(self, other: Seen) -> Seen:
        known = [tally for tally in (self.tally, other.tally) if tally is not None]
        same = len(self.ranks) == len(other.ranks)
        ranks = self.ranks + other.ranks if same else max(self.ranks, other.ranks, key=len)
        return Seen(reduce(Tally.__add__, known) if known else None, ranks, self.faults + other.faults)


@dataclass(frozen=True)
class Drifts:
    """Which parts moved.

    Arguments:
        parts: those that moved, then the others; the furthest first.
        scores: whether the scores did; ``None`` where none were asked for, or the model is not calibrated.
        items: how many were compared.
        faults: how many could not be.
        reference: how many they were compared with.
        rate: of false discoveries among the parts that are said to have moved.
        portrait, tally: what was compared.
    """

    parts: tuple[PartDrift, ...]
    scores: Drift | None
    items: int
    faults: int
    reference: int
    rate: float
    portrait: Portrait
    tally: Tally

    @property
    def moved(self) -> tuple[PartDrift, ...]:
        """The parts that moved."""
        return tuple(part for part in self.parts if part.moved)

    @property
    def furthest(self) -> float:
        """The largest distance of a part that moved; 0 where none did."""
        return max((part.distance for part in self.moved), default=0.0)

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each part."""
        for part in self.parts:
            told = {"absent_then": part.absent[0], "absent_now": part.absent[1]}
            if part.unseen is not None:
                told |= {"unseen_then": part.unseen[0], "unseen_now": part.unseen[1]}
            yield {
                "part": part.name, "distance": part.distance, "p": part.p, "moved": part.moved, "then": part.then,
                "now": part.now, "shift": part.shift, **told,
            }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """All figures, for programs."""
        scores = None if self.scores is None else vars(self.scores)
        told = {"items": self.items, "faults": self.faults, "reference": self.reference, "rate": self.rate}
        return {**told, "furthest": self.furthest, "scores": scores, "parts": list(self.rows())}


@dataclass(frozen=True)
class Watch:
    """All that a comparison depends on.

    Arguments:
        model: whose codec tells the parts.
        portrait: of the items with which others are compared.
        scorer: scores them too, where it is told.
    """

    model: Trained
    portrait: Portrait
    scorer: Scorer | None = None

    def see(self, items: Sequence[Item]) -> Seen:
        """What is seen of a batch.

        Raises:
            DomainInputError: nothing of this kind can be encoded, as rows that lack a column.
        """
        state, kept = _encodable(self.model.codec, items)
        if state is None:
            return Seen(None, torch.zeros(0, dtype=torch.int64), len(items))
        ranks = torch.zeros(0, dtype=torch.int64)
        if self.scorer is not None and self.scorer.calibration is not None:
            p, usual = self.scorer(kept).p, len(self.scorer.calibration.values)
            assert p is not None
            ranks = (p * (usual + 1) - 1.0).round().long().bincount(minlength=usual + 1)
        return Seen(count(self.model.codec, state, self.portrait.knots), ranks, len(items) - len(kept))

    def judge(self, seen: Seen, rate: float = RATE) -> Drifts:
        """Compare what was seen with what is known.

        Raises:
            DomainInputError: nothing was seen, or the rate is none.
        """
        if seen.tally is None:
            raise DomainInputError("are none that can be compared", field="items", got=f"{seen.faults} faulty ones")
        if not 0.0 < rate < 1.0:
            raise RecipeError("is no rate", field="rate", expected="between 0 and 1", got=rate, fix="0.05 for 5 in 100")
        found = compare(self.model, self.portrait, seen.tally)
        flags = benjamini_hochberg([part.p for part in found], rate)
        flagged = [replace(part, moved=bool(flag)) for part, flag in zip(found, flags, strict=True)]
        flagged.sort(key=lambda part: (not part.moved, -part.distance))
        scores = drift_of_counts(seen.ranks.numpy()) if len(seen.ranks) else None
        items, reference = int(seen.tally.items), int(self.portrait.tally.items)
        return Drifts(tuple(flagged), scores, items, seen.faults, reference, rate, self.portrait, seen.tally)


def drift(
    model: Trained,
    items: Iterable[Item],
    *,
    reference: Reference | None = None,
    rate: float = RATE,
    scores: bool = True,
    batch: int | None = None,
) -> Drifts:
    """Tell which parts of items are not as they were when the model was made.

    Arguments:
        model: of a domain whose items have named parts.
        items: as they come now; an iterable is read as it is compared, in constant memory.
        reference: what they are compared with; left out, the items that the model was calibrated on. ``"data"``: those
            of the validation part of the model's data; or items; or what ``calibrate`` made of some.
        rate: of false discoveries among the parts that are said to have moved.
        scores: whether they are scored too, if the model is calibrated.
        batch: items at a time; changes the speed, nothing else.

    Raises:
        UnsupportedError: the parts of the domain's items have no names.
        RecipeError: nothing is known of usual items.
        DomainInputError: there is no item that can be compared.
    """
    watch = make_watch(model, reference=reference, scores=scores)
    return watch.judge(seen_of(watch, slices(items, batch or items_at_a_time(model))), rate)


def make_watch(model: Trained, *, reference: Reference | None = None, scores: bool = True) -> Watch:
    """What items are compared with: see :func:`drift`."""
    if not slots(model.codec):
        raise UnsupportedError(
            "has items whose parts have no names", field=model.recipe.domain, expected="named parts, as columns of rows"
        )
    known = model.calibration if reference is None else reference
    scorer = make_scorer(model) if scores and isinstance(known, Calibration) and known is model.calibration else None
    if isinstance(known, Calibration):
        portrait = known.usual
    else:
        portrait = None if known is None else Portrait.of(model.codec, usual_items(model, known, {})[0])
    if portrait is None:
        raise RecipeError(
            "is not told, and the model keeps nothing of usual items", field="reference",
            expected="'data', items, or a calibration",
            fix="reference='data' takes the validation part of the model's data (--reference data)",
        )  # fmt: skip
    return Watch(model, portrait, scorer)


def seen_of(watch: Watch, batches: Iterable[Sequence[Item]]) -> Seen:
    """What is seen of several batches."""
    none = Seen(None, torch.zeros(0, dtype=torch.int64), 0)
    return reduce(Seen.__add__, map(watch.see, batches), none)


def _encodable(codec: Codec, items: Sequence[Item]) -> tuple[State | None, Sequence[Item]]:
    """The states of those items that can be encoded, and these."""
    if isinstance(items, list) and any(isinstance(item, Unreadable) for item in items):
        items = [item for item in items if not isinstance(item, Unreadable)]
    if not len(items):
        return None, items
    try:
        return codec.encode(items), items
    except DomainInputError:
        found = codec.faults(items)
        if not found:
            raise
        kept = items_at(items, [i for i in range(len(items)) if i not in found])
        return (codec.encode(kept), kept) if len(kept) else (None, kept)
