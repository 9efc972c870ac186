"""Rows of a table: a sequence of dicts that is held in columns."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from suffuse.errors import DomainInputError

AT_ONCE = 1024
"""Rows that are turned into dicts at a time."""


@dataclass(frozen=True, eq=False)
class Rows(Sequence[dict[str, Any]]):
    """Rows, each a dict of Python values by column, ``None`` where a cell is empty.

    Slices share the table's memory. Make one with :meth:`of`, which checks.

    Arguments:
        table: whose columns' names are all different.
    """

    table: pa.Table

    @classmethod
    def of(cls, data: Any, names: Sequence[str] | None = None) -> Self:
        """Rows from what people have.

        Arguments:
            data: rows, a pyarrow table or record batch, a pandas or polars frame or anything else of the Arrow C
                stream interface, a numpy array ``[rows, columns]``, a mapping of columns, or a sequence of mappings.
            names: of an array's columns; ``x0``, ``x1``, … by default. Of anything else, they must be its own.

        Raises:
            DomainInputError: something else, a sparse matrix, no rows, no columns, two columns of one name, or a
                column whose cells are of several types; the column is named.
        """
        if isinstance(data, cls):
            return data
        table = _table(data, names)
        _check_names(table.column_names)
        if table.num_rows == 0:
            raise _refused("has no rows", "at least one row", "none")
        return cls(table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> dict[str, Any] | Self:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                return self.take(range(start, stop, step))
            return type(self)(self.table.slice(start, max(0, stop - start)))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        row: dict[str, Any] = self.table.slice(place, 1).to_pylist()[0]
        return row

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.table.to_batches(max_chunksize=AT_ONCE):
            yield from batch.to_pylist()

    def __reduce__(self) -> tuple[Any, ...]:
        """On their way to another process, without the rest of what they may be a slice of."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.table.schema) as writer:
            writer.write_table(self.table)
        return _of_stream, (type(self), sink.getvalue())

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return list(self.table.column_names)

    def take(self, indices: Sequence[int]) -> Self:
        """Some of the rows, in the order of ``indices``."""
        return type(self)(self.table.take(pa.array(indices, type=pa.int64())))

    def columns(self) -> dict[str, pa.Array]:
        """The columns by name, each in one piece."""
        return dict(zip(self.table.column_names, map(whole, self.table.columns), strict=True))


def _of_stream(kind: type[Rows], stream: pa.Buffer) -> Rows:
    return kind(pa.ipc.open_stream(stream).read_all())


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, which is not copied if it is one already."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _table(data: Any, names: Sequence[str] | None) -> pa.Table:
    if isinstance(data, np.ndarray):
        return _of_array(data, names)
    table = _of_columns(data)
    if names is not None and list(names) != table.column_names:
        raise _refused("names its columns itself", list(names), table.column_names)
    return table


