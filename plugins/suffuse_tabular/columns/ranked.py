"""Columns of numbers by their ranks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from suffuse_tabular.cells import Floats, deviations, number_type, numbers, present, typed
from suffuse_tabular.columns.base import mean_and_scale
from suffuse_tabular.columns.numbers import Number, decimals_of

KNOTS = 1000
"""Quantiles that a rank transform remembers."""

RAREST = 1e-6
"""The chance that a cell lies beyond the training cells where the last of these is an atom."""

OFTEN = 5
"""Training cells of one number that make it an atom, if they are a five-hundredth of all, too."""


@dataclass(frozen=True)
class Ranked:
    """A column of numbers by their ranks: quantiles become those of a normal distribution.

    Between the knots the map is linear, and so exactly invertible; beyond the training cells it goes on with the slope
    of a standardized column, so that what is far off stays far off.

    A number that many cells share, as 0 in a column of rainfall, is an *atom*. It is encoded as the middle of the ranks
    of these, and all scores from the lowest to the highest of them are decoded to it: so it is made as often as it is
    in the training rows.

    Arguments:
        type, decimals: as for :class:`Number`.
        values: in rising order, the training cells' quantiles and atoms; all cells where these are few.
        scores: the normal score of each.
        lows, highs: the scores between which each is decoded; but for atoms, the score itself.
        scale: of the training cells: the slope beyond them is one over it.
        mean, deviation: of the training cells' scores.
    """

    name: str
    values: tuple[float, ...]
    scores: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    scale: float
    mean: float
    deviation: float
    type: str = "double"
    decimals: int | None = None
    kind: ClassVar[str] = "ranked"
    expects: ClassVar[str] = "a finite number"

    @classmethod
    def fit(cls, name: str, cells: pa.Array) -> Ranked | Number:
        """A column that never changes has no ranks, and stays a number."""
        from scipy.special import ndtri  # slow to import, and few columns are ranked

        values = np.sort(present(numbers(cells)))
        knots, counts = np.unique(values, return_counts=True)
        if len(knots) < 2:
            return Number.fit(name, cells)
        atoms = counts >= max(OFTEN, 2 * len(values) / KNOTS)
        if len(knots) > KNOTS:
            kept = np.unique(np.linspace(0, len(knots) - 1, KNOTS).round().astype(int))
            kept = np.union1d(kept, np.flatnonzero(atoms))
        else:
            kept = np.arange(len(knots))
        last = np.cumsum(counts)
        scores, lows, highs = (
            ndtri(np.clip(ranks[kept] / len(values), RAREST, 1.0 - RAREST))
            for ranks in (last - 0.5 * counts, last - counts, last)  # the middle, the first, the last of those tied
        )
        lows, highs = (np.where(atoms[kept], ends, scores) for ends in (lows, highs))
        told = np.interp(values, knots[kept], scores)
        _, scale = mean_and_scale(values)
        return cls(
            name, tuple(knots[kept].tolist()), tuple(scores.tolist()), tuple(lows.tolist()), tuple(highs.tolist()),
            scale, float(told.mean()), float(told.std()), number_type(cells.type), decimals_of(values),
        )  # fmt: skip

    @property
    def means(self) -> tuple[float, ...]:
        return (self.mean,)

    @property
    def scales(self) -> tuple[float, ...]:
        return (self.deviation,)

    def raw(self, cells: pa.Array) -> Floats:
        x = numbers(cells)
        values, scores = np.array(self.values), np.array(self.scores)
        inside = np.clip(x, values[0], values[-1])
        beyond = deviations(x, inside, self.scale)
        told = np.interp(inside, values, scores) + beyond
        told = np.where(x < values[0], self.lows[0] + beyond, np.where(x > values[-1], self.highs[-1] + beyond, told))
        return np.where(np.isinf(x), x, told)[None]

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        scores, values = self._ends
        beyond = (raw[0] - np.clip(raw[0], scores[0], scores[-1])) * self.scale
        return typed(np.interp(raw[0], scores, values) + beyond, there, self.type, self.decimals)

    @cached_property
    def _ends(self) -> tuple[Floats, Floats]:
        """Scores and the values that they are decoded to: each twice, but its score the same where it is no atom."""
        return np.array([self.lows, self.highs]).T.ravel(), np.repeat(self.values, 2)
