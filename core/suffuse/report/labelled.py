"""Scores with labels, from a file that `suffuse score` or anything else wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from suffuse.errors import DataError, DomainInputError, unknown_name
from suffuse.tasks.detection import TOP, Detection, Top


def read_labelled(path: str | Path, label: str) -> Detection:
    """The scores of a file, and which items are odd.

    Arguments:
        path: CSV, JSON lines, Parquet or Arrow, with a column ``score``; and ``p`` and ``reason``, if there are any.
        label: the column that tells: true, or a number other than 0, where an item is odd.

    Raises:
        DataError: the file is missing, broken, or of another kind.
        DomainInputError: it lacks a column, has gaps, or the labels are neither of both kinds nor of two.
    """
    table = _read(Path(path))
    for name in ("score", label):
        if name not in table:
            raise unknown_name("column", name, table, DomainInputError, field=str(path), fix="name one with --label")
    scores, odd = table["score"], [_is_odd(path, label, value) for value in table[label]]
    if any(value is None for value in scores):
        raise DomainInputError("has gaps", field=f"{path}: score", fix="leave out rows that were not scored")
    if len(set(odd)) < 2:
        raise DomainInputError(
            "has labels of one kind only", field=f"{path}: {label}", expected="usual and odd items", got=set(odd)
        )
    p = tuple(map(float, table["p"])) if None not in table.get("p", [None]) else ()
    order = sorted(range(len(scores)), key=lambda i: -scores[i])[:TOP]
    reasons = table.get("reason", [""] * len(scores))
    return Detection(
        scores=tuple(map(float, scores)),
        odd=tuple(odd),
        p=p,
        data=Path(path).name,
        of=len(scores),
        top=tuple(Top(i, odd[i], float(scores[i]), p[i] if p else None, reasons[i] or "") for i in order),
    )


def _is_odd(path: str | Path, label: str, value: Any) -> bool:
    if not isinstance(value, bool | int | float):
        raise DomainInputError(
            "is no label",
            field=f"{path}: {label}",
            expected="true or false, or numbers, 0 where usual",
            got=repr(value),
        )
    return bool(value)


def _read(path: Path) -> dict[str, list[Any]]:
    """The columns of a file."""
    import pyarrow as pa

    if path.suffix not in _READERS:
        raise DataError("is no file of scores", field=str(path), expected=", ".join(_READERS), got=path.suffix)
    try:
        columns: dict[str, list[Any]] = _READERS[path.suffix](str(path)).to_pydict()
    except (OSError, pa.ArrowException) as error:
        raise DataError("cannot be read", field=str(path), got=error, fix="check the path, or score again") from error
    return columns


def _csv(path: str) -> Any:
    from pyarrow import csv

    return csv.read_csv(path)


def _lines(path: str) -> Any:
    from pyarrow import json

    return json.read_json(path)


def _parquet(path: str) -> Any:
    from pyarrow import parquet

    return parquet.read_table(path)


def _arrow(path: str) -> Any:
    from pyarrow import feather

    return feather.read_table(path)


_READERS: dict[str, Callable[[str], Any]] = {
    ".csv": _csv, ".jsonl": _lines, ".parquet": _parquet, ".arrow": _arrow, ".feather": _arrow,
}  # fmt: skip
