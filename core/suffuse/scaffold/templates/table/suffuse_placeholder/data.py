"""REPLACE THIS: where the rows come from. Your own need no code: `suffuse train placeholder data.path=rows.csv`."""

import csv
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from suffuse.domain import Example, Section, Splits
from suffuse.errors import DataError


class Data(Section):
    """What a recipe's `data` section may hold."""

    path: Path | None = None  # your own: a .csv file with a header; empty cells are missing
    count: int = 4096  # how many are made up, if there is no path


@dataclass(frozen=True)
class Rows:
    """A part of the data: the same index, the same example."""

    rows: Sequence[Mapping]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return Example(self.rows[index])


def made_up(number):
    """A tree of some kind; in one row of eight, a cell is empty."""
    rng = np.random.default_rng(number)
    kind = str(rng.choice(["birch", "oak", "pine"], p=[0.3, 0.5, 0.2]))
    age = rng.gamma(4, 12)
    height = {"birch": 22, "oak": 30, "pine": 40}[kind] * (1 - np.exp(-age / 40)) * rng.normal(1, 0.08)
    soil = str(rng.choice(["dry", "wet"], p=[0.9, 0.1] if kind == "pine" else [0.3, 0.7]))
    row = {"kind": kind, "age": round(float(age), 1), "height": round(float(height), 1), "soil": soil}
    return {**row, str(rng.choice(list(row))): None} if number % 8 == 0 else row


def open_splits(data):
    """A tenth each for validation and test; what they hold in texts, the training part has shown."""
    rows = [made_up(i) for i in range(data.count)] if data.path is None else read_csv(data.path)
    if len(rows) < 20:
        raise DataError("holds too few rows", field="data.path", expected="at least 20", got=len(rows))
    train = [row for i, row in enumerate(rows) if i % 10 > 1]
    seen = {cell for row in train for cell in row.items()}
    validation, test = (
        [row for row in part if all(cell in seen for cell in row.items() if isinstance(cell[1], str))]
        for part in (rows[1::10], rows[::10])
    )
    return Splits(Rows(train), Rows(validation), Rows(test), name="trees" if data.path is None else data.path.stem)


def read_csv(path):
    """Rows of numbers, texts and, for empty cells, None; a column is of numbers if all of its cells are."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{column: cell or None for column, cell in row.items()} for row in csv.DictReader(file)]
        if any(None in row for row in rows):
            raise ValueError("a row is longer than the header")
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot be read: {error}", field=str(path), expected="a table with a header") from error
    for column in rows[0] if rows else ():
        with suppress(ValueError):  # then it is a column of texts, and stays as it is
            cells = [None if row[column] is None else float(row[column]) for row in rows]
            rows = [{**row, column: cell} for row, cell in zip(rows, cells, strict=True)]
    return rows


def write_csv(rows, path):
    """The inverse of `read_csv`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