def _of_columns(data: Any) -> pa.Table:
    """A table from something that names its columns."""
    if isinstance(data, pa.Table):
        return simple(data)
    if isinstance(data, pa.RecordBatch):
        return simple(pa.Table.from_batches([data]))
    if type(data).__module__.startswith("scipy.sparse"):
        raise _refused("is sparse", "a table or a dense array", type(data).__name__, "use its toarray()")
    has_columns = hasattr(data, "columns") and hasattr(data, "dtypes")
    if has_columns:
        _check_names([str(name) for name in data.columns])
    if type(data).__module__.partition(".")[0] == "pandas" and has_columns:
        # its own interface tells no names of mixed columns
        return _built({str(name): data.iloc[:, i] for i, name in enumerate(data.columns)})
    if hasattr(data, "__arrow_c_stream__"):
        return simple(_streamed(data))
    if isinstance(data, Mapping):
        return _built({str(name): cells for name, cells in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _of_mappings(data)
    raise _refused("is no table", "a frame, a table, an array or a sequence of mappings", type(data).__name__)


def _streamed(data: Any) -> pa.Table:
    try:
        return pa.table(data)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise _refused("cannot be read", "columns of types that Arrow has", error, "cast its columns") from error


def simple(table: pa.Table) -> pa.Table:
    """A table of forms that Arrow's functions take: polars gives views of texts, of which no rows can be taken, and
    run-end encoded cells go nowhere."""
    return mapped(table, _simple)


def mapped(table: pa.Table, change: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> pa.Table:
    """A table with another column for each; the same if all are the same."""
    columns = table.columns
    made = [change(column) for column in columns]
    same = all(new is old for new, old in zip(made, columns, strict=True))
    return table if same else pa.Table.from_arrays(made, table.column_names)


def _simple(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column in a simpler form, if its own is not simple."""
    type = column.type
    words = type.value_type if pa.types.is_dictionary(type) else type
    if pa.types.is_run_end_encoded(type):
        return pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks], type.value_type)
    if words != pa.string_view():
        return column
    if words is type:
        return column.cast(pa.large_string())
    spelt = [
        pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.large_string()), ordered=type.ordered)
        for chunk in column.chunks
    ]
    return pa.chunked_array(spelt, pa.dictionary(type.index_type, pa.large_string(), type.ordered))


def _of_array(data: np.ndarray, names: Sequence[str] | None) -> pa.Table:
    if data.ndim != 2:
        raise _refused("is no table", "an array [rows, columns]", f"shape {list(data.shape)}")
    told = [f"x{i}" for i in range(data.shape[1])] if names is None else [str(name) for name in names]
    if len(told) != data.shape[1]:
        raise _refused("has another number of columns than names", f"{len(told)} columns", data.shape[1])
    _check_names(told)
    return _built({name: data[:, i] for i, name in enumerate(told)})


def _of_mappings(data: Sequence[Any]) -> pa.Table:
    if not data:
        raise _refused("is empty", "at least one row", "none")
    for number, row in enumerate(data):
        if not isinstance(row, Mapping):
            raise DomainInputError(
                "is no row", field=f"items[{number}]", expected="a mapping of columns to cells", got=type(row).__name__
            )
    names = dict.fromkeys(name for row in data for name in row)
    return _built({str(name): [row.get(name) for row in data] for name in names})


def _built(columns: Mapping[str, Any]) -> pa.Table:
    """A table of columns, each an array or a list of cells; NaN is an empty cell, among texts too."""
    return pa.table({name: _array(name, cells) for name, cells in columns.items()})


def _are_dates_and_texts(cells: Any) -> bool:
    """Whether dates are written out in some cells and not in others, as where rows come from several places."""
    kinds = {type(cell) for cell in cells} if isinstance(cells, list) else set()
    return str in kinds and any(issubclass(kind, dt.date) for kind in kinds)


def _array(name: str, cells: Any) -> pa.Array:
    kind = str(getattr(cells, "dtype", ""))
    if kind.startswith(("complex", "Sparse")):
        raise DomainInputError(
            "is sparse" if kind.startswith("Sparse") else "holds complex numbers", field=f"column {name!r}",
            expected="plain cells", got=kind, fix="make it dense, or two columns of its real and imaginary parts",
        )  # fmt: skip
    if _are_dates_and_texts(cells):
        cells = [cell.isoformat() if isinstance(cell, dt.date) else cell for cell in cells]
    try:
        made = pa.array(cells.astype(float) if kind == "float128" else cells, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise DomainInputError(
            "holds cells that do not go together", field=f"column {name!r}", expected="cells of one type",
            got=_types(cells) or error, fix="make them of one type, or leave the column out",
        ) from error  # fmt: skip
    return whole(made) if isinstance(made, pa.ChunkedArray) else made


def _types(cells: Iterable[Any]) -> str:
    """The two types that meet first in a column, and where; nothing if all cells are of one."""
    told = [(place, type(cell).__name__) for place, cell in enumerate(cells) if cell is not None and cell == cell]
    for (_, before), (place, here) in pairwise(told):
        if before != here:
            return f"{before}, and {here} in row {place}"
    return ""


def _check_names(names: Sequence[str]) -> None:
    if not names:
        raise _refused("has no columns", "at least one column", "none")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise _refused("has columns of one name", "a name for each column", ", ".join(map(repr, twice)), "rename them")


def _refused(message: str, expected: Any, got: Any, fix: str | None = None) -> DomainInputError:
    return DomainInputError(message, field="items", expected=expected, got=got, fix=fix)
