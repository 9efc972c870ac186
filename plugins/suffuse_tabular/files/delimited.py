"""CSV and TSV, as texts whose types are found."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Self

import pyarrow as pa
from pyarrow import csv

from suffuse.domain import Unreadable
from suffuse.errors import DataError
from suffuse_tabular.files.encoding import decoded, require_utf8
from suffuse_tabular.files.faults import Piece, check_names, each, telling
from suffuse_tabular.files.types import column_type, typed

BLOCK = 1 << 22
"""Bytes of a text file that are read at a time."""

DELIMITERS = ",;\t|"
"""What may part the cells: the first of these that the header has."""

LONGEST_HEADER = 10_000
"""Lines that a header may have, names of which have breaks in them."""


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    Arguments:
        delimiter: what parts the cells.
        names: of the columns.
        empty: whether nothing stands below them.
    """

    delimiter: str
    names: tuple[str, ...]
    empty: bool

    @property
    def comma(self) -> bool:
        """Whether numbers may have a comma for a point, as they do where semicolons part the cells."""
        return self.delimiter == ";"

    @classmethod
    def of(cls, path: Path) -> Self:
        """What the header tells.

        Raises:
            DataError: it is no UTF-8, or two columns have one name.
        """
        with telling(path, "the file"), path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            header = _header(file)
            empty = not file.read(1)
        require_utf8(header, path, "its first line")
        bare = re.sub(r'"[^"]*"', "", header)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else next((d for d in DELIMITERS if d in bare), ",")
        with telling(path, "its first line"):
            names = _names(header, delimiter) if header else []
        check_names(path, names)
        return cls(delimiter, tuple(names), empty)


def read_csv(path: Path, size: int) -> Iterator[Piece]:
    """Cells are read as texts, and are made numbers, truths or times where all of a column are.

    Read in pieces, the first tells the type of a column. Where a later one has cells that are not of it, the rows that
    hold these are given by themselves, their cells as texts: so a bad cell costs its row, and not the file.
    """
    dialect = Dialect.of(path)
    if dialect.empty:
        yield pa.table({name: pa.nulls(0) for name in dialect.names})
        return
    blocks = _text_blocks(path, dialect)
    types: dict[str, pa.DataType] = {}
    for pieces in blocks if size else [list(chain.from_iterable(blocks))]:
        if tables := [piece for piece in pieces if not isinstance(piece, Unreadable)]:
            whole = pa.concat_tables(tables)
            untold = [name for name in whole.column_names if pa.types.is_null(types.get(name, pa.null()))]
            types |= {name: column_type(whole.column(name), dialect.comma) for name in untold}
        for piece in pieces:
            yield from [piece] if isinstance(piece, Unreadable) else typed(piece, types, dialect.comma)


def _text_blocks(path: Path, dialect: Dialect) -> Iterator[list[Piece]]:
    """The table with all cells as texts, some rows at a time, and between them what is no row: a line of more or fewer
    cells than the header, or one that is no UTF-8."""
    bad: deque[csv.InvalidRow] = deque()

    def note(row: csv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    with telling(path, "the file"):
        reader = csv.open_csv(
            path,
            csv.ReadOptions(block_size=BLOCK, use_threads=False),
            csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True, invalid_row_handler=note),
            csv.ConvertOptions(
                column_types=dict.fromkeys(dialect.names, pa.binary()), strings_can_be_null=True, null_values=[""]
            ),
        )
    schema = pa.schema([(name, pa.string()) for name in dialect.names])
    line = 2  # the first behind the header
    for table in each(path, "the file", (pa.Table.from_batches([batch]) for batch in reader)):
        pieces: list[Piece] = []
        start = broken = 0
        while bad and (place := bad[0].number - line - broken) <= table.num_rows:  # blocks are read ahead
            pieces += decoded(table.slice(start, place - start), schema, path, "line", line + start + broken)
            pieces.append(_broken(path, bad.popleft()))
            start, broken = place, broken + 1
        yield [*pieces, *decoded(table.slice(start), schema, path, "line", line + start + broken)]
        line += table.num_rows + broken
    if bad:
        yield [_broken(path, row) for row in bad]


def _broken(path: Path, row: csv.InvalidRow) -> Unreadable:
    error = DataError(
        f"line {row.number} is broken", field=str(path), expected=f"{row.expected_columns} cells",
        got=f"{row.actual_columns}: {row.text[:60]}", fix="mend it; quote cells that hold commas",
    )  # fmt: skip
    return Unreadable(error)


def _header(lines: Iterator[str]) -> str:
    """The first line that is not empty, and those that it goes on in: within quotes a line may break."""
    header = next((line for line in lines if line != "\n"), "")
    for _ in range(LONGEST_HEADER):
        if header.count('"') % 2 == 0:
            break
        header += next(lines, '"')
    return header and header.rstrip("\n") + "\n"


def _names(header: str, delimiter: str) -> list[str]:
    read = csv.read_csv(
        io.BytesIO(header.encode()),
        csv.ReadOptions(autogenerate_column_names=True, block_size=max(BLOCK, 4 * len(header))),
        csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        csv.ConvertOptions(column_types={f"f{i}": pa.string() for i in range(header.count(delimiter) + 1)}),
    )
    return [column[0].as_py() for column in read.columns]
