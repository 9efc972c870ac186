"""Columns of numbers, by their mean and deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from suffuse_tabular.cells import Floats, deviations, number_type, numbers, present, rounded, typed
from suffuse_tabular.columns.base import Standardized, mean_and_scale, moments

MOST_DECIMALS = 6
"""Columns of cells with no more are decoded to as many as they have."""

BEND = 3.0
"""Deviations from the mean beyond which a :class:`LogTails` is logarithmic."""

FARTHEST = 1e150
"""Deviations off, beyond which no cell is made: so that what is made can be taken again, whatever the scale."""


@dataclass(frozen=True)
class Number(Standardized):
    """A column of numbers.

    One that never changes is divided by its own size, so that another number there is far off.

    Arguments:
        type: arrow's name of it, as ``double`` or ``int64``; integers are decoded rounded.
        decimals: that decoded cells are rounded to, if no training cell has more.
    """

    type: str = "double"
    decimals: int | None = None
    kind: ClassVar[str] = "number"
    expects: ClassVar[str] = "a finite number"

    @classmethod
    def fit(cls, name: str, cells: pa.Array) -> Self:
        values = present(numbers(cells))
        return cls(name, *cls.mean_and_scale(values), number_type(cells.type), decimals_of(values))

    @staticmethod
    def mean_and_scale(values: Floats) -> tuple[float, float]:
        """Of the training cells that are there."""
        return mean_and_scale(values)

    def raw(self, cells: pa.Array) -> Floats:
        return numbers(cells)[None]

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        return typed(raw[0], there, self.type, self.decimals)


@dataclass(frozen=True)
class LogTails(Number):
    """A column of numbers that is standardized, and logarithmic beyond three deviations: exactly invertible.

    What is further off stays further off, but a thousand deviations weigh about as much as twenty. The entry is the
    bent number itself, neither shifted nor divided after that.

    Arguments:
        scale: 1 for a column that never changes.
    """

    kind: ClassVar[str] = "logtails"

    @staticmethod
    def mean_and_scale(values: Floats) -> tuple[float, float]:
        mean, deviation = moments(values)
        return mean, deviation or 1.0

    @property
    def means(self) -> tuple[float, ...]:
        return (0.0,)

    @property
    def scales(self) -> tuple[float, ...]:
        return (1.0,)

    def raw(self, cells: pa.Array) -> Floats:
        return bent(deviations(super().raw(cells), self.mean, self.scale))

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        with np.errstate(over="ignore"):  # brought into range below
            far = np.clip(straightened(raw), -FARTHEST, FARTHEST)
            return super().cells(far * self.scale + self.mean, there)


def bent(z: Floats) -> Floats:
    """``sign(z)·3·(1 + ln(|z|/3))`` beyond 3, where the slope is 1 on both sides; infinity and NaN stay so."""
    far = np.maximum(np.abs(z), BEND)
    return np.where(np.abs(z) > BEND, np.sign(z) * BEND * (1.0 + np.log(far / BEND)), z)


def straightened(u: Floats) -> Floats:
    """The inverse of :func:`bent`; infinity where no float is large enough."""
    far = np.maximum(np.abs(u) / BEND - 1.0, 0.0)
    return np.where(np.abs(u) > BEND, np.sign(u) * BEND * np.exp(far), u)


def decimals_of(values: Floats) -> int | None:
    """How many decimals numbers have at most, if these are few."""
    return next((d for d in range(MOST_DECIMALS + 1) if np.array_equal(rounded(values, d), values)), None)
