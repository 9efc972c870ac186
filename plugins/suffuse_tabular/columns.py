"""Kinds of column, each fitted on training cells, frozen, and round-tripped by JSON.

A kind turns cells into *raw* entries, float64 ``[size, rows]``, and back. In these, NaN is an empty cell and infinity a
cell that the kind cannot take. Mean and scale of each entry are told apart from it, so that a codec standardizes all
columns of a table at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KNOTS = 1000
"""Quantiles that a rank transform remembers."""

MOST_DECIMALS = 6
"""Columns of cells with no more are decoded to as many as they have."""

DAY = 86_400


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
class Number:
    """A column of numbers, by its mean and deviation.

    A column that never changes is divided by its own size, so that another number there is far off.

    Arguments:
        type: arrow's name of it, as ``double`` or ``int64``; integers are decoded rounded.
        mean, scale: of the training cells.
        decimals: that decoded cells are rounded to, if no training cell has more.
    """

    name: str
    mean: float
    scale: float
    type: str = "double"
    decimals: int | None = None
    kind: ClassVar[str] = "number"

    @classmethod
    def fit(cls, name: str, cells: pa.Array) -> Number:
        values = _present(numbers(cells))
        return cls(name, *_mean_and_scale(values), _number_type(cells.type), _decimals(values))

    @property
    def expects(self) -> str:
        return "a finite number"

    @property
    def means(self) -> tuple[float, ...]:
        return (self.mean,)

    @property
    def scales(self) -> tuple[float, ...]:
        return (self.scale,)

    def raw(self, cells: pa.Array) -> Floats:
        return numbers(cells)[None]

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        return _typed(raw[0], there, self.type, self.decimals)


@dataclass(frozen=True)
class Ranked:
    """A column of numbers by their ranks: quantiles become those of a normal distribution.

    Between the knots the map is linear, and so exactly invertible; beyond the training cells it goes on with the slope
    of a standardized column, so that what is far off stays far off.

    Arguments:
        type, decimals: as for :class:`Number`.
        values: in rising order, the training cells' quantiles; all cells where these are few.
        scores: the normal score of each.
        scale: of the training cells: the slope beyond them is one over it.
        mean, deviation: of the training cells' scores.
    """

    name: str
    values: tuple[float, ...]
    scores: tuple[float, ...]
    scale: float
    mean: float
    deviation: float
    type: str = "double"
    decimals: int | None = None
    kind: ClassVar[str] = "ranked"

    @classmethod
    def fit(cls, name: str, cells: pa.Array) -> Ranked | Number:
        """A column that never changes has no ranks, and stays a number."""
        from scipy.special import ndtri  # slow to import, and few columns are ranked

        values = np.sort(_present(numbers(cells)))
        knots = np.unique(values)
        if len(knots) < 2:
            return Number.fit(name, cells)
        middle = np.searchsorted(values, knots) + np.searchsorted(values, knots, side="right")
        scores = ndtri(middle / (2 * len(values)))  # of the middle of those that are tied
        if len(knots) > KNOTS:
            kept = np.unique(np.linspace(0, len(knots) - 1, KNOTS).round().astype(int))
            knots, scores = knots[kept], scores[kept]
        told = np.interp(values, knots, scores)
        _, scale = _mean_and_scale(values)
        return cls(
            name, tuple(knots.tolist()), tuple(scores.tolist()), scale, float(told.mean()), float(told.std()),
            _number_type(cells.type), _decimals(values),
        )  # fmt: skip

    @property
    def expects(self) -> str:
        return "a finite number"

    @property
    def means(self) -> tuple[float, ...]:
        return (self.mean,)

    @property
    def scales(self) -> tuple[float, ...]:
        return (self.deviation,)

    def raw(self, cells: pa.Array) -> Floats:
        x = numbers(cells)
        knots, scores = self._knots
        with np.errstate(invalid="ignore"):  # infinity less infinity: what cannot be taken stays infinite below
            beyond = (x - np.clip(x, knots[0], knots[-1])) / self.scale
        return np.where(np.isinf(x), x, np.interp(x, knots, scores) + beyond)[None]

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        knots, scores = self._knots
        beyond = (raw[0] - np.clip(raw[0], scores[0], scores[-1])) * self.scale
        return _typed(np.interp(raw[0], scores, knots) + beyond, there, self.type, self.decimals)

    @cached_property
    def _knots(self) -> tuple[Floats, Floats]:
        return np.array(self.values), np.array(self.scores)


@dataclass(frozen=True)
class Boolean:
    """A column of yes and no, as one number.

    Arguments:
        share: of the training cells that are true.
    """

    name: str
    share: float
    kind: ClassVar[str] = "boolean"

    @classmethod
    def fit(cls, name: str, cells: pa.Array) -> Boolean:
        return cls(name, float(_present(truths(cells)).mean()))

    @property
    def expects(self) -> str:
        return "true or false"

    @property
    def means(self) -> tuple[float, ...]:
        return (self.share,)

    @property
    def scales(self) -> tuple[float, ...]:
        return (math.sqrt(self.share * (1.0 - self.share)) or 1.0,)

    def raw(self, cells: pa.Array) -> Floats:
        return truths(cells)[None]

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        return pa.array(raw[0] > 0.5, mask=~there)


@dataclass(frozen=True)
class Category:
    """A column of categories, one-hot, and one class more for all that are not among them.

    Arguments:
        classes: as text, the most frequent first.
        frequencies: of the classes and, last, of all others; all positive, their sum is one.
        rest: what a cell of another category is decoded to: the most frequent of those that the training data have
            besides ``classes``, or of all where they have none.
        type: arrow's name of the cells' type.
    """

    name: str
    classes: tuple[str, ...]
    frequencies: tuple[float, ...]
    rest: str
    type: str = "string"
    kind: ClassVar[str] = "category"

    @classmethod
    def fit(cls, name: str, cells: pa.Array, most: int) -> Category:
        """Arguments: ``most``: classes that are kept; what is rarer is of the class of all others."""
        counted = texts(cells, kept := _category_type(cells.type)).drop_null().value_counts()
        pairs = [(pair["values"], pair["counts"]) for pair in counted.to_pylist()]
        ranked = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
        seen, others = ranked[:most], ranked[most:]
        counts = np.array([count for _, count in seen] + [sum(count for _, count in others) or 0.5])
        shares = counts / counts.sum()
        rest = others[0][0] if others else ranked[0][0]
        return cls(name, tuple(text for text, _ in seen), tuple(shares.tolist()), rest, kept)

    @property
    def expects(self) -> str:
        return "a category"

    @property
    def means(self) -> tuple[float, ...]:
        return self.frequencies

    @property
    def scales(self) -> tuple[float, ...]:
        """One for all entries: together they have the variance of one number, however many classes there are."""
        return (math.sqrt(1.0 - sum(f * f for f in self.frequencies)),) * len(self.frequencies)

    def raw(self, cells: pa.Array) -> Floats:
        classes = self.indices(cells)
        entries: Floats = (np.arange(len(self.frequencies))[:, None] == classes).astype(np.float64)
        entries[:, classes < 0] = np.nan
        return entries

    def indices(self, cells: pa.Array) -> NDArray[np.int64]:
        """The class of each cell, the last for one that is unknown, and −1 for none: ``[rows]``."""
        told = texts(cells, self.type)
        found = pc.fill_null(pc.index_in(told, self._classes), len(self.classes)).to_numpy(zero_copy_only=False)
        there = told.is_valid().to_numpy(zero_copy_only=False)
        result: NDArray[np.int64] = np.where(there, found, -1).astype(np.int64)
        return result

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        chosen = np.where(raw[:-1].max(0, initial=-np.inf) > raw[-1], raw[:-1].argmax(0), len(self.classes))
        known = pa.array([*self.classes, self.rest], pa.string())
        made = known.take(pa.array(chosen, mask=~there))
        return made.cast(pa.type_for_alias(self.type))

    @cached_property
    def _classes(self) -> pa.Array:
        return pa.array(self.classes, pa.string())


@dataclass(frozen=True)
class Ordinal:
    """A column of levels in an order, as a number: the first is 0.

    Arguments:
        levels: as text, from the lowest to the highest.
        mean, scale: of the training cells.
        type: arrow's name of the cells' type.
    """

    name: str
    levels: tuple[str, ...]
    mean: float
    scale: float
    type: str = "string"
    kind: ClassVar[str] = "ordinal"

    @classmethod
    def fit(cls, name: str, cells: pa.Array, levels: Sequence[str]) -> Ordinal:
        made = cls(name, tuple(levels), 0.0, 1.0, _category_type(cells.type))
        found = made.raw(cells)[0]
        mean, scale = _mean_and_scale(found[np.isfinite(found)])
        return cls(name, made.levels, mean, scale, made.type)

    @property
    def expects(self) -> str:
        return f"one of {', '.join(self.levels)}"

    @property
    def means(self) -> tuple[float, ...]:
        return (self.mean,)

    @property
    def scales(self) -> tuple[float, ...]:
        return (self.scale,)

    def raw(self, cells: pa.Array) -> Floats:
        told = texts(cells, self.type)
        found = pc.index_in(told, self._levels).cast(pa.float64()).to_numpy(zero_copy_only=False)
        there = told.is_valid().to_numpy(zero_copy_only=False)
        entries: Floats = np.where(there & np.isnan(found), np.inf, found)
        return entries[None]

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        chosen = np.clip(np.rint(raw[0]), 0, len(self.levels) - 1).astype(np.int64)
        return self._levels.take(pa.array(chosen, mask=~there)).cast(pa.type_for_alias(self.type))

    @cached_property
    def _levels(self) -> pa.Array:
        return pa.array(self.levels, pa.string())


@dataclass(frozen=True)
class Datetime:
    """A column of points in time: seconds since 1970, standardized, and if asked for, places in the day and the week.

    Arguments:
        mean, scale: of the training cells, in seconds.
        step: seconds; the longest of a day, an hour, a minute, a second, that all training cells are whole multiples
            of, or the unit itself. Decoded times are rounded to it.
        unit: of the cells: ``s``, ``ms``, ``us``, ``ns``, or ``day`` for dates without a time.
        zone: of the cells, ``None`` where they have none.
        text: whether the cells are ISO texts rather than of arrow's own type.
        cycles: periods, in seconds, whose sine and cosine are entries besides.
        cyclic: the mean and the scale of these, one after the other.
    """

    name: str
    mean: float
    scale: float
    step: float
    unit: str = "us"
    zone: str | None = None
    text: bool = False
    cycles: tuple[int, ...] = ()
    cyclic: tuple[float, ...] = ()
    kind: ClassVar[str] = "datetime"

    @classmethod
    def fit(cls, name: str, cells: pa.Array, cycles: Sequence[int] = ()) -> Datetime:
        found = seconds(cells)
        present = _present(found)
        unit = _unit(cells.type)
        step = next((float(s) for s in (DAY, 3600, 60, 1) if not (present % s).any()), PER_SECOND[unit] ** -1)
        zone = cells.type.tz if pa.types.is_timestamp(cells.type) else None
        turns = [_mean_and_scale(x) for x in _cyclic(present, cycles)]
        return cls(
            name, *_mean_and_scale(present), step, unit, zone, is_text(cells.type), tuple(cycles),
            tuple(number for pair in turns for number in pair),
        )  # fmt: skip

    @property
    def expects(self) -> str:
        return "a date or a time, as 2026-03-01T12:00:00"

    @property
    def means(self) -> tuple[float, ...]:
        return (self.mean, *self.cyclic[::2])

    @property
    def scales(self) -> tuple[float, ...]:
        return (self.scale, *self.cyclic[1::2])

    def raw(self, cells: pa.Array) -> Floats:
        found = seconds(cells)
        with np.errstate(invalid="ignore"):
            turns = [np.where(np.isinf(found), np.inf, x) for x in _cyclic(found, self.cycles)]
        return np.stack([found, *turns])

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        told = np.clip(np.rint(raw[0] / self.step) * self.step, EARLIEST, LATEST)
        if self.unit == "day":
            days = pa.array(np.rint(told / DAY).astype(np.int32), pa.int32(), mask=~there)
            made = days.cast(pa.date32())
        else:
            per = PER_SECOND[self.unit]
            last = 2**63 / per - 1.0  # nanoseconds reach from 1677 to 2262
            within = np.clip(told, max(EARLIEST, -last), min(LATEST, last))
            ticks = np.floor(within).astype(np.int64) * per + np.rint((within % 1.0) * per).astype(np.int64)
            made = pa.array(ticks, pa.int64(), mask=~there).cast(pa.timestamp(self.unit, self.zone))
        return _iso(made, self.step) if self.text else made


KINDS: dict[str, Any] = {k.kind: k for k in (Number, Ranked, Boolean, Category, Ordinal, Datetime)}


def to_json(column: Any) -> dict[str, Any]:
    """A fitted column as JSON-able data."""
    return {"kind": column.kind, **asdict(column)}


def from_json(data: Mapping[str, Any]) -> Column:
    """The inverse of :func:`to_json`."""
    options = {name: tuple(x) if isinstance(x, list) else x for name, x in data.items() if name != "kind"}
    column: Column = KINDS[data["kind"]](**options)
    return column


# --- cells as numbers -----------------------------------------------------------------------------------------------

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "day": 1}
"""Ticks in a second; those of dates are seconds, too."""

EARLIEST, LATEST = -62_135_510_400.0, 253_402_128_000.0
"""The years 1 to 9999, in seconds since 1970, which Python's calendar knows; less a day at either end for any zone."""


