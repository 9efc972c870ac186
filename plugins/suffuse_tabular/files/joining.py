"""Tables below one another, which must agree about their columns."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from suffuse.errors import DataError
from suffuse.tasks.scoring import joining
from suffuse_tabular.cells import is_number, is_text, is_time, plain
from suffuse_tabular.rows import mapped

SORTS = (is_number, is_text, is_time, pa.types.is_boolean)
"""Types that go together in one column; any other goes with itself alone."""


def joined(parts: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    """Tables, each with what it is called, one below the other; columns go by name, and cells that lack are empty.

    Raises:
        DataError: a column is of several sorts.
    """
    plainly = [(called, _plain(table)) for called, table in parts]
    types: dict[str, list[tuple[str, pa.DataType]]] = {}
    for called, table in plainly:
        for field in table.schema:
            types.setdefault(field.name, []).append((called, field.type))
    for name, told in types.items():
        _require_one_sort(name, told)
    return joining.joined([table for _, table in plainly]).combine_chunks() if plainly else pa.table({})


def require_same_columns(parts: Sequence[tuple[str, pa.Table]]) -> None:
    """Raise where a table lacks a column of the first, or has one more."""
    for other, table in parts[1:]:
        called, first = parts[0]
        for wrong, names in (("lacks", _less(first, table)), ("has besides", _less(table, first))):
            if names:
                raise DataError(
                    f"{wrong} the column{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}", field=other,
                    expected=f"the columns of {called}", fix="read files of the same columns",
                )  # fmt: skip


def _plain(table: pa.Table) -> pa.Table:
    """A table without dictionaries."""
    return mapped(table, _spelt)


def _spelt(column: pa.ChunkedArray) -> pa.ChunkedArray:
    is_dictionary = pa.types.is_dictionary(column.type)
    return pa.chunked_array([plain(column.combine_chunks())]) if is_dictionary else column


def _less(table: pa.Table, other: pa.Table) -> list[str]:
    names = set(other.column_names)
    return [name for name in table.column_names if name not in names]


def _require_one_sort(name: str, types: Sequence[tuple[str, pa.DataType]]) -> None:
    """One column has types that go together wherever it is not empty."""
    told = [(called, type) for called, type in types if not pa.types.is_null(type)]
    for called, type in told[1:]:
        before, one = told[0]
        if type != one and not any(sort(type) and sort(one) for sort in SORTS):
            raise DataError(
                f"the column {name!r} is of several types", field=called, expected=f"{one}, as in {before}", got=type,
                fix="write the files with one type",
            )  # fmt: skip
