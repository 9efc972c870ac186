"""Tables in files of any kind, whole or some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from suffuse.datasets import files_among
from suffuse.domain import Unreadable
from suffuse.errors import DataError
from suffuse_tabular.files.binary import read_arrow, read_npz, read_parquet
from suffuse_tabular.files.delimited import read_csv
from suffuse_tabular.files.faults import Piece, check_names, telling
from suffuse_tabular.files.joining import joined, require_same_columns
from suffuse_tabular.files.lines import read_jsonl
from suffuse_tabular.rows import Rows

READERS: dict[str, Callable[[Path, int], Iterator[Piece]]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
    ".feather": read_arrow,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".npz": read_npz,
}
"""How files are read, by their suffix."""


def read(path: str | Path) -> Rows:
    """The rows of one file.

    Raises:
        DataError: there is no such file, it is of another kind, empty or broken; the line or row group is told.
    """
    path = Path(path)
    return _with_rows(str(path), _whole(path))


def read_all(paths: str | Path | Sequence[str | Path]) -> Rows:
    """The rows of several files of the same columns, in whatever order these stand; some may have none.

    Arguments:
        paths: files, folders, and patterns as ``orders-*.parquet``.

    Raises:
        DataError: as for :func:`read`; or a file lacks a column of the first, has one more, or one of another type.
    """
    files = find(paths)
    tables = [(str(file), table) for file in files if (table := _whole(file)).num_rows]
    require_same_columns(tables)
    return _with_rows(str(files[0]), joined(tables))


def _whole(path: Path) -> pa.Table:
    """The table of one file, which may have no rows."""
    pieces: list[tuple[str, pa.Table]] = []
    for piece in _pieces(path, size=0):
        if isinstance(piece, Unreadable):
            raise piece.error
        pieces.append((str(path), piece))
    return joined(pieces)


def _with_rows(name: str, table: pa.Table) -> Rows:
    if not table.num_rows:
        raise DataError("holds no rows", field=name, expected="at least one row")
    return Rows(table)


def find(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """The tables among files, folders and patterns, those of a folder or a pattern in the order of their names.

    Raises:
        DataError: there is nothing.
    """
    expected = f"files ending in {', '.join(READERS)}"
    return files_among(paths, lambda path: path.suffix.lower() in READERS, "tables", expected)


def stream(path: str | Path, size: int = 8192) -> Iterator[Rows | list[Unreadable]]:
    """The rows of one file, at most ``size`` at a time, in constant memory.

    A line of text that is broken is given by itself, with what is wrong with it. A table without rows gives nothing.

    Raises:
        DataError: as for :func:`read`, where it is no matter of single lines; rows before the fault have been given.
    """
    for piece in _pieces(Path(path), size):
        if isinstance(piece, Unreadable):
            yield [piece]
        else:
            yield from (Rows(piece.slice(start, size)) for start in range(0, piece.num_rows, size))


def _pieces(path: Path, size: int) -> Iterator[Piece]:
    """Rows of a file as its reader gives them, in pieces of about ``size``; of any size if it is 0."""
    if not path.is_file():
        raise DataError("there is no such file", field=str(path), fix="check the path")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError("is no table", field=str(path), expected=f"a file ending in {', '.join(READERS)}")
    if path.stat().st_size == 0:
        raise DataError("is empty", field=str(path), expected="a table")
    for piece in reader(path, size):
        if not isinstance(piece, Unreadable):
            check_names(path, piece.column_names)
        yield piece


def count(path: str | Path) -> int | None:
    """How many rows a file holds, if that can be told without reading them."""
    path = Path(path)
    if path.suffix.lower() != ".parquet":
        return None
    with telling(path, "the file"):
        return int(parquet.read_metadata(path).num_rows)
