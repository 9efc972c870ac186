"""Files of text, gzipped or not, of any line ends and with or without a byte-order mark."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from suffuse.errors import DataError

ZIPPED = ".gz"


def suffix(path: Path) -> str:
    """What a file's name says of its kind, in lower case, without that it is gzipped."""
    name = path.with_suffix("") if path.suffix.lower() == ZIPPED else path
    return name.suffix.lower()


def stem(path: Path) -> str:
    """A file's name without its suffixes."""
    return (path.with_suffix("") if path.suffix.lower() == ZIPPED else path).stem


@contextmanager
def text(path: Path) -> Iterator[TextIO]:
    """A file's text, its lines ending in ``\\n``; bytes that are no UTF-8 are spelt out, as ``\\xe9``.

    Raises:
        DataError: there is no such file, it is empty, or it cannot be read, now or while its lines are.
    """
    if not path.is_file():
        raise DataError("there is no such file", field=str(path), fix="check the path")
    try:
        with _bytes(path) as raw:
            start = cast(io.BufferedReader, raw).peek(2)[:2]
            if not start:
                raise DataError("is empty", field=str(path), expected="molecules")
            encoding = "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
            yield io.TextIOWrapper(raw, encoding, errors="backslashreplace")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot be read ({error})", field=str(path), fix="write the file anew") from error


def _bytes(path: Path) -> BinaryIO:
    if path.suffix.lower() == ZIPPED:
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, gzip.open(path, "rb"))))
    return path.open("rb")