def is_text(type: pa.DataType) -> bool:
    """Whether cells are texts."""
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type) or pa.types.is_string_view(type))


def is_number(type: pa.DataType) -> bool:
    """Whether cells are numbers."""
    return bool(pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type))


def is_time(type: pa.DataType) -> bool:
    """Whether cells are points in time."""
    return bool(pa.types.is_timestamp(type) or pa.types.is_date(type))


def plain(cells: pa.Array) -> pa.Array:
    """Cells without a dictionary."""
    return cells.dictionary_decode() if pa.types.is_dictionary(cells.type) else cells


def numbers(cells: pa.Array) -> Floats:
    """Cells as float64 ``[rows]``: NaN where one is empty, infinity where it is no finite number."""
    cells = plain(cells)
    if pa.types.is_null(cells.type):
        return np.full(len(cells), np.nan)
    if is_text(cells.type):
        return _read(cells, pa.float64(), _number_in)
    if pa.types.is_boolean(cells.type):
        cells = cells.cast(pa.int8())
    elif not is_number(cells.type):
        return _none_taken(cells)
    return _floats(cells)


def truths(cells: pa.Array) -> Floats:
    """Cells as 0 and 1, ``[rows]``: NaN where one is empty, infinity where it is neither."""
    cells = plain(cells)
    found = _each(cells, _truth_in) if is_text(cells.type) else numbers(cells)
    told: Floats = np.where(np.isnan(found) | (found == 0.0) | (found == 1.0), found, np.inf)
    return told


