"""Tables into files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from suffuse.errors import DomainInputError
from suffuse.files import write_with, writer_of
from suffuse_tabular.cells import is_number
from suffuse_tabular.files.types import cast_or_none
from suffuse_tabular.rows import Rows


def write(rows: Rows, path: str | Path) -> None:
    """Write rows into one file, of the kind that its suffix says; it appears whole or not at all.

    Raises:
        DomainInputError: another suffix, or texts in an npz file.
        StorageError: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    writer = writer_of(WRITERS, path)
    write_with(path, lambda temporary: writer(rows.table, temporary))


def _write_csv(table: pa.Table, path: Path, delimiter: str = ",") -> None:
    plainly = csv.WriteOptions(delimiter=delimiter, quoting_style="needed")
    csv.write_csv(_shown(table), path, plainly)


def _write_tsv(table: pa.Table, path: Path) -> None:
    _write_csv(table, path, "\t")


def _write_arrow(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)


def _write_jsonl(table: pa.Table, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in Rows(_shown(table)):
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def _write_npz(table: pa.Table, path: Path) -> None:
    wrong = [field.name for field in table.schema if not (is_number(field.type) or pa.types.is_boolean(field.type))]
    if wrong:
        raise DomainInputError(
            "holds texts or times, and npz files numbers", field=f"column {wrong[0]!r}", expected="numbers",
            fix="write .parquet or .csv",
        )  # fmt: skip
    values = [column.cast(pa.float64(), safe=False).to_numpy() for column in table.columns]
    with path.open("wb") as file:
        np.savez_compressed(file, X=np.stack(values, axis=1), names=np.array(table.column_names))


def _shown(table: pa.Table) -> pa.Table:
    """The table as texts show it best: no NaN, and times of whole seconds without their fractions."""
    return pa.table({name: _plainer(column) for name, column in zip(table.column_names, table.columns, strict=True)})


def _plainer(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, None)
    if pa.types.is_timestamp(column.type) and column.type.unit != "s":
        whole = cast_or_none(column, pa.timestamp("s", column.type.tz))
        return column if whole is None else whole
    return column


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".parquet": parquet.write_table,
    ".arrow": _write_arrow,
    ".feather": _write_arrow,
    ".jsonl": _write_jsonl,
    ".ndjson": _write_jsonl,
    ".npz": _write_npz,
}
"""How files are written, by their suffix."""
