"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from suffuse.errors import DomainInputError, StorageError
from suffuse.jsonable import finite

T = TypeVar("T")


def is_hidden(path: Path, root: Path) -> bool:
    """Whether a file is not meant when the folder ``root`` is: it, or a folder on the way to it, begins with a dot."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; put it in ``path``'s place when the block ends without an error.

    The file is flushed to the disk before it is renamed, so that a crash or a full disk leaves either the old file or
    the new one.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part" + path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _storage_error(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """See whether a file or a folder could be made at a place, before the work is done; nothing is left there.

    Raises:
        StorageError: what should be a folder is a file, or nothing may be written there.
    """
    path = Path(path)
    try:
        place = path if path.is_dir() else path.parent
        while not place.exists():
            place = place.parent
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise _storage_error(path, error) from error


def make_folder(path: str | Path) -> None:
    """Make a folder, and those above it.

    Raises:
        StorageError: it cannot be made, or is a file.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _storage_error(Path(path), error) from error


def writer_of(writers: Mapping[str, T], path: Path) -> T:
    """What writes a file, by its suffix.

    Arguments:
        writers: by suffix, as ``.csv``.
        path: of the file.

    Raises:
        DomainInputError: there is none for it.
    """
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise DomainInputError("cannot be written", field=str(path), expected=f"a file ending in {', '.join(writers)}")
    return writer


def digest(path: Path) -> str:
    """A short hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


@contextmanager
def folder_of(path: str | Path) -> Iterator[None]:
    """Make a folder, and take it away again where the block fails before anything lies in it.

    Raises:
        StorageError: as :func:`make_folder`.
    """
    path = Path(path)
    made = not path.exists()
    make_folder(path)
    try:
        yield
    except BaseException:
        if made and not any(path.iterdir()):
            path.rmdir()
        raise


def _storage_error(path: Path, error: OSError) -> StorageError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    first = "free some space, or choose another folder" if full else "choose another folder"
    return StorageError(
        f"could not be written ({error.strerror or error})",
        field=str(path),
        fix=f"{first}; what was there before is untouched",
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system lets a folder be flushed."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, data: Any) -> None:
    """Write a JSON file atomically; numbers that are not finite, which JSON lacks, become null."""
    write_text(path, json.dumps(finite(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_rows(path: str | Path, rows: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None) -> None:
    """Write a CSV file atomically: a line of names, then a line for each row, with empty cells for what it lacks.

    Arguments:
        path: of the file.
        rows: cells by name.
        names: the columns; all that rows have, unless told otherwise.
    """
    text = io.StringIO()
    header = list(dict.fromkeys(name for row in rows for name in row)) if names is None else list(names)
    writer = csv.DictWriter(text, header, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_with(path: str | Path, save: Callable[[Path], object]) -> None:
    """Write a file atomically through a library's own ``save(path)``; the suffix is kept."""
    with atomic(path) as temporary:
        save(temporary)
