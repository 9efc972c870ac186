"""A folder of pictures as a data set.

The first subfolder that a picture lies in is its class, the condition ``label``. Captions, the condition ``prompt``,
come from ``captions.csv`` or ``metadata.csv`` (columns ``file`` and ``caption``, or ``file_name`` and ``text``) in the
folder itself, or from ``NAME.txt`` beside ``NAME.png``.

Where all pictures lie in folders ``train`` and ``validation`` (or ``val``, ``valid``) or ``test``, these are the parts
of the data set, and classes are the folders in them.
"""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from suffuse.domain import Splits
from suffuse.errors import DataError
from suffuse.files import is_hidden
from suffuse_images.data import Data, Pictures, split
from suffuse_images.pictures import bad_picture, read_picture, smooth

logger = logging.getLogger(__name__)

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
TABLES = ("captions.csv", "metadata.csv")
PARTS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
KEPT_BYTES = 512 * 2**20
"""Folders whose decoded pictures take no more than this are decoded once."""


@dataclass(frozen=True)
class Files:
    """Picture files, decoded when they are asked for.

    Arguments:
        paths: the files.
        shrink: the longest that a picture's shorter side may be; ``None``: any.
        keep: whether decoded pictures stay in memory.
    """

    paths: Sequence[Path]
    shrink: int | None = None
    keep: bool = False
    kept: dict[int, Image.Image] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Image.Image:
        if (known := self.kept.get(int(row))) is not None:
            return known
        image = shrunk(read_picture(self.paths[row]), self.shrink)
        if self.keep:
            self.kept[int(row)] = image
        return image


def shrunk(image: Image.Image, shorter_side: int | None) -> Image.Image:
    """The picture, its shorter side no longer than asked."""
    if shorter_side is None or min(image.size) <= shorter_side:
        return image
    scale = shorter_side / min(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return smooth(image).resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def folder(data: Data) -> Splits:
    """All pictures under ``data.path``.

    Raises:
        DataError: the folder is missing or empty, a file is damaged, or a caption table is wrong.
    """
    root = _existing(data.path)
    paths, sizes, faults = _readable(_listed(root), data)
    folders = [path.relative_to(root).parent.parts for path in paths]
    parts = _parts(folders)
    classes = [names[1:] for names in folders] if parts is not None else folders
    columns: dict[str, Sequence[str | None]] = {}
    if any(classes):
        columns["label"] = [names[0] if names else None for names in classes]
    captions = _captions(root, paths)
    if captions:
        columns["prompt"] = [captions.get(path) for path in paths]
    keep = _decoded_bytes(sizes, data.shrink) <= KEPT_BYTES
    every = Pictures.all_of(Files(paths, data.shrink, keep), columns)
    if parts is None:
        return replace(split(data, root.name, every), faults=faults)
    train, validation, test = (every.take(np.flatnonzero(parts == part)) for part in ("train", "validation", "test"))
    return replace(split(data, root.name, train, validation, test), faults=faults)


def _parts(folders: Sequence[tuple[str, ...]]) -> np.ndarray | None:
    """The part that each picture lies in; ``None`` if the folders are not named after parts."""
    first = [names[0].lower() if names else "" for names in folders]
    if not {"train"} < set(first) <= set(PARTS):
        return None
    return np.array([PARTS[name] for name in first])


def _existing(path: Path | None) -> Path:
    if path is None:
        raise DataError(
            "is needed for a folder of pictures", field="data.path", fix="add data.path=FOLDER to the command or recipe"
        )
    path = path.expanduser()
    if not path.is_dir():
        raise DataError(
            "is a file, not a folder" if path.exists() else "there is no such folder",
            field=str(path),
            fix="give the folder that holds the pictures: data.path=FOLDER",
        )
    return path.resolve()


def _listed(root: Path) -> list[Path]:
    found = [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file() and not is_hidden(path, root)
    ]
    if not found:
        raise DataError(
            "holds no pictures",
            field=str(root),
            expected=f"files ending in {', '.join(SUFFIXES)}, here or in subfolders",
            fix="put pictures there, or give another folder: data.path=FOLDER",
        )
    return found


def _readable(paths: Sequence[Path], data: Data) -> tuple[list[Path], list[tuple[int, int]], list[DataError]]:
    """The files that can be read, their sizes, and why the others cannot."""
    kept, sizes, faults = [], [], list[DataError]()
    for path in paths:
        try:
            size = _size(path, decode=data.on_error == "skip")
        except DataError as error:
            if data.on_error == "raise":
                raise
            logger.warning("%s: skipped: %s", path, error.message)
            faults.append(error)
            continue
        kept.append(path)
        sizes.append(size)
    if len(kept) < len(paths):
        logger.warning("%d of %d files could not be read and are left out", len(paths) - len(kept), len(paths))
    if not kept:
        raise DataError("holds no picture that can be read", field=str(paths[0].parent), fix="replace the files")
    _tell_sizes(kept, sizes, data.shrink)
    return kept, sizes, faults


def _size(path: Path, decode: bool) -> tuple[int, int]:
    """Width and height; from the header alone unless the file is to be decoded."""
    if decode:
        return read_picture(path).size
    try:
        with Image.open(path) as file:
            return file.size
    except Exception as error:  # a damaged file can make a decoder raise anything
        raise bad_picture(path, error) from error


def _tell_sizes(paths: Sequence[Path], sizes: Sequence[tuple[int, int]], shrink: int | None) -> None:
    for path, size in zip(paths, sizes, strict=True):
        if min(size) < 2:
            logger.warning("%s: is only %d by %d pixels; it is enlarged", path, *size)
    large = 0 if shrink is None else sum(min(size) > shrink for size in sizes)
    if large:
        logger.info("%d of %d pictures are shrunk to a shorter side of %s (data.shrink)", large, len(sizes), shrink)


def _decoded_bytes(sizes: Sequence[tuple[int, int]], shrink: int | None) -> float:
    def pixels(width: int, height: int) -> float:
        scale = min(1.0, (shrink or min(width, height)) / min(width, height))
        return width * height * scale**2

    return sum(4 * pixels(*size) for size in sizes)


def _captions(root: Path, paths: Sequence[Path]) -> Mapping[Path, str]:
    for name in TABLES:
        if (table := root / name).is_file():
            return _table(table)
    beside = [(path, path.with_suffix(".txt")) for path in paths]
    return {path: _text(note).strip() for path, note in beside if note.is_file()}


def _table(table: Path) -> dict[Path, str]:
    rows = list(csv.DictReader(io.StringIO(_text(table), newline="")))
    names = set(rows[0]) if rows else set()
    file, caption = _column(table, names, ("file", "file_name")), _column(table, names, ("caption", "text"))
    found = {}
    for line, row in enumerate(rows, start=2):
        path = Path(os.path.normpath(table.parent / (row[file] or "")))
        if not path.is_file():
            raise DataError(
                f"line {line} names a file that does not exist",
                field=str(table),
                got=repr(row[file]),
                fix="correct the name (it is relative to the table's folder) or remove the line",
            )
        found[path] = (row[caption] or "").strip()
    return found


def _column(table: Path, names: set[str], choices: tuple[str, ...]) -> str:
    for choice in choices:
        if choice in names:
            return choice
    raise DataError(
        f"has no column {' or '.join(map(repr, choices))}",
        field=str(table),
        expected="a first line such as: file,caption",
        got=", ".join(sorted(map(str, names))) or "an empty table",
        fix="name the columns in the first line",
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read as UTF-8 text ({error})", field=str(path), fix="save it as UTF-8") from error
