"""Columns side by side as one array of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from suffuse_tabular.cells import Floats
from suffuse_tabular.columns import Column

FAR = np.float32(1e12)
"""Deviations off beyond which numbers are as far off as any: squares of more have no room in a float32."""


@dataclass(frozen=True)
class Packed:
    """Columns whose entries lie side by side, ``[batch, entries]``."""

    columns: tuple[Column, ...]

    @cached_property
    def means(self) -> Floats:
        """Of each entry, ``[entries, 1]``."""
        return np.array([x for column in self.columns for x in column.means], dtype=np.float64)[:, None]

    @cached_property
    def scales(self) -> Floats:
        """Of each entry, ``[entries, 1]``."""
        return np.array([x for column in self.columns for x in column.scales], dtype=np.float64)[:, None]

    @cached_property
    def parts(self) -> tuple[tuple[Column, slice], ...]:
        """Each column, and which entries are its own."""
        return tuple(self._parts())

    def _parts(self) -> Iterator[tuple[Column, slice]]:
        start = 0
        for column in self.columns:
            stop = start + len(column.means)
            yield column, slice(start, stop)
            start = stop

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.means)

    def owner(self, entry: int) -> Column:
        """The column that an entry belongs to."""
        return next(column for column, part in self.parts if part.start <= entry < part.stop)

    def raw(self, cells: Mapping[str, pa.Array]) -> Floats:
        """Entries ``[entries, rows]``, as :class:`Column` tells them."""
        rows = len(next(iter(cells.values())))
        entries: Floats = np.empty((self.size, rows))
        for column, part in self.parts:
            entries[part] = column.raw(cells[column.name])
        return entries

    def standardized(self, raw: Floats, there: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Entries as a state has them, float32 ``[rows, entries]``, 0 where nothing is there."""
        made = np.empty(raw.shape[::-1], dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            np.divide(raw - self.means, self.scales, out=made.T, casting="same_kind")
        np.clip(made, -FAR, FAR, out=made)
        return made if there.all() else np.where(there.T, made, np.float32(0.0))

    def cells(self, values: Floats, there: NDArray[np.bool_] | None) -> dict[str, pa.Array]:
        """The inverse of :meth:`standardized` and :meth:`raw`: entries ``[entries, rows]`` to cells by column."""
        raw = values * self.scales + self.means
        given = np.ones(raw.shape, dtype=bool) if there is None else there
        return {column.name: column.cells(raw[part], np.all(given[part], axis=0)) for column, part in self.parts}
