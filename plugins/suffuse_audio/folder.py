"""A folder of sounds as a data set.

The first subfolder that a sound lies in is its class, the condition ``label``. Where the sounds lie in folders
``train`` and ``validation`` (or ``val``, ``valid``) or ``test``, these are the parts of the data set, and classes are
the folders in them.

Or a table tells which files there are and what is known of each: a CSV whose column ``file`` (or ``path``,
``file_name``, ``filename``) names them. Its other columns are conditions: numbers where all cells are, else one of
several words, as is always a column ``label``, ``class`` or ``category``. A column ``split`` tells the parts.
"""

from __future__ import annotations

import csv
import io
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suffuse.datasets import files_among
from suffuse.domain import Splits
from suffuse.errors import DataError
from suffuse.files import is_hidden
from suffuse_audio.data import PARTS, Data, Source, opened
from suffuse_audio.files import SUFFIXES

logger = logging.getLogger(__name__)

TABLES = ("labels.csv", "metadata.csv", "manifest.csv")
"""Of these names, one that lies in the folder is read."""

FILE, SPLIT, WORDS = ("file", "path", "file_name", "filename"), "split", ("label", "class", "category")
"""The columns of files, of parts, and of what is a word even if it looks like a number."""

OWN = 20
"""A column with more words than this, and with one of its own for most files, tells files apart and is no condition."""


def folder(data: Data) -> Splits:
    """All sounds under ``data.path``, or those that ``data.table`` names.

    Raises:
        DataError: there is no folder, no sound in it, or the table is wrong.
    """
    table = data.table or _beside(data.path)
    if table is not None:
        base = (data.path or table.parent).expanduser()
        sources = from_table(data, table.expanduser(), base)
        _tell_others(sources, table, base)
        return opened(data, base.resolve().name, sources)
    if data.path is None:
        raise DataError(
            "is not told", field="data.path", expected="a folder of sounds, or a sound file",
            fix="add data.path=FOLDER to the command or recipe",
        )  # fmt: skip
    root = data.path.expanduser().resolve()
    return opened(data, root.stem, from_folders(root))


def from_folders(root: Path) -> list[Source]:
    """The sounds of a folder, or one file; subfolders tell their classes and parts.

    Raises:
        DataError: there are none.
    """
    expected = f"files ending in {', '.join(SUFFIXES)}, here or in subfolders"
    paths = files_among(root, is_sound, "sounds", expected)
    folders = [path.relative_to(root).parent.parts if path != root else () for path in paths]
    first = {names[0].lower() if names else "" for names in folders}
    if {"train"} < first <= set(PARTS):
        return [
            Source(path, _label(names[1:]), PARTS[names[0].lower()])
            for path, names in zip(paths, folders, strict=True)
        ]  # fmt: skip
    return [Source(path, _label(names)) for path, names in zip(paths, folders, strict=True)]


def from_table(data: Data, table: Path, base: Path) -> list[Source]:
    """The files of a table, with what it tells of each; without a word on classes, subfolders tell these.

    Arguments:
        data: the section of the recipe; a column that it asks for is kept whatever is in it.
        table: the CSV.
        base: the folder from which files are named.

    Raises:
        DataError: the table cannot be read, names no files, or parts that there are not.
    """
    rows = read_rows(table)
    names = list(rows[0]) if rows else []
    file = next((name for name in FILE if name in names), None)
    if file is None:
        raise DataError(
            "names no files", field=str(table), expected=f"lines under a first one with a column {' or '.join(FILE)}",
            got=", ".join(names) or "an empty table", fix="name the columns in the first line, as: file,label",
        )  # fmt: skip
    columns = {name: _values([row[name] for row in rows], name) for name in names if name not in (file, SPLIT)}
    columns = {name: values for name, values in columns.items() if _tells(data, table, name, values)}
    if not set(WORDS) & set(columns):
        folders = [_label(Path(row[file]).parent.parts) for row in rows]
        if any(folders):
            columns["label"] = [told.get("label") for told in folders]
    parts = [_part(row.get(SPLIT, ""), table, line) for line, row in enumerate(rows, start=2)]
    return [
        Source(base / row[file], {name: values[i] for name, values in columns.items()}, parts[i])
        for i, row in enumerate(rows)
    ]


def read_rows(table: Path) -> list[dict[str, str]]:
    """The lines of a CSV by column, stripped; cells that are left out are empty. Commas, semicolons or tabs part them.

    Raises:
        DataError: it cannot be read as UTF-8 text.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read as a table ({error})", field=str(table), fix="save it as UTF-8") from error
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    return [{str(k).strip(): (v or "").strip() for k, v in row.items() if k is not None} for row in reader]


def is_sound(path: Path) -> bool:
    """Whether a file ends as sounds do."""
    return path.suffix.lower() in SUFFIXES


def _tell_others(sources: Sequence[Source], table: Path, base: Path) -> None:
    """Warn of sounds that lie in the folder and that the table does not name."""
    named = {source.path.resolve() for source in sources}
    here = (path for path in sorted(base.rglob("*")) if is_sound(path) and path.is_file() and not is_hidden(path, base))
    others = [path for path in here if path.resolve() not in named]
    if others:
        logger.warning(
            "%s names %d files; %d other sounds in %s are left out, the first is %s", table, len(named), len(others),
            base, others[0],
        )  # fmt: skip


def _beside(path: Path | None) -> Path | None:
    """The table that lies in a folder."""
    places = [] if path is None else [path.expanduser() / name for name in TABLES]
    return next((place for place in places if place.is_file()), None)


def _label(folders: Sequence[str]) -> Mapping[str, Any]:
    return {"label": folders[0]} if folders else {}


def _values(cells: Sequence[str], name: str) -> list[Any]:
    """Numbers where all cells are such, else words; ``None`` where a cell is empty."""
    numbers = [_number(cell) for cell in cells]
    words = name.lower() in WORDS or any(cell and number is None for cell, number in zip(cells, numbers, strict=True))
    return [cell or None for cell in cells] if words else list(numbers)


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _tells(data: Data, table: Path, name: str, values: Sequence[Any]) -> bool:
    """Whether a column can be a condition; all can where the section says which are."""
    if data.conditions is not None:
        return True
    known = [value for value in values if value is not None]
    words = {value for value in known if isinstance(value, str)}
    if len(words) > max(OWN, len(values) / 2):
        logger.info("%s: the column %s has %d words and is no condition (data.conditions)", table, name, len(words))
        return False
    return bool(known)


def _part(cell: str, table: Path, line: int) -> str:
    if cell and cell.lower() not in PARTS:
        raise DataError(
            f"line {line} tells a part that there is not", field=str(table), expected=f"one of {', '.join(PARTS)}",
            got=repr(cell), fix=f"correct the column {SPLIT!r}, or give it another name",
        )  # fmt: skip
    return PARTS[cell.lower()] if cell else ""
