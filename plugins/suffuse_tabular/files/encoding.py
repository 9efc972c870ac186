"""Texts that must be UTF-8."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from suffuse.domain import Unreadable
from suffuse.errors import DataError
from suffuse_tabular.cells import is_text
from suffuse_tabular.files.faults import Piece
from suffuse_tabular.rows import mapped


def require_utf8(text: str, path: Path, where: str) -> None:
    """Raise where a text has bytes that are no UTF-8, which Python kept as surrogates when it read it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        told = "utf-16" if text.startswith(("\udcff\udcfe", "\udcfe\udcff")) else "latin1"
        raise DataError(
            f"{where} is no UTF-8", field=str(path), expected="text in UTF-8",
            got=ascii(text[max(0, error.start - 20) : error.end + 20]),
            fix=f"iconv -f {told} -t utf-8 {path.name} > new{path.suffix}, if {told} is what it is",
        ) from error  # fmt: skip


def checked(table: pa.Table, path: Path, first: int) -> list[Piece]:
    """Rows whose texts nobody has looked at; those that are none are given by themselves.

    Arguments:
        first: the number of the first row in the file.
    """
    raw = mapped(table, _bytes)
    return [table] if raw is table else decoded(raw, table.schema, path, "row", first)


def _bytes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as bytes; other cells as they are."""
    if not is_text(column.type):
        return column
    return column.cast(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary())


def decoded(table: pa.Table, schema: pa.Schema, path: Path, unit: str, first: int) -> list[Piece]:
    """Bytes as texts; rows with bytes that are none are given by themselves.

    Arguments:
        schema: the table's, with texts for bytes.
        unit: what a row is called.
        first: the number of the first.
    """
    try:
        return [table.cast(schema)]
    except pa.ArrowInvalid:
        pass
    if table.num_rows == 1:
        cells = [cell for cell in table.to_pylist()[0].values() if isinstance(cell, bytes)]
        try:
            require_utf8(b", ".join(cells).decode(errors="surrogateescape"), path, f"{unit} {first}")
        except DataError as error:
            return [Unreadable(error)]
    half = table.num_rows // 2
    after = decoded(table.slice(half), schema, path, unit, first + half)
    return [*decoded(table.slice(0, half), schema, path, unit, first), *after]
