"""Columns of points in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from suffuse_tabular.cells import (
    DAY,
    EARLIEST,
    LATEST,
    PER_SECOND,
    Floats,
    is_text,
    iso,
    numbers,
    present,
    seconds,
    unit_of,
)
from suffuse_tabular.columns.base import Standardized, mean_and_scale
from suffuse_tabular.columns.ranked import Ranked


@dataclass(frozen=True)
class Datetime(Standardized):
    """A column of points in time: seconds since 1970, standardized, and if asked for, places in the day and the week.

    Arguments:
        mean, scale: in seconds, or of their ranks.
        step: seconds; the longest of a day, an hour, a minute, a second, that all training cells are whole multiples
            of, or the unit itself. Decoded times are rounded to it.
        unit: of the cells: ``s``, ``ms``, ``us``, ``ns``, or ``day`` for dates without a time.
        zone: of the cells, ``None`` where they have none.
        text: whether the cells are ISO texts rather than of arrow's own type.
        cycles: periods, in seconds, whose sine and cosine are entries besides.
        cyclic: the mean and the scale of these, one after the other.
        ranked: the ranks of the seconds, where these stand for them.
    """

    step: float
    unit: str = "us"
    zone: str | None = None
    text: bool = False
    cycles: tuple[int, ...] = ()
    cyclic: tuple[float, ...] = ()
    ranked: Ranked | None = None
    kind: ClassVar[str] = "datetime"
    expects: ClassVar[str] = "a date or a time, as 2026-03-01T12:00:00"

    @classmethod
    def fit(cls, name: str, cells: pa.Array, cycles: Sequence[int] = (), by_ranks: bool = False) -> Datetime:
        there = present(seconds(cells))
        ranks = Ranked.fit(name, pa.array(there)) if by_ranks else None
        ranked = ranks if isinstance(ranks, Ranked) else None
        level = mean_and_scale(there) if ranked is None else (ranked.mean, ranked.deviation)
        unit = unit_of(cells.type)
        step = next((float(s) for s in (DAY, 3600, 60, 1) if not (there % s).any()), PER_SECOND[unit] ** -1)
        zone = cells.type.tz if pa.types.is_timestamp(cells.type) else None
        turns = [mean_and_scale(x) for x in cyclic(there, cycles)]
        return cls(
            name, *level, step, unit, zone, is_text(cells.type), tuple(cycles),
            tuple(number for pair in turns for number in pair), ranked,
        )  # fmt: skip

    @property
    def means(self) -> tuple[float, ...]:
        return (self.mean, *self.cyclic[::2])

    @property
    def scales(self) -> tuple[float, ...]:
        return (self.scale, *self.cyclic[1::2])

    def raw(self, cells: pa.Array) -> Floats:
        found = seconds(cells)
        with np.errstate(invalid="ignore"):
            turns = [np.where(np.isinf(found), np.inf, x) for x in cyclic(found, self.cycles)]
        level = found if self.ranked is None else self.ranked.raw(pa.array(found))[0]
        return np.stack([level, *turns])

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        level = raw[0] if self.ranked is None else numbers(self.ranked.cells(raw[:1], np.ones_like(there)))
        told = np.clip(np.rint(level / self.step) * self.step, EARLIEST, LATEST)
        if self.unit == "day":
            days = pa.array(np.rint(told / DAY).astype(np.int32), pa.int32(), mask=~there)
            made = days.cast(pa.date32())
        else:
            per = PER_SECOND[self.unit]
            last = 2**63 / per - 1.0  # nanoseconds reach from 1677 to 2262
            within = np.clip(told, max(EARLIEST, -last), min(LATEST, last))
            ticks = np.floor(within).astype(np.int64) * per + np.rint((within % 1.0) * per).astype(np.int64)
            made = pa.array(ticks, pa.int64(), mask=~there).cast(pa.timestamp(self.unit, self.zone))
        return iso(made, self.step) if self.text else made


def cyclic(values: Floats, cycles: Sequence[int]) -> list[Floats]:
    """Sine and cosine of each cycle, one after the other."""
    turns = [2.0 * np.pi * values / cycle for cycle in cycles]
    return [wave(turn) for turn in turns for wave in (np.sin, np.cos)]
