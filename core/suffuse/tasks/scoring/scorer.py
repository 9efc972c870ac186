"""All that an item's score depends on, in one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from suffuse.calibration import Calibration
from suffuse.domain import Item
from suffuse.state import fields
from suffuse.tasks.scoring.scores import Scores
from suffuse.tasks.statistics import Statistic
from suffuse.tasks.statistics.figures import figures
from suffuse.trained import Trained

FEWEST, MOST, ENTRIES = 64, 8192, 2**18
"""Items scored at a time unless told otherwise: as many as have so many entries, within bounds."""


@dataclass(frozen=True)
class Scorer:
    """A model, a statistic and what the statistic is compared with; a pure function from items to scores.

    An item's score depends on nothing else, so that any process that has made one of the same can score a part.

    Arguments:
        model: whose score it is.
        statistic: what oddness is measured by.
        calibration: what it says of usual items, if it is compared with any.
        asked: the conditions under which items are scored, by name: values that are dealt out in turn.
    """

    model: Trained
    statistic: Statistic
    calibration: Calibration | None = None
    asked: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __call__(self, items: Sequence[Item], numbers: Sequence[int] | None = None) -> Scores:
        """Score a batch.

        Arguments:
            items: at least one.
            numbers: of the items in the run, by which conditions are dealt out; from 0 unless told.

        Raises:
            DomainInputError: the domain cannot take an item.
        """
        numbers = range(len(items)) if numbers is None else numbers
        told = self.figures(items, numbers)
        usual = self.calibration
        values = self.statistic.combine(told, None if usual is None else usual.figures)
        return Scores(
            values,
            told,
            None if usual is None else usual.p_values(values),
            numbers,
            self.statistic.labels(self.model),
            self.statistic.name,
            self.statistic.units(usual is not None),
        )

    def figures(self, items: Sequence[Item], numbers: Sequence[int]) -> Tensor:
        """What the statistic combines: float64 ``[items, labels]``."""
        return figures(self.model, self.statistic, items, numbers, self.asked)


def items_at_a_time(model: Trained) -> int:
    """How many items to score at a time: many small ones, few large ones."""
    entries = sum(value[0].numel() for _, value in fields(model.codec.like(1)))
    return max(FEWEST, min(MOST, ENTRIES // max(entries, 1)))
