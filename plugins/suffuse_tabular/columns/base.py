"""What every kind of column tells, and what those of one number share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from suffuse_tabular.cells import Floats


class Column(Protocol):
    """A kind of column, fitted."""

    kind: ClassVar[str]

    @property
    def name(self) -> str: ...

    @property
    def expects(self) -> str:
        """What its cells are, for messages."""

    @property
    def means(self) -> tuple[float, ...]:
        """Of each raw entry, over the training cells that are there."""

    @property
    def scales(self) -> tuple[float, ...]:
        """What each entry is divided by once its mean is subtracted, so that a column has about the variance one."""

    def raw(self, cells: pa.Array) -> Floats:
        """Entries ``[size, rows]``: NaN where a cell is empty, infinity where it cannot be taken."""

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        """The cells of entries ``[size, rows]``; empty where ``there``, bool ``[rows]``, is false."""


@dataclass(frozen=True)
class Standardized:
    """A column of one entry.

    Arguments:
        mean, scale: of the training cells.
    """

    name: str
    mean: float
    scale: float

    @property
    def means(self) -> tuple[float, ...]:
        return (self.mean,)

    @property
    def scales(self) -> tuple[float, ...]:
        return (self.scale,)


def mean_and_scale(values: Floats) -> tuple[float, float]:
    """Mean and deviation; of a number that never changes, its own size for the second."""
    mean, deviation = moments(values)
    return mean, deviation or abs(mean) or 1.0


def moments(values: Floats) -> tuple[float, float]:
    """Mean and deviation, 0 and 0 of nothing; the second is 0, too, where only rounding makes numbers differ."""
    if not len(values):
        return 0.0, 0.0
    _, exponent = math.frexp(float(np.abs(values).max()))
    unit = np.ldexp(values, -exponent)  # whose squares neither overflow nor vanish
    mean, deviation = float(unit.mean()), float(unit.std())
    same = deviation <= 1e-9 * abs(mean)
    return math.ldexp(mean, exponent), 0.0 if same else math.ldexp(deviation, exponent)
