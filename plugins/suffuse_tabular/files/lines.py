"""JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
from pyarrow import json as arrow_json

from suffuse.domain import Unreadable
from suffuse.errors import DataError, SuffuseError
from suffuse_tabular.files.encoding import require_utf8
from suffuse_tabular.files.faults import Piece, telling
from suffuse_tabular.rows import Rows


def parse(lines: Iterable[str], size: int, source: str = "the input") -> Iterator[Rows | list[Unreadable]]:
    """Rows of JSON lines, at most ``size`` at a time; a line that is no row is given by itself."""
    for piece in _json_pieces(lines, size, source):
        yield [piece] if isinstance(piece, Unreadable) else Rows(piece)


def read_jsonl(path: Path, size: int) -> Iterator[Piece]:
    with telling(path, "the file"), path.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        yield from _json_pieces(lines, size or 65_536, str(path))


def _json_pieces(lines: Iterable[str], size: int, source: str) -> Iterator[Piece]:
    """Pieces of JSON lines; a key that a line lacks, and another read with it or before has, is an empty cell."""
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    seen: dict[str, None] = {}
    while part := list(islice(numbered, size)):
        pieces = list(_of_json(part, source))
        seen |= dict.fromkeys(
            name for piece in pieces if not isinstance(piece, Unreadable) for name in piece.column_names
        )
        yield from (piece if isinstance(piece, Unreadable) else _with_columns(piece, seen) for piece in pieces)


def _with_columns(table: pa.Table, names: Iterable[str]) -> pa.Table:
    """A table with columns of empty cells where it lacks one."""
    for name in names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows))
    return table


def _of_json(lines: Sequence[tuple[int, str]], source: str) -> Iterator[Piece]:
    """Tables of JSON objects, each with the number of its line: one, unless cells of a column do not go together."""
    table = _together([line for _, line in lines])
    if table is not None:
        yield table
    elif len(lines) > 1:
        half = len(lines) // 2
        yield from _of_json(lines[:half], source)
        yield from _of_json(lines[half:], source)
    else:
        yield _of_line(*lines[0], source)


def _together(lines: Sequence[str]) -> pa.Table | None:
    """A table of JSON objects, if all are such and have cells that go together."""
    if not all(line.lstrip().startswith("{") for line in lines):  # Arrow crashes on null (apache/arrow#47409)
        return None
    try:
        table = arrow_json.read_json(io.BytesIO("\n".join(lines).encode()))
        table.validate()  # lists that begin with null are broken (apache/arrow#51305)
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    return table if table.column_names and table.num_rows == len(lines) else None


def _of_line(number: int, line: str, source: str) -> Piece:
    """A line by itself."""
    place = f"{source}, line {number}"
    try:
        require_utf8(line, Path(source), f"line {number}")
    except DataError as error:
        return Unreadable(error)
    try:
        told = json.loads(line)
    except json.JSONDecodeError as error:
        wrong = DataError(f"is no JSON ({error.msg})", field=place, expected="an object a line", got=line.strip()[:60])
        return Unreadable(wrong)
    if not isinstance(told, dict):
        return Unreadable(DataError("is no row", field=place, expected="a JSON object", got=line.strip()[:60]))
    try:
        return Rows.of([told]).table
    except SuffuseError as error:
        return Unreadable(DataError(error.message, field=place, expected=error.expected, got=error.got))
