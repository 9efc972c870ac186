"""``usual``: no item that the model's own score finds odd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from suffuse.domain import Item
from suffuse.errors import RecipeError
from suffuse.filters import Filter
from suffuse.tasks.score import joined, make_scorer, slices, stream_batches
from suffuse.tasks.scoring.scorer import Scorer, items_at_a_time
from suffuse.trained import Trained


@dataclass(frozen=True)
class Usual:
    """Drops items that few usual ones are as odd as.

    Arguments:
        scorer: has a calibration.
        least: the smallest p-value that passes.
    """

    scorer: Scorer
    least: float

    def judge(self, items: Sequence[Item]) -> tuple[Self, Sequence[str | None]]:
        faults = self.scorer.model.codec.faults(items)
        reasons: list[str | None] = ["cannot be scored" if i in faults else None for i in range(len(items))]
        whole = [i for i in range(len(items)) if i not in faults]
        if whole:
            batches = slices([items[i] for i in whole], items_at_a_time(self.scorer.model))
            p = joined(stream_batches(self.scorer, batches)).p
            assert p is not None
            for i, odd in zip(whole, (p < self.least).tolist(), strict=True):
                reasons[i] = "is odd" if odd else None
        return self, reasons


def usual(model: Trained, least: float = 0.05) -> Filter:
    """No odd item.

    Arguments:
        model: by whose calibration items are judged; where it has none, by the validation part of its data.
        least: the share of usual items that are as odd as one that passes, at least.

    Raises:
        RecipeError: ``least`` is no share.
        DataError: the model's data set is missing.
    """
    if not 0.0 < least < 1.0:
        raise RecipeError("is no share", field="usual.least", expected="between 0 and 1", got=least)
    return Usual(make_scorer(model, reference=None if model.calibration else "data"), least)
