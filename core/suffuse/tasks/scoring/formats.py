"""Files of scores: CSV, Parquet, Arrow, JSON lines; written table by table, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

from suffuse.errors import DomainInputError
from suffuse.files import atomic
from suffuse.tasks.scoring.joining import spelt
from suffuse.tasks.scoring.parts import json_line

Write = Callable[[pa.Table], None]

MOST_ROWS, FEWEST_ROWS, CELLS = 2**17, 2**10, 2**22
"""Rows that are written together: as many as have so many cells, within bounds."""


def format_of(path: Path) -> str | None:
    """Which kind of file a path is by its suffix; ``None``: none that holds scores, as a folder."""
    suffix = path.suffix.lower()
    return suffix if suffix in FORMATS else None


def write_file(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write tables of one schema into one file, which appears whole or not at all.

    What is written does not depend on how the rows are dealt out over the tables.

    Raises:
        DomainInputError: a column holds what this kind of file cannot, as lists in CSV.
        StorageError: the disk is full, or the folder cannot be written.
    """
    with atomic(path) as temporary:
        try:
            with FORMATS[path.suffix.lower()](temporary, schema) as write:
                for table in _regrouped(tables, schema):
                    write(table)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DomainInputError(
                f"cannot hold these columns: {error}",
                field=str(path),
                fix="write .parquet, or leave some out by --keep",
            ) from error


def write_lines(table: pa.Table, file: TextIO) -> None:
    """Write rows as JSON, one a line."""
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    for row in zip(*columns.values(), strict=True):
        file.write(json_line(dict(zip(columns, row, strict=True))))


def _regrouped(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """The same rows, always as many at a time; the last table has the rest, or is empty where there is no row."""
    size = max(FEWEST_ROWS, min(MOST_ROWS, CELLS // max(len(schema), 1)))
    waiting = schema.empty_table()
    for table in tables:
        waiting = pa.concat_tables([waiting, spelt(table, schema)])
        whole = waiting.num_rows - waiting.num_rows % size
        for first in range(0, whole, size):
            yield waiting.slice(first, size).combine_chunks()
        waiting = waiting.slice(whole)
    yield waiting.combine_chunks()


@contextmanager
def _csv(path: Path, schema: pa.Schema) -> Iterator[Write]:
    import pyarrow.csv

    with pyarrow.csv.CSVWriter(str(path), schema) as writer:
        yield writer.write_table


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Write]:
    import pyarrow.parquet

    texts = [f.name for f in schema if not (pa.types.is_floating(f.type) or pa.types.is_integer(f.type))]
    with pyarrow.parquet.ParquetWriter(str(path), schema, compression="zstd", use_dictionary=texts) as writer:
        yield lambda table: writer.write_table(table) if table.num_rows else None


@contextmanager
def _arrow(path: Path, schema: pa.Schema) -> Iterator[Write]:
    with pa.ipc.new_file(str(path), schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        yield lambda table: writer.write_table(table) if table.num_rows else None


@contextmanager
def _json_lines(path: Path, schema: pa.Schema) -> Iterator[Write]:
    with path.open("w", encoding="utf-8") as file:
        yield lambda table: write_lines(table, file)


FORMATS: dict[str, Callable[[Path, Any], AbstractContextManager[Write]]] = {
    ".csv": _csv, ".parquet": _parquet, ".arrow": _arrow, ".feather": _arrow, ".jsonl": _json_lines,
}  # fmt: skip
