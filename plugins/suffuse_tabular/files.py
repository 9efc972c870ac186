"""Tables in files: CSV, TSV, Parquet, Arrow, JSON lines and npz, whole or some rows at a time."""

from __future__ import annotations

import glob
import io
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet
from pyarrow import json as arrow_json

from suffuse.domain import Unreadable
from suffuse.errors import DataError, DomainInputError, SuffuseError
from suffuse.files import write_with
from suffuse_tabular.columns import is_number, is_text, is_time, plain
from suffuse_tabular.rows import Rows

EMPTY = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
"""What stands for an empty cell among numbers; among texts only nothing at all does."""

BLOCK = 1 << 22
"""Bytes of a text file that are read at a time."""

TIMES = (pa.date32(), pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("us", "UTC"))
"""Types of points in time, the plainest first."""

LABEL = "y"
"""The array of an npz file that holds labels, one for each row of ``X``."""


# --- reading ------------------------------------------------------------------------------------------------------


def read(path: str | Path) -> Rows:
    """The rows of one file.

    Raises:
        DataError: there is no such file, it is of another kind, empty or broken; the line or row group is told.
    """
    path = Path(path)
    pieces: list[tuple[str, pa.Table]] = []
    for piece in _pieces(path, size=0):
        if isinstance(piece, Unreadable):
            raise piece.error
        pieces.append((str(path), piece))
    return Rows(_joined(pieces))


def read_all(paths: str | Path | Sequence[str | Path]) -> Rows:
    """The rows of several files of the same columns, in whatever order these stand.

    Arguments:
        paths: files, folders, and patterns as ``orders-*.parquet``.

    Raises:
        DataError: as for :func:`read`; or a file lacks a column of the first, has one more, or one of another type.
    """
    files = find(paths)
    return Rows(_joined([(str(file), read(file).table) for file in files]))


