"""REPLACE THIS: where the fields come from. Your own need no code: `suffuse train placeholder data.path=fields`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from suffuse.domain import Example, Section, Splits
from suffuse.errors import DataError


class Data(Section):
    """What a recipe's `data` section may hold."""

    path: Path | None = None  # your own: a folder of .npy files, each [height, width]; its subfolders are the labels
    count: int = 2048  # how many are made up, if there is no path


@dataclass(frozen=True)
class Fields:
    """A part of the data: the same index, the same example, read only when it is asked for."""

    sources: Sequence[Path | int]

    def __len__(self):
        return len(self.sources)

    def __getitem__(self, index):
        source = self.sources[index]
        if isinstance(source, int):
            return made_up(source)
        return Example(read_fields(source)[0], {"label": source.parent.name})


WAVES = {"lying": (0, 2), "standing": (2, 0), "falling": (1, 1), "rising": (1, -1)}  # how many, across and down


def made_up(number):
    """A wave of some direction, height and phase, with a little noise."""
    rng, points = np.random.default_rng(number), np.arange(16) / 16
    label = list(WAVES)[number % 4]
    across, down = WAVES[label]
    turns = across * points[None] + down * points[:, None] + rng.random()
    return Example((1 + rng.random()) * np.sin(2 * np.pi * turns) + 0.1 * rng.normal(size=(16, 16)), {"label": label})


def open_splits(data):
    """A tenth each for validation and test."""
    sources = list(range(data.count)) if data.path is None else sorted(data.path.rglob("*.npy"))
    if len(sources) < 20:
        raise DataError("holds too few fields", field="data.path", expected="20 or more .npy files", got=len(sources))
    train = [source for i, source in enumerate(sources) if i % 10 > 1]
    name = "waves" if data.path is None else data.path.stem
    return Splits(Fields(train), Fields(sources[1::10]), Fields(sources[::10]), name=name)


def read_fields(path):
    """The fields of a file, which holds one [height, width] or several: [count, height, width]."""
    try:
        values = np.load(path)
        return values.reshape(-1, *values.shape[-2:])
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", field=str(path), expected="an array [height, width]") from error
