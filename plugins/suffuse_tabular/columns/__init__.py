"""Kinds of column, each fitted on training cells, frozen, and round-tripped by JSON.

A kind turns cells into *raw* entries, float64 ``[size, rows]``, and back. In these, NaN is an empty cell and infinity a
cell that the kind cannot take. Mean and scale of each entry are told apart from it, so that a codec standardizes all
columns of a table at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from suffuse_tabular.columns.base import Column
from suffuse_tabular.columns.names import Boolean, Category, Ordinal
from suffuse_tabular.columns.numbers import LogTails, Number
from suffuse_tabular.columns.ranked import Ranked
from suffuse_tabular.columns.times import Datetime

__all__ = [
    "KINDS", "Boolean", "Category", "Column", "Datetime", "LogTails", "Number", "Ordinal", "Ranked", "from_json",
    "to_json",
]  # fmt: skip

KINDS: dict[str, Any] = {k.kind: k for k in (Number, LogTails, Ranked, Boolean, Category, Ordinal, Datetime)}


def to_json(column: Any) -> dict[str, Any]:
    """A fitted column as JSON-able data."""
    return {"kind": column.kind, **asdict(column)}


def from_json(data: Mapping[str, Any]) -> Column:
    """The inverse of :func:`to_json`."""
    options = {name: tuple(x) if isinstance(x, list) else x for name, x in data.items() if name != "kind"}
    if data.get("ranked") is not None:
        options["ranked"] = from_json({"kind": Ranked.kind, **data["ranked"]})
    column: Column = KINDS[data["kind"]](**options)
    return column
