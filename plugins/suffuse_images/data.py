"""Data sets of pictures: named ones and folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from PIL import Image
from pydantic import Field

from suffuse.domain import Dataset, Example, Section, Splits
from suffuse.rng import permutation


class Data(Section):
    """The ``data`` section of a recipe.

    Arguments:
        name: a registered data set, or ``folder``.
        path: the folder of pictures.
        root: where named data sets lie; left out, ``$SUFFUSE_DATA`` or the user's data folder.
        download: fetch a named data set that is missing.
        validation: the share of the training pictures that is held out for the validation loss.
        limit: use only so many training pictures (before validation is held out), drawn by the seed.
        seed: draws the validation pictures.
        on_error: whether a file of a folder that cannot be read stops the work or is skipped. Skipping decodes every
            file once when the folder is opened.
        shrink: pictures of a folder whose shorter side is longer than this are shrunk to it as they are read, which
            keeps photographs quick to load; ``null`` keeps their size.
    """

    name: str = "digits"
    path: Path | None = None
    root: Path | None = None
    download: bool = False
    validation: float = Field(default=0.05, gt=0.0, lt=1.0)
    limit: int | None = Field(default=None, ge=1)
    seed: int = 0
    on_error: Literal["raise", "skip"] = "raise"
    shrink: int | None = Field(default=256, ge=1)


class Source(Protocol):
    """Pictures by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> Image.Image: ...


@dataclass(frozen=True)
class PixelArray:
    """Pictures in memory: uint8 ``[n, height, width]`` or ``[n, height, width, 3]``."""

    pixels: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, row: int) -> Image.Image:
        return Image.fromarray(self.pixels[row])


@dataclass(frozen=True)
class Pictures:
    """A data set: some rows of a source, and what is known of each.

    Arguments:
        source: the pictures.
        columns: by condition name, a value for every row of the source; ``None`` where it is not known.
        rows: the rows that are part of this data set, int64 ``[n]``.
    """

    source: Source
    columns: Mapping[str, Sequence[Any]]
    rows: np.ndarray

    @classmethod
    def all_of(cls, source: Source, columns: Mapping[str, Sequence[Any]]) -> Pictures:
        """Every row of a source."""
        return cls(source, columns, np.arange(len(source)))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Example:
        row = self.rows[index]
        return Example(self.source[row], {name: column[row] for name, column in self.columns.items()})

    def column(self, name: str) -> list[Any]:
        """A condition's values, without touching the pictures."""
        return [self.columns[name][row] for row in self.rows]

    def take(self, index: np.ndarray) -> Pictures:
        """A part of the data set."""
        return replace(self, rows=self.rows[index])


def column(dataset: Dataset, name: str) -> list[Any]:
    """The values of one condition over a data set, ``None`` where an example lacks it."""
    if isinstance(dataset, Pictures):
        return dataset.column(name) if name in dataset.columns else [None] * len(dataset)
    return [dataset[i].conditions.get(name) for i in range(len(dataset))]


def by_class(labels: Iterable[int], classes: Sequence[str]) -> dict[str, list[str]]:
    """The ``label`` column of class numbers."""
    return {"label": [classes[i] for i in labels]}


def split(
    data: Data, name: str, pictures: Pictures, validation: Pictures | None = None, test: Pictures | None = None
) -> Splits:
    """The parts of a data set.

    Where there is no validation part, it is held out of the training pictures, the same for the same seed. Where there
    is no test part, the validation part serves.
    """
    order = permutation(len(pictures), "images", "split", data.seed).numpy()[: data.limit]
    held = 0 if validation else min(max(1, round(len(order) * data.validation)), len(order) - 1)
    train = pictures.take(np.sort(order[held:]))
    validation = validation or (pictures.take(np.sort(order[:held])) if held else train)
    return Splits(train, validation, test or validation, name)
