"""Tables as arrays: what figures are computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from suffuse_tabular.cells import INTEGERS, Floats, is_number, is_time, numbers, plain, seconds, texts

Codes = NDArray[np.int64]
Kind = Literal["number", "category", "time"]

KINDS: dict[str, Kind] = {
    "number": "number", "logtails": "number", "ranked": "number", "datetime": "time",
    "boolean": "category", "category": "category", "ordinal": "category",
}  # fmt: skip
"""What the kinds of a codec's columns are to a figure."""


@dataclass(frozen=True)
class View:
    """A table as arrays, all of as many rows.

    Arguments:
        numbers: float64 by column, NaN where a cell is empty; times are seconds.
        categories: int64 by column, −1 where a cell is empty. Views made together share their codes.
    """

    numbers: Mapping[str, Floats]
    categories: Mapping[str, Codes]

    def __len__(self) -> int:
        return len(next(iter((*self.numbers.values(), *self.categories.values()))))

    @property
    def empty(self) -> Mapping[str, NDArray[np.bool_]]:
        """Which cells are empty, by column."""
        return {n: np.isnan(x) for n, x in self.numbers.items()} | {n: x < 0 for n, x in self.categories.items()}

    def take(self, rows: Any) -> Self:
        """Some of the rows, by their places or by a mask."""
        return type(self)(
            {name: x[rows] for name, x in self.numbers.items()}, {name: x[rows] for name, x in self.categories.items()}
        )

    def without(self, column: str) -> Self:
        """All columns but one."""
        return type(self)(
            {n: x for n, x in self.numbers.items() if n != column},
            {n: x for n, x in self.categories.items() if n != column},
        )

    def drawn(self, most: int, seed: int) -> Self:
        """At most so many rows, drawn without repetition."""
        return self if len(self) <= most else self.take(np.random.default_rng(seed).permutation(len(self))[:most])


def kinds_of(table: pa.Table) -> dict[str, Kind]:
    """What the columns of a table are, by their types alone."""
    return {name: _kind(plain(table[name].combine_chunks()).type) for name in table.column_names}


def views(tables: Sequence[pa.Table], columns: Mapping[str, Kind]) -> list[View]:
    """Tables as arrays, of the columns that are named; a category has the same code in all of them."""
    numeric = {"number": numbers, "time": seconds}
    cells = [{name: plain(table[name].combine_chunks()) for name in columns} for table in tables]
    read = [{n: _finite(numeric[k](c[n])) for n, k in columns.items() if k != "category"} for c in cells]
    codes = {n: _codes([c[n] for c in cells]) for n, k in columns.items() if k == "category"}
    return [View(read[i], {name: found[i] for name, found in codes.items()}) for i in range(len(tables))]


def _kind(type: pa.DataType) -> Kind:
    if is_number(type):
        return "number"
    return "time" if is_time(type) else "category"


def _finite(values: Floats) -> Floats:
    """What is no finite number counts as empty."""
    return np.where(np.isfinite(values), values, np.nan)


def _codes(parts: Sequence[pa.Array]) -> list[Codes]:
    type = next((str(part.type) for part in parts if str(part.type) in INTEGERS), "string")
    told = [texts(part, type) for part in parts]
    known = pc.unique(pa.chunked_array(told)).drop_null().sort()
    return [_places(cells, known) for cells in told]


def _places(cells: pa.Array, known: pa.Array) -> Codes:
    found: Codes = pc.fill_null(pc.index_in(cells, known), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return found
