"""REPLACE THIS: where the vectors come from. Your own need no code: `suffuse train placeholder data.path=rows.csv`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from suffuse.domain import Example, Section, Splits
from suffuse.errors import DataError


class Data(Section):
    """What a recipe's `data` section may hold."""

    path: Path | None = None  # your own: .csv without a header, or .npy, a row for each vector
    count: int = 4096  # how many are made up, if there is no path


@dataclass(frozen=True)
class Rows:
    """A part of the data: the same index, the same example."""

    values: np.ndarray  # [count, numbers]

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return Example(self.values[index])


def made_up(count):
    """Readings of six sensors around a shaft that has turned by some angle."""
    rng = np.random.default_rng(0)
    turns = 2 * np.pi * rng.random(count)
    readings = [wave(k * turns) for k in (1, 2, 3) for wave in (np.cos, np.sin)]
    return np.stack(readings, axis=1) + 0.05 * rng.normal(size=(count, 6))


def open_splits(data):
    """A tenth each for validation and test."""
    values = made_up(data.count) if data.path is None else read_rows(data.path)
    if len(values) < 20:
        raise DataError("holds too few vectors", field="data.path", expected="at least 20", got=len(values))
    part = np.arange(len(values)) % 10
    train, validation, test = (Rows(values[chosen]) for chosen in (part > 1, part == 1, part == 0))
    return Splits(train, validation, test, name="sensors" if data.path is None else data.path.stem)


def read_rows(path):
    """The vectors of a file: [count, numbers]."""
    try:
        return np.atleast_2d(np.load(path) if path.suffix == ".npy" else np.loadtxt(path, delimiter=",", ndmin=2))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", field=str(path), expected="rows of numbers") from error


def write_rows(rows, path):
    """The inverse of `read_rows`."""
    if path.suffix == ".npy":
        np.save(path, np.stack(rows))
    else:
        np.savetxt(path, np.stack(rows), delimiter=",")
