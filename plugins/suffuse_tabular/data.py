"""Data sets of tables: parts, labels, and what is known to be odd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from suffuse.datasets import Listed
from suffuse.domain import Section, Splits
from suffuse.errors import DataError, RecipeError, unknown_name
from suffuse.rng import permutation
from suffuse_tabular import files
from suffuse_tabular.cells import is_number, texts
from suffuse_tabular.rows import Rows

LABEL = "label"
"""The name of the condition that a column of labels is."""

Value = str | int | float | bool


class Data(Section):
    """The ``data`` section of a recipe.

    Arguments:
        name: a registered data set, or ``file``.
        path: of your own: files, folders, patterns as ``orders-*.parquet``.
        table: which of the tables of a collection, as ``cardio`` of ``adbench``.
        label: the column that says what a row is. It is no part of rows. Without ``anomaly``, it is the condition
            ``label``.
        anomaly: the labels of rows that are odd. These are never trained on; they are the part ``anomalies``.
        conditions: columns that steer generation, and are parts of rows all the same.
        validation, test: the shares of the usual rows that are held out.
        limit: use only so many of the usual rows, drawn by the seed.
        seed: draws the parts.
    """

    name: str = "file"
    path: Path | tuple[Path, ...] | None = None
    table: str | None = None
    label: str | None = None
    anomaly: tuple[Value, ...] = ()
    conditions: tuple[str, ...] = ()
    validation: float = Field(default=0.1, gt=0.0, lt=1.0)
    test: float = Field(default=0.2, ge=0.0, lt=1.0)
    limit: int | None = Field(default=None, ge=2)
    seed: int = 0

    @field_validator("anomaly", "conditions", mode="before")
    @classmethod
    def _one_is_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | int | float | bool) else value


@dataclass(frozen=True, eq=False)
class TableDataset(Listed):
    """Rows, and the values of conditions beside them."""

    items: Rows

    @property
    def rows(self) -> Rows:
        """All of them."""
        return self.items


def from_files(data: Data) -> Splits:
    """The rows of files."""
    if data.path is None:
        raise DataError(
            "is not told", field="data.path", expected="a file, a folder or a pattern",
            fix="suffuse train tabular data.path=rows.csv",
        )  # fmt: skip
    name = data.path.stem if isinstance(data.path, Path) else f"{len(data.path)} files"
    return split(data, name, files.read_all(data.path))


def split(data: Data, name: str, rows: Rows) -> Splits:
    """The parts of a table.

    Raises:
        RecipeError: it lacks a column that the section names, or no row has a label that is told as odd.
        DataError: it has too few rows.
    """
    for told, key in ((data.label, "label"), *((column, "conditions") for column in data.conditions)):
        if told is not None and told not in rows.names:
            raise unknown_name("column", told, rows.names, RecipeError, field=f"data.{key}")
    if data.anomaly and data.label is None:
        raise RecipeError("has no column to be looked for in", field="data.anomaly", fix="tell data.label too")
    odd = _odd(data, rows)
    usual = np.flatnonzero(~odd)
    order = usual[permutation(len(usual), "tabular", "split", data.seed).numpy()][: data.limit]
    held, tested = _counts(data, len(order), name)
    bare = Rows(rows.table.drop_columns([data.label])) if data.label is not None else rows
    values = _conditions(data, rows)
    parts = (order[held + tested :], order[:held], order[held : held + tested], np.flatnonzero(odd))
    train, validation, test, anomalies = (_part(bare, values, np.sort(part), parts[0]) for part in parts)
    return Splits(train, validation, test if tested else validation, name, anomalies if odd.any() else None)


def _odd(data: Data, rows: Rows) -> np.ndarray:
    """Which rows are told to be odd: bool ``[rows]``."""
    if not data.anomaly:
        return np.zeros(len(rows), dtype=bool)
    assert data.label is not None
    labels = _labels(rows.columns()[data.label])
    known = set(labels.drop_null().unique().to_pylist())
    told = [_spelt(value) for value in data.anomaly]
    for value in told:
        if value not in known:
            raise unknown_name("label", value, [str(k) for k in known], RecipeError, field="data.anomaly")
    found: np.ndarray = pc.is_in(labels, pa.array(told)).to_numpy(zero_copy_only=False)
    return found


def _labels(cells: pa.Array) -> pa.Array:
    return texts(cells, "int64" if is_number(cells.type) and _all_whole(cells) else "string")


def _all_whole(cells: pa.Array) -> bool:
    return bool(pc.all(pc.equal(cells, pc.floor(cells))).as_py())


def _spelt(value: Value) -> str:
    """A label as it is written in a recipe, as cells are written."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _counts(data: Data, usual: int, name: str) -> tuple[int, int]:
    """How many rows are held out for validation and test."""
    held = max(1, round(usual * data.validation))
    tested = min(max(1, round(usual * data.test)), usual - held - 1) if data.test else 0
    if usual - held - tested < 1 or tested < 0:
        raise DataError("has too few usual rows", field=name, expected="at least 3", got=usual)
    return held, tested


def _conditions(data: Data, rows: Rows) -> dict[str, list[Any]]:
    """The values of each condition: of numbers as they are, of all else as texts."""
    cells = rows.columns()
    told = {name: _values(cells[name]) for name in data.conditions}
    if data.label is not None and not data.anomaly:
        told[LABEL] = _labels(cells[data.label]).to_pylist()
    return told


def _values(cells: pa.Array) -> list[Any]:
    if is_number(cells.type):
        return [None if x is None or x != x else x for x in cells.cast(pa.float64()).to_pylist()]
    return list(texts(cells, "string").to_pylist())


def _part(rows: Rows, values: Mapping[str, list[Any]], part: np.ndarray, train: np.ndarray) -> TableDataset:
    """Some rows; a label that no training row has is none."""
    made = {}
    for name, told in values.items():
        seen = {told[i] for i in train}
        kept = [told[i] for i in part]
        made[name] = [x if isinstance(x, float) or x in seen else None for x in kept]
    return TableDataset(Rows(rows.take(part.tolist()).table.combine_chunks()), made)
