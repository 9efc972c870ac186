"""Cells of arrow columns as numbers and texts, and numbers as cells again.

In numbers that are read of cells, NaN is an empty cell and infinity one that is none of what was looked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
"""Arrow's names of the types of whole numbers."""

DAY = 86_400
"""Seconds."""

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
    if pa.types.is_string(cells.type):
        return cells
    try:
        return cells.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # lists, structs, bytes that are no text
        return pa.array([None if cell is None else str(cell) for cell in cells.to_pylist()], pa.string())


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


def present(values: Floats) -> Floats:
    """The numbers of cells that are there."""
    return values[~np.isnan(values)]


def deviations(values: Floats, centre: Floats | float, scale: float) -> Floats:
    """``(values - centre) / scale``, brought into the range of floats; infinity and NaN stay what they are."""
    with np.errstate(over="ignore", invalid="ignore"):
        off = (values - centre) / scale
    most = np.finfo(np.float64).max
    return np.where(np.isinf(values), values, np.clip(off, -most, most))


def rounded(values: Floats, decimals: int) -> Floats:
    """Numbers with so many decimals; those that are too large to have any stay what they are."""
    small = np.abs(values) < 2.0**53
    return np.where(small, np.round(np.where(small, values, 0.0), decimals), values)


def typed(values: Floats, there: NDArray[np.bool_], type: str, decimals: int | None) -> pa.Array:
    """Numbers as an arrow array of a type, rounded, and brought into its range."""
    if type not in INTEGERS:
        most = float(np.finfo(np.float32 if type == "float" else np.float64).max)
        values = np.clip(values if decimals is None else rounded(values, decimals), -most, most)
        return pa.array(values, pa.float64(), mask=~there).cast(pa.type_for_alias(type))
    info = np.iinfo(type)
    low, high = float(info.min), np.nextafter(float(info.max), 0.0) if info.bits == 64 else float(info.max)
    whole = np.clip(np.rint(values), low, high).astype(type)
    return pa.array(whole, pa.type_for_alias(type), mask=~there)


def number_type(type: pa.DataType) -> str:
    """What decoded cells are: whole numbers of their kind, or floats."""
    return str(type) if str(type) in (*INTEGERS, "float", "double") else "double"


def category_type(type: pa.DataType) -> str:
    """What decoded cells are: whole numbers, truths, or texts."""
    if pa.types.is_dictionary(type):
        return category_type(type.value_type)
    return str(type) if str(type) in (*INTEGERS, "bool") else "string"


def unit_of(type: pa.DataType) -> str:
    """What times count, as :data:`PER_SECOND` calls it."""
    if pa.types.is_date(type):
        return "day"
    return str(type.unit) if pa.types.is_timestamp(type) else "us"


def iso(times: pa.Array, step: float) -> pa.Array:
    """Times as ISO texts: of whole days the date alone."""
    told = times.cast(pa.timestamp("s")) if step >= 1.0 else times  # of which the seconds have no fraction
    return pc.strftime(told, format="%Y-%m-%d" if step == DAY else "%Y-%m-%dT%H:%M:%S")
