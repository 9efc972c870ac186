"""What cells of texts are, and columns of texts as columns of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from suffuse_tabular.cells import is_number, is_text

EMPTY = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
"""What stands for an empty cell among numbers; among texts only nothing at all does."""

TIMES = (pa.date32(), pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("us", "UTC"))
"""Types of points in time, the plainest first."""


def column_type(cells: pa.ChunkedArray, comma: bool = False) -> pa.DataType:
    """What all cells of a column of texts are: the first of nothing, truths, whole numbers, numbers, dates, times.

    Numbers that begin with a zero, as postcodes do, stay texts.

    Arguments:
        comma: whether numbers may have a comma for a point.
    """
    some = cells.drop_null()
    if not len(some):
        return pa.null()
    bare = pc.utf8_trim_whitespace(some)
    numbers = _pointed(bare.filter(pc.invert(pc.is_in(bare, pa.array(EMPTY)))), comma)
    if not len(numbers):
        return pa.float64()
    if pc.any(pc.match_substring_regex(numbers, r"^[-+]?0[0-9]")).as_py():
        return _first_of(bare, TIMES) or pa.string()
    return _truths(bare) or _first_of(numbers, (pa.int64(), pa.float64())) or _first_of(bare, TIMES) or pa.string()


def _truths(cells: pa.ChunkedArray) -> pa.DataType | None:
    """Truth, if all cells say ``true`` or ``false``: 0 and 1 are numbers."""
    told = pc.is_in(pc.utf8_lower(cells), pa.array(["true", "false"]))
    return pa.bool_() if pc.all(told).as_py() else None


def _first_of(cells: pa.ChunkedArray, types: Iterable[pa.DataType]) -> pa.DataType | None:
    return next((type for type in types if cast_or_none(cells, type) is not None), None)


def typed(table: pa.Table, types: Mapping[str, pa.DataType], comma: bool = False) -> Iterator[pa.Table]:
    """A table of texts with columns of their types; rows with cells that cannot be come alone, as texts."""
    columns = {name: _cells(table.column(name), types[name], comma) for name in table.column_names}
    failed = [name for name, made in columns.items() if made is None]
    if not failed:
        yield pa.table(columns)
    elif table.num_rows == 1:
        yield pa.table({name: table.column(name) if made is None else made for name, made in columns.items()})
    else:
        half = table.num_rows // 2
        yield from typed(table.slice(0, half), types, comma)
        yield from typed(table.slice(half), types, comma)


def _cells(texts: pa.ChunkedArray, type: pa.DataType, comma: bool) -> pa.ChunkedArray | None:
    """Texts as cells of a type; ``None`` where they cannot be."""
    if is_text(type):
        return texts
    if pa.types.is_null(type):
        return pa.chunked_array([pa.nulls(len(texts))])
    bare = pc.utf8_trim_whitespace(texts)
    if is_number(type):
        bare = _pointed(pc.if_else(pc.is_in(bare, pa.array(EMPTY)), None, bare), comma)
    made = cast_or_none(bare, type)
    return cast_or_none(bare, pa.float64()) if made is None and is_number(type) else made


def _pointed(cells: pa.ChunkedArray, comma: bool) -> pa.ChunkedArray:
    """Numbers with a point where they have a comma."""
    return pc.replace_substring_regex(cells, r"^([-+]?[0-9]*),([0-9]+)", r"\1.\2") if comma else cells


def cast_or_none(cells: pa.ChunkedArray, type: pa.DataType) -> pa.ChunkedArray | None:
    """Cells of another type, if all can be."""
    try:
        return cells.cast(type)
    except pa.ArrowInvalid:
        return None
