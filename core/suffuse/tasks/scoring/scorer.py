"""All that an item's score depends on, in one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, islice
from typing import Any

import torch
from torch import Tensor

from suffuse.calibration import Calibration
from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.state import fields
from suffuse.tasks.scoring.cutting import WHOLE, Cutting, place_of, slices, unit_of, windows_of
from suffuse.tasks.scoring.scores import Scores
from suffuse.tasks.statistics import Statistic
from suffuse.tasks.statistics.figures import figures
from suffuse.trained import Trained
from suffuse.windows import Windowing

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
        cutting: how items are looked at that are larger than states.
        batch: windows looked at a time; as many as :func:`items_at_a_time` says, unless told.
    """

    model: Trained
    statistic: Statistic
    calibration: Calibration | None = None
    asked: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    cutting: Cutting = WHOLE
    batch: int | None = None

    @property
    def unit(self) -> str:
        """What the starts of windows are told in."""
        return unit_of(self.model.codec)

    def __call__(self, items: Sequence[Item], numbers: Sequence[int] | None = None) -> Scores:
        """Score a batch.

        Arguments:
            items: at least one.
            numbers: of the items in the run, by which conditions are dealt out; from 0 unless told.

        Raises:
            DomainInputError: the domain cannot take an item.
        """
        numbers = range(len(items)) if numbers is None else numbers
        looked = self.look(items, numbers)
        usual = self.calibration
        values = self.statistic.combine(looked.figures, None if usual is None else usual.figures)
        mean = looked.means(values)
        return Scores(
            mean,
            looked.means(looked.figures),
            None if usual is None else usual.p_values(mean),
            numbers,
            self.statistic.labels(self.model),
            self.statistic.name,
            self.statistic.units(usual is not None),
            *((None, None) if self.cutting.apart else looked.peaks(values)),
        )

    def look(self, items: Sequence[Item], numbers: Sequence[int]) -> Looked:
        """The figures of items, window by window where their codec has such; one batch of these is held at a time."""
        codec = self.model.codec
        if not isinstance(codec, Windowing):
            return Looked(self.figures(items, numbers))
        cut = ((i, window) for i, item in enumerate(items) for window in codec.windows(item, self.cutting.step))
        told, owners, starts = [], list[int](), list[float]()
        for part in slices(cut, self.batch or items_at_a_time(self.model)):
            told.append(self.figures([window.item for _, window in part], [numbers[i] for i, _ in part]))
            owners += [i for i, _ in part]
            starts += [window.start for _, window in part]
        return Looked(torch.cat(told), torch.tensor(owners).bincount().tolist(), starts)

    def oddest(self, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """Of each item the window of the highest score, and where it begins; itself, if it has one window only."""
        codec, found = self.model.codec, list[tuple[Item, str]]()
        for number, item in enumerate(items):
            windows = windows_of(codec, item, self.cutting.step)
            if len(windows) == 1:
                found.append((item, ""))
                continue
            looked = self.look([item], [number])
            values = self.statistic.combine(
                looked.figures, None if self.calibration is None else self.calibration.figures
            )
            window = next(islice(windows, int(values.argmax()), None))
            found.append((window.item, place_of(window, self.unit)))
        return found

    def faults(self, items: Sequence[Item]) -> dict[int, DomainInputError]:
        """Which items cannot be encoded, by their places, and why; see :meth:`suffuse.domain.Codec.faults`."""
        codec = self.model.codec
        if not isinstance(codec, Windowing):
            return codec.faults(items)
        found: dict[int, DomainInputError] = {}
        for i, item in enumerate(items):
            try:
                for window in codec.windows(item, self.cutting.step):
                    codec.encode([window.item])
            except DomainInputError as error:
                found[i] = error
        return found

    def figures(self, items: Sequence[Item], numbers: Sequence[int]) -> Tensor:
        """What the statistic combines, of items that are no larger than states: float64 ``[items, labels]``."""
        return figures(self.model, self.statistic, items, numbers, self.asked)


@dataclass(frozen=True, eq=False)
class Looked:
    """What was seen of some items.

    Arguments:
        figures: float64 ``[windows, labels]``, those of an item after those of the one before it.
        counts: the windows of each item; ``None``: items have no windows, and figures of their own.
        starts: where windows begin.
    """

    figures: Tensor
    counts: Sequence[int] | None = None
    starts: Sequence[float] = ()

    def means(self, values: Tensor) -> Tensor:
        """The mean of the windows of each item."""
        if self.counts is None or len(self.counts) == len(values):
            return values
        return torch.stack([part.mean(0) for part in torch.split(values, list(self.counts))])

    def peaks(self, values: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The highest value among the windows of each item, and where its window begins."""
        if self.counts is None:
            return None, None
        best = [part.max(0) for part in torch.split(values, list(self.counts))]
        firsts = accumulate(self.counts, initial=0)
        starts = [self.starts[first + int(one.indices)] for first, one in zip(firsts, best, strict=False)]
        return torch.stack([one.values for one in best]), torch.tensor(starts, dtype=torch.float64)


def together(parts: Sequence[Looked]) -> Looked:
    """What was seen of all items of several batches."""
    counted = [part.counts for part in parts if part.counts is not None]
    return Looked(
        torch.cat([part.figures for part in parts]),
        list(chain.from_iterable(counted)) if counted else None,
        list(chain.from_iterable(part.starts for part in parts)),
    )


def items_at_a_time(model: Trained) -> int:
    """How many items to score at a time: many small ones, few large ones."""
    entries = sum(value[0].numel() for _, value in fields(model.codec.like(1)))
    return max(FEWEST, min(MOST, ENTRIES // max(entries, 1)))
