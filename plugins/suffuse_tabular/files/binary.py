"""Parquet, Arrow and npz, whose columns have types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from suffuse.errors import DataError, DomainInputError
from suffuse_tabular.files.encoding import checked
from suffuse_tabular.files.faults import Piece, each, first_line, telling
from suffuse_tabular.rows import Rows, simple

BUFFER = 1 << 22
"""Bytes of a Parquet file that are read at a time."""

LABEL = "y"
"""The array of an npz file that holds labels, one for each row of ``X``."""


def read_npz(path: Path, size: int) -> Iterator[pa.Table]:
    """ADBench's form: an array ``X`` ``[rows, columns]``, ``y`` if there are labels, ``names`` if columns have any."""
    with telling(path, "the file"), np.load(path, allow_pickle=False) as file:
        held = {name: file[name] for name in file.files}
    if "X" not in held:
        raise DataError("has no array X", field=str(path), expected="X, and y for labels", got=", ".join(held))
    if held["X"].shape[:1] == (0,):
        return
    try:
        table = Rows.of(held["X"], held["names"].tolist() if "names" in held else None).table
        yield table.append_column(LABEL, pa.array(held[LABEL].ravel())) if LABEL in held else table
    except (DomainInputError, pa.ArrowInvalid) as error:
        raise DataError(
            f"holds no table ({first_line(error)})", field=str(path), expected="X [rows, columns]"
        ) from error


def read_parquet(path: Path, size: int) -> Iterator[Piece]:
    with telling(path, "the file"):
        file = parquet.ParquetFile(path, buffer_size=BUFFER)  # mapped, all that was read would stay resident
    with file:
        yield from _looked_at(path, _groups(path, file, size))


def _groups(path: Path, file: parquet.ParquetFile, size: int) -> Iterator[pa.Table]:
    for group in range(file.num_row_groups):
        yield from each(path, f"row group {group} of {file.num_row_groups}", _group(file, group, size))
    if not file.num_row_groups:
        yield file.schema_arrow.empty_table()


def _group(file: parquet.ParquetFile, group: int, size: int) -> Iterator[pa.Table]:
    if not size:
        yield file.read_row_group(group, use_threads=False)
        return
    for batch in file.iter_batches(size, row_groups=[group], use_threads=False):
        yield pa.Table.from_batches([batch])


def read_arrow(path: Path, size: int) -> Iterator[Piece]:
    """Arrow's file form (Feather version 2), or its stream form, which has no mark at its beginning."""
    with telling(path, "the file"):
        with path.open("rb") as opened:
            is_file = opened.read(6) == b"ARROW1"
        held = pa.memory_map(str(path))
        reader = pa.ipc.open_file(held) if is_file else pa.ipc.open_stream(held)
    batches = (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_file else iter(reader)
    yield from _looked_at(path, each(path, "a record batch", (pa.Table.from_batches([batch]) for batch in batches)))


def _looked_at(path: Path, tables: Iterator[pa.Table]) -> Iterator[Piece]:
    """Tables of simple forms, whose texts are texts."""
    first = 0
    for table in tables:
        yield from checked(simple(table), path, first)
        first += table.num_rows
