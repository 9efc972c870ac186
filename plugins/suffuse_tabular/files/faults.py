"""What is wrong with a file, told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from suffuse.domain import Unreadable
from suffuse.errors import DataError

Piece: TypeAlias = pa.Table | Unreadable
"""What a reader gives: some rows, or a line that could not be read."""


@contextmanager
def telling(path: Path, where: str) -> Iterator[None]:
    """Tell what a library finds wrong with a file."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, EOFError, KeyError) as error:
        raise DataError(
            f"{where} cannot be read ({first_line(error)})", field=str(path), expected="a table that is whole",
            fix="write the file anew, or mend what is named",
        ) from error  # fmt: skip


def each(path: Path, where: str, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Tables as they are read, with what goes wrong told."""
    while True:
        with telling(path, where):
            table = next(tables, None)
        if table is None:
            return
        yield table


def first_line(error: Exception) -> str:
    """What a library says, in short."""
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def check_names(path: Path, names: Sequence[str]) -> None:
    """Raise where there are no columns, or two of one name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or not names:
        raise DataError(
            "has columns of one name" if twice else "has no columns", field=str(path),
            expected="a name for each column", got=", ".join(map(repr, twice)) or "none", fix="rename them",
        )  # fmt: skip
