"""Tables of numbers with named columns, as CSV files hold them; for domains whose items are such tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffuse.errors import DataError
from suffuse.files import write_with

NUMBER = "table"
"""The first column of a file of several tables: which of them a row belongs to."""
TIME = "time"
"""A column that is no column of numbers, but says when a row was taken; it is left out."""


@dataclass(frozen=True, eq=False)
class Table:
    """Numbers in columns.

    Arguments:
        names: of the columns.
        values: float64 ``[rows, columns]``, NaN where one is missing.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice | NDArray[np.bool_]) -> Table:
        """Some of the rows."""
        return replace(self, values=self.values[rows])

    def windows(self, length: int, stride: int = 1) -> Iterator[Table]:
        """Every stretch of so many rows, ``stride`` rows from one to the next."""
        return (self[start : start + length] for start in range(0, len(self) - length + 1, stride))


def read_tables(path: str | Path) -> list[Table]:
    """The tables of a CSV file: a line of names, then numbers, where an empty cell, or ``nan``, is a missing one.

    A first column named ``table`` numbers the tables of a file that holds several. A column named ``time`` is left out.

    Raises:
        DataError: there is no such file, or it holds something else.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            header, *lines = csv.reader(file)
        lines = [line for line in lines if line or len(header) == 1]  # a blank line is a missing number, or nothing
        kept = [place for place, name in enumerate(header) if name.strip().lower() != TIME]
        values = np.array([_numbers(line or [""], kept, len(header), row) for row, line in enumerate(lines, start=2)])
        whole = Table(tuple(header[place].strip() for place in kept), values.reshape(len(lines), len(kept)))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"cannot be read as a table ({error})", field=str(path),
            expected="a line of names, then lines of numbers, with empty cells where one is missing",
            fix=f"call a column of times {TIME!r}, and leave out columns of text",
        ) from error  # fmt: skip
    if whole.names[:1] != (NUMBER,):
        return [whole]
    rest = Table(whole.names[1:], whole.values[:, 1:])
    return [rest[whole.values[:, 0] == number] for number in np.unique(whole.values[:, 0])]


def write_tables(tables: Sequence[Table], path: str | Path) -> None:
    """Write tables of the same columns as :func:`read_tables` reads them; the file appears whole or not at all."""
    several = len(tables) > 1
    parts = [np.insert(t.values, 0, number, axis=1) if several else t.values for number, t in enumerate(tables)]

    def save(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([NUMBER, *tables[0].names] if several else tables[0].names)
            writer.writerows([_text(value) for value in row] for part in parts for row in part)

    write_with(path, save)


def _numbers(line: Sequence[str], kept: Sequence[int], width: int, row: int) -> list[float]:
    if len(line) != width:
        raise ValueError(f"line {row} has {len(line)} cells, not {width}")
    return [float(line[place].strip() or "nan") for place in kept]


def _text(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.12g}"