def seconds(cells: pa.Array) -> Floats:
    """Cells as seconds since 1970, ``[rows]``: NaN where one is empty, infinity where it is no point in time.

    Times without a zone are taken as they are.
    """
    cells = plain(cells)
    if pa.types.is_null(cells.type):
        return np.full(len(cells), np.nan)
    if is_text(cells.type):
        return _read(cells, pa.timestamp("us"), _seconds_in)
    if not is_time(cells.type):
        return _none_taken(cells)
    return _ticks(cells)


def _ticks(cells: pa.Array) -> Floats:
    """Points in time as seconds since 1970."""
    if pa.types.is_date(cells.type):
        cells = cells.cast(pa.date32()).cast(pa.timestamp("s"))
    return _floats(cells.cast(pa.int64())) / PER_SECOND[cells.type.unit]


def _floats(cells: pa.Array) -> Floats:
    """Numbers as float64, NaN where one is missing."""
    if not pa.types.is_float64(cells.type):
        cells = cells.cast(pa.float64(), safe=False)
    found: Floats = cells.to_numpy(zero_copy_only=False)
    return found


def texts(cells: pa.Array, type: str) -> pa.Array:
    """Cells as texts, as those of another column were that was of a type.

    Whole numbers are written without a point, whether an empty cell among them made them floats or not.
    """
    cells = plain(cells)
    if type in INTEGERS and pa.types.is_floating(cells.type):
        fitting = pc.equal(cells, pc.floor(cells))
        cells = pc.if_else(fitting, cells, None).cast(pa.int64(), safe=False)
    return cells if pa.types.is_string(cells.type) else cells.cast(pa.string())


INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def _read(cells: pa.Array, type: pa.DataType, one: Callable[[str], float]) -> Floats:
    """Texts as numbers or times: all together if arrow can, else each by itself."""
    try:
        made = cells.cast(type)
    except pa.ArrowInvalid:
        return _each(cells, one)
    return _floats(made) if is_number(type) else _ticks(made)


def _each(cells: pa.Array, one: Callable[[str], float]) -> Floats:
    """Texts read one by one: what is blank is empty, and what cannot be read infinite."""
    return np.array([np.nan if cell is None or not cell.strip() else one(cell) for cell in cells.to_pylist()])


def _number_in(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf


def _truth_in(text: str) -> float:
    return {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "yes": 1.0, "no": 0.0}.get(text.strip().lower(), math.inf)


def _seconds_in(text: str) -> float:
    from datetime import UTC, datetime

    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        return math.inf
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def _none_taken(cells: pa.Array) -> Floats:
    there = cells.is_valid().to_numpy(zero_copy_only=False)
    return np.where(there, np.inf, np.nan)


def _present(values: Floats) -> Floats:
    """The numbers of cells that are there."""
    return values[~np.isnan(values)]


def _mean_and_scale(values: Floats) -> tuple[float, float]:
    """Mean and deviation; of a number that never changes, its own size for the second."""
    if not len(values):
        return 0.0, 1.0
    mean = float(values.mean())
    deviation = float(values.std())
    same = deviation <= 1e-9 * abs(mean) or deviation == 0.0
    return mean, (abs(mean) or 1.0) if same else deviation


def _cyclic(values: Floats, cycles: Sequence[int]) -> list[Floats]:
    turns = [2.0 * np.pi * values / cycle for cycle in cycles]
    return [wave(turn) for turn in turns for wave in (np.sin, np.cos)]


def _decimals(values: Floats) -> int | None:
    """How many decimals numbers have at most, if these are few."""
    return next((d for d in range(MOST_DECIMALS + 1) if np.array_equal(np.round(values, d), values)), None)


def _typed(values: Floats, there: NDArray[np.bool_], type: str, decimals: int | None) -> pa.Array:
    """Numbers as an arrow array of a type, rounded; those of integers are brought into range."""
    if type not in INTEGERS:
        values = values if decimals is None else np.round(values, decimals)
        return pa.array(values, pa.float64(), mask=~there).cast(pa.type_for_alias(type))
    info = np.iinfo(type)
    low, high = float(info.min), np.nextafter(float(info.max), 0.0) if info.bits == 64 else float(info.max)
    whole = np.clip(np.rint(values), low, high).astype(type)
    return pa.array(whole, pa.type_for_alias(type), mask=~there)


def _number_type(type: pa.DataType) -> str:
    return str(type) if str(type) in (*INTEGERS, "float", "double") else "double"


def _category_type(type: pa.DataType) -> str:
    """What decoded cells are: whole numbers, truths, or texts."""
    if pa.types.is_dictionary(type):
        return _category_type(type.value_type)
    return str(type) if str(type) in (*INTEGERS, "bool") else "string"


def _unit(type: pa.DataType) -> str:
    if pa.types.is_date(type):
        return "day"
    return str(type.unit) if pa.types.is_timestamp(type) else "us"


def _iso(times: pa.Array, step: float) -> pa.Array:
    """Times as ISO texts: of whole days the date alone."""
    told = times.cast(pa.timestamp("s")) if step >= 1.0 else times  # of which the seconds have no fraction
    return pc.strftime(told, format="%Y-%m-%d" if step == DAY else "%Y-%m-%dT%H:%M:%S")