def find(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """The tables among files, folders and patterns, those of a folder or a pattern in the order of their names.

    Raises:
        DataError: there is nothing.
    """
    found: list[Path] = []
    for told in [paths] if isinstance(paths, str | Path) else paths:
        path = Path(told).expanduser()
        if path.is_dir():
            here = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in READERS and p.is_file()]
        elif path.exists():
            here = [path]
        else:  # Path.glob takes no pattern that begins at the root
            here = [Path(p) for p in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        if not here:
            raise DataError(
                "holds no tables" if path.is_dir() else "there is no such file", field=str(told),
                expected=f"files ending in {', '.join(READERS)}", fix="check the path",
            )  # fmt: skip
        found += here
    return found


def stream(path: str | Path, size: int = 8192) -> Iterator[Rows | list[Unreadable]]:
    """The rows of one file, at most ``size`` at a time, in constant memory.

    A line of text that is broken is given by itself, with what is wrong with it.

    Raises:
        DataError: as for :func:`read`, where it is no matter of single lines; rows before the fault have been given.
    """
    for piece in _pieces(Path(path), size):
        if isinstance(piece, Unreadable):
            yield [piece]
        else:
            yield from (Rows(piece.slice(start, size)) for start in range(0, piece.num_rows, size))


Piece: TypeAlias = pa.Table | Unreadable
"""What a reader gives: some rows, or a line that could not be read."""


def _pieces(path: Path, size: int) -> Iterator[Piece]:
    """Rows of a file as its reader gives them, in pieces of about ``size``; of any size if it is 0."""
    if not path.is_file():
        raise DataError("there is no such file", field=str(path), fix="check the path")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError("is no table", field=str(path), expected=f"a file ending in {', '.join(READERS)}")
    if path.stat().st_size == 0:
        raise DataError("is empty", field=str(path), expected="a table")
    some = False
    for piece in reader(path, size):
        if not isinstance(piece, Unreadable):
            _check_names(path, piece.column_names)
        some = some or isinstance(piece, Unreadable) or piece.num_rows > 0
        yield piece
    if not some:
        raise DataError("holds no rows", field=str(path), expected="at least one row")


def count(path: str | Path) -> int | None:
    """How many rows a file holds, if that can be told without reading them."""
    path = Path(path)
    if path.suffix.lower() != ".parquet":
        return None
    with _told(path, "the file"):
        return int(parquet.read_metadata(path).num_rows)


def parse(lines: Iterable[str], size: int, source: str = "the input") -> Iterator[Rows | list[Unreadable]]:
    """Rows of JSON lines, at most ``size`` at a time; a line that is no row is given by itself."""
    for piece in _json_pieces(lines, size, source):
        yield [piece] if isinstance(piece, Unreadable) else Rows(piece)


def _npz(path: Path, size: int) -> Iterator[pa.Table]:
    """ADBench's form: an array ``X`` ``[rows, columns]``, ``y`` if there are labels, ``names`` if columns have any."""
    with _told(path, "the file"), np.load(path, allow_pickle=False) as file:
        held = {name: file[name] for name in file.files}
    if "X" not in held:
        raise DataError("has no array X", field=str(path), expected="X, and y for labels", got=", ".join(held))
    if not held["X"].size:
        raise DataError("holds no rows", field=str(path), expected="at least one row")
    try:
        table = Rows.of(held["X"], held["names"].tolist() if "names" in held else None).table
        yield table.append_column(LABEL, pa.array(held[LABEL].ravel())) if LABEL in held else table
    except (DomainInputError, pa.ArrowInvalid) as error:
        raise DataError(f"holds no table ({_line(error)})", field=str(path), expected="X [rows, columns]") from error


def _parquet(path: Path, size: int) -> Iterator[pa.Table]:
    with _told(path, "the file"):
        file = parquet.ParquetFile(path, buffer_size=BLOCK)  # mapped, all that was read would stay resident
    with file:
        for group in range(file.num_row_groups):
            yield from _each(path, f"row group {group} of {file.num_row_groups}", _group(file, group, size))
        if not file.num_row_groups:
            yield file.schema_arrow.empty_table()


def _group(file: parquet.ParquetFile, group: int, size: int) -> Iterator[pa.Table]:
    if not size:
        yield file.read_row_group(group, use_threads=False)
        return
    for batch in file.iter_batches(size, row_groups=[group], use_threads=False):
        yield pa.Table.from_batches([batch])


def _arrow(path: Path, size: int) -> Iterator[pa.Table]:
    """Arrow's file form (Feather version 2), or its stream form, which has no mark at its beginning."""
    with _told(path, "the file"):
        with path.open("rb") as opened:
            is_file = opened.read(6) == b"ARROW1"
        held = pa.memory_map(str(path))
        reader = pa.ipc.open_file(held) if is_file else pa.ipc.open_stream(held)
    batches = (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_file else iter(reader)
    yield from _each(path, "a record batch", (pa.Table.from_batches([batch]) for batch in batches))


def _jsonl(path: Path, size: int) -> Iterator[Piece]:
    with _told(path, "the file"), path.open(encoding="utf-8-sig") as lines:
        yield from _json_pieces(lines, size or 65_536, str(path))


def _json_pieces(lines: Iterable[str], size: int, source: str) -> Iterator[Piece]:
    """Pieces of JSON lines; a key that a piece lacks and one before had is a column of empty cells."""
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    seen: dict[str, None] = {}
    while part := list(islice(numbered, size)):
        for piece in _of_json(part, source):
            if isinstance(piece, Unreadable):
                yield piece
                continue
            columns = dict(zip(piece.column_names, piece.columns, strict=True))
            seen |= dict.fromkeys(columns)
            yield pa.table(columns | {name: pa.nulls(piece.num_rows) for name in seen if name not in columns})


def _csv(path: Path, size: int) -> Iterator[Piece]:
    """Cells are read as texts, and are made numbers, truths or times where all of a column are.

    Read in pieces, the first tells the type of a column. Where a later one has cells that are not of it, the rows that
    hold these are given by themselves, their cells as texts: so a bad cell costs its row, and not the file.
    """
    blocks = _text_blocks(path)
    if not size:
        all_blocks = list(blocks)
        yield from (broken for _, lines in all_blocks for _, broken in lines)
        blocks = iter([(pa.concat_tables([table for table, _ in all_blocks]), [])] if all_blocks else [])
    types: dict[str, pa.DataType] = {}
    for table, lines in blocks:
        untold = [name for name in table.column_names if pa.types.is_null(types.get(name, pa.null()))]
        types |= {name: column_type(table.column(name)) for name in untold}
        start = 0
        for place, broken in lines:
            yield from _typed(table.slice(start, place - start), types)
            yield broken
            start = place
        yield from _typed(table.slice(start), types)


def _text_blocks(path: Path) -> Iterator[tuple[pa.Table, list[tuple[int, Unreadable]]]]:
    """The table with all cells as texts, some rows at a time; and the lines that have more or fewer cells than the
    header, each with the number of rows of its block that stand before it."""
    bad: deque[csv.InvalidRow] = deque()

    def note(row: csv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    with _told(path, "the file"):
        delimiter, names = _header(path)
        _check_names(path, names)
        reader = csv.open_csv(
            path,
            csv.ReadOptions(block_size=BLOCK, use_threads=False),
            csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    line = 2  # the first behind the header
    for table in _each(path, "the file", (pa.Table.from_batches([batch]) for batch in reader)):
        lines: list[tuple[int, Unreadable]] = []
        while bad and bad[0].number - line - len(lines) <= table.num_rows:  # blocks are read ahead
            lines.append((bad[0].number - line - len(lines), _broken(path, bad.popleft())))
        yield table, lines
        line += table.num_rows + len(lines)
    if bad:
        yield pa.table({name: pa.array([], pa.string()) for name in names}), [(0, _broken(path, row)) for row in bad]


def _broken(path: Path, row: csv.InvalidRow) -> Unreadable:
    error = DataError(
        f"line {row.number} is broken", field=str(path), expected=f"{row.expected_columns} cells",
        got=f"{row.actual_columns}: {row.text[:60]}", fix="mend it; quote cells that hold commas",
    )  # fmt: skip
    return Unreadable(error)


def _header(path: Path) -> tuple[str, list[str]]:
    """What parts the cells, and the names of the columns. Semicolons do where the first line has no comma."""
    with path.open("rb") as file:
        first = file.readline().decode("utf-8-sig")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ";" if ";" in first and "," not in first else ","
    read = csv.read_csv(
        io.BytesIO(first.encode()),
        csv.ReadOptions(autogenerate_column_names=True),
        csv.ParseOptions(delimiter=delimiter),
        csv.ConvertOptions(column_types={f"f{i}": pa.string() for i in range(first.count(delimiter) + 1)}),
    )
    return delimiter, [column[0].as_py() for column in read.columns]


def column_type(cells: pa.ChunkedArray) -> pa.DataType:
    """What all cells of a column of texts are: the first of nothing, truths, whole numbers, numbers, dates, times.

    Numbers that begin with a zero, as postcodes do, stay texts.
    """
    some = cells.drop_null()
    if not len(some):
        return pa.null()
    bare = pc.utf8_trim_whitespace(some)
    numbers = bare.filter(pc.invert(pc.is_in(bare, pa.array(EMPTY))))
    if not len(numbers):
        return pa.float64()
    if pc.any(pc.match_substring_regex(numbers, r"^[-+]?0[0-9]")).as_py():
        return _first_of(bare, TIMES) or pa.string()
    return _truths(bare) or _first_of(numbers, (pa.int64(), pa.float64())) or _first_of(bare, TIMES) or pa.string()


def _truths(cells: pa.ChunkedArray) -> pa.DataType | None:
    """Truth, if all cells say ``true`` or ``false``: 0 and 1 are numbers."""
    told = pc.is_in(pc.utf8_lower(cells), pa.array(["true", "false"]))
    return pa.bool_() if pc.all(told).as_py() else None


def _first_of(cells: pa.ChunkedArray, types: Iterable[pa.DataType]) -> pa.DataType | None:
    return next((type for type in types if _as(cells, type) is not None), None)


def _as(cells: pa.ChunkedArray, type: pa.DataType) -> pa.ChunkedArray | None:
    try:
        return cells.cast(type)
    except pa.ArrowInvalid:
        return None


def _typed(table: pa.Table, types: Mapping[str, pa.DataType]) -> Iterator[pa.Table]:
    """A table of texts with columns of their types; rows with cells that cannot be come alone, as texts."""
    columns = {name: _cells(table.column(name), types[name]) for name in table.column_names}
    failed = [name for name, made in columns.items() if made is None]
    if not failed:
        yield pa.table(columns)
    elif table.num_rows == 1:
        yield pa.table({name: table.column(name) if made is None else made for name, made in columns.items()})
    else:
        half = table.num_rows // 2
        yield from _typed(table.slice(0, half), types)
        yield from _typed(table.slice(half), types)


def _cells(texts: pa.ChunkedArray, type: pa.DataType) -> pa.ChunkedArray | None:
    """Texts as cells of a type; ``None`` where they cannot be."""
    if is_text(type):
        return texts
    if pa.types.is_null(type):
        return pa.chunked_array([pa.nulls(len(texts))])
    bare = pc.utf8_trim_whitespace(texts)
    if is_number(type):
        bare = pc.if_else(pc.is_in(bare, pa.array(EMPTY)), None, bare)
    made = _as(bare, type)
    return _as(bare, pa.float64()) if made is None and is_number(type) else made


def _of_json(lines: Sequence[tuple[int, str]], source: str) -> Iterator[Piece]:
    """Tables of JSON objects, each with the number of its line: one, unless cells of a column do not go together."""
    try:
        table = arrow_json.read_json(io.BytesIO("\n".join(line for _, line in lines).encode()))
    except pa.ArrowInvalid:
        table = None
    if table is not None and table.column_names:
        yield table
    elif len(lines) > 1:
        half = len(lines) // 2
        yield from _of_json(lines[:half], source)
        yield from _of_json(lines[half:], source)
    else:
        yield _of_line(*lines[0], source)


def _of_line(number: int, line: str, source: str) -> Piece:
    """A line by itself."""
    place = f"{source}, line {number}"
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


READERS: dict[str, Callable[[Path, int], Iterator[Piece]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".npz": _npz,
}
"""How files are read, by their suffix."""


# --- tables below one another ---------------------------------------------------------------------------------------


def _joined(parts: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    """Tables, each with what it is called, one below the other; columns go by name."""
    name, first = parts[0]
    for other, table in parts[1:]:
        for wrong, here in (("lacks", _less(first, table)), ("has besides", _less(table, first))):
            if here:
                raise DataError(
                    f"{wrong} the column{'s' if len(here) > 1 else ''} {', '.join(map(repr, here))}", field=other,
                    expected=f"the columns of {name}", fix="read files of the same columns",
                )  # fmt: skip
    columns = {
        column: _one([(called, table.column(column)) for called, table in parts], column)
        for column in first.column_names
    }
    return pa.table(columns)


def _less(table: pa.Table, other: pa.Table) -> list[str]:
    names = set(other.column_names)
    return [name for name in table.column_names if name not in names]


def _one(parts: Sequence[tuple[str, pa.ChunkedArray]], name: str) -> pa.Array:
    """The pieces of one column as one; numbers of several types are floats."""
    pieces = [(called, plain(piece.combine_chunks())) for called, piece in parts]
    types = {piece.type: called for called, piece in reversed(pieces) if not pa.types.is_null(piece.type)}
    if len(types) > 1:
        kinds = [k for k in (is_number, is_text, is_time) if all(map(k, types))]
        if not kinds:
            (a, in_a), (b, in_b) = list(types.items())[:2]
            raise DataError(
                f"the column {name!r} is of several types", field=in_b, expected=f"{a}, as in {in_a}", got=b,
                fix="write the files with one type",
            )  # fmt: skip
        common = {is_number: pa.float64(), is_text: pa.string(), is_time: pa.timestamp("us")}[kinds[0]]
    else:
        common = next(iter(types), pa.null())
    return pa.chunked_array([piece.cast(common) for _, piece in pieces], common).combine_chunks()


def _check_names(path: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or not names:
        raise DataError(
            "has columns of one name" if twice else "has no columns", field=str(path),
            expected="a name for each column", got=", ".join(map(repr, twice)) or "none", fix="rename them",
        )  # fmt: skip


@contextmanager
def _told(path: Path, where: str) -> Iterator[None]:
    """Tell what a library finds wrong with a file."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, EOFError, KeyError) as error:
        raise DataError(
            f"{where} cannot be read ({_line(error)})", field=str(path), expected="a table that is whole",
            fix="write the file anew, or mend what is named",
        ) from error  # fmt: skip


def _each(path: Path, where: str, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Tables as they are read, with what goes wrong told."""
    while True:
        with _told(path, where):
            table = next(tables, None)
        if table is None:
            return
        yield table


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


# --- writing ----------------------------------------------------------------------------------------------------------


def write(rows: Rows, path: str | Path) -> None:
    """Write rows into one file, of the kind that its suffix says; it appears whole or not at all.

    Raises:
        DomainInputError: another suffix, or texts in an npz file.
        StorageError: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise DomainInputError("cannot be written", field=str(path), expected=f"a file ending in {', '.join(WRITERS)}")
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
        whole = _as(column, pa.timestamp("s", column.type.tz))
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
