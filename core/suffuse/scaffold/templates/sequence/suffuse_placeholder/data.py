"""REPLACE THIS: where the sequences come from. Your own need no code: `suffuse train placeholder data.path=FILE`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from suffuse.domain import Example, Section, Splits
from suffuse.errors import DataError


class Data(Section):
    """What a recipe's `data` section may hold."""

    path: Path | None = None  # your own: a text file with a sequence on each line, every character a symbol
    count: int = 4096  # how many are made up, if there is no path


@dataclass(frozen=True)
class Lines:
    """A part of the data: the same index, the same example."""

    lines: Sequence[str]

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        return Example(self.lines[index])


def made_up(number):
    """A word of two to four syllables that all have the same vowel."""
    rng = np.random.default_rng(number)
    vowel = rng.choice(list("aeiou"))
    return "".join(f"{rng.choice(list('bdgklmnrst'))}{vowel}" for _ in range(rng.integers(2, 5)))


def open_splits(data):
    """A tenth each for validation and test, without lines that hold a symbol which the training part has not shown."""
    lines = [made_up(i) for i in range(data.count)] if data.path is None else read_lines(data.path)
    if len(lines) < 20:
        raise DataError("holds too few lines", field="data.path", expected="at least 20", got=len(lines))
    train = [line for i, line in enumerate(lines) if i % 10 > 1]
    seen = set("".join(train))
    validation, test = ([line for line in part if seen.issuperset(line)] for part in (lines[1::10], lines[::10]))
    return Splits(Lines(train), Lines(validation), Lines(test), name="words" if data.path is None else data.path.stem)


def read_lines(path):
    """The lines of a text file that are not empty."""
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", field=str(path), expected="lines of text") from error
