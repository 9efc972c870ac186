"""An index of features: made once, kept in a file, asked often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from suffuse.errors import DomainInputError
from suffuse.tensorfile import read_tensors, write_tensors

FORMAT = "suffuse-index"
VERSION = 1
ROWS = 65_536
"""Rows that are compared at once."""


@dataclass(frozen=True)
class Settings:
    """How features are read. Those of other settings cannot be compared.

    Arguments:
        model: the digest of a model.
        layer: of its network.
        level: the noise level σ/α.
    """

    model: str
    layer: str
    level: float


@dataclass(frozen=True)
class Entry:
    """An item of an index.

    Arguments:
        name: what it is called.
        file: where it came from; empty for an item that was in memory.
        number: which item of the file.
        size, changed: of the file, in bytes and nanoseconds; a file of another size or time has changed.
    """

    name: str
    file: str = ""
    number: int = 0
    size: int = 0
    changed: int = 0


@dataclass(frozen=True)
class Hit:
    """A neighbour.

    Arguments:
        entry: the item, as the index knows it.
        similarity: the cosine of the features, at most 1.
        item: itself, where it is at hand: in memory, or in a file that is as it was.
        own: how alike it and the query are by the domain's own measure, by its name, as ``tanimoto``; empty where it
            has none, or the item is not at hand.
    """

    entry: Entry
    similarity: float
    item: Any = None
    own: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Index:
    """The features of many items.

    Arguments:
        settings: how they were read.
        entries: the items.
        features: of unit length, float32 ``[count, width]``.
        items: themselves, where they came from no file; they are not saved.
    """

    settings: Settings
    entries: tuple[Entry, ...]
    features: Tensor
    items: Sequence[Any] | None = None

    def save(self, path: str | Path) -> Path:
        """Write the index to one file, in half precision."""
        header = {
            "format": FORMAT,
            "version": VERSION,
            "settings": asdict(self.settings),
            "entries": [astuple(entry) for entry in self.entries],
        }
        write_tensors(Path(path), {"features": self.features.half()}, header)
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read an index.

        Raises:
            ModelFileError: missing, truncated, of another kind, or written by a newer suffuse.
        """
        tensors, header = read_tensors(Path(path), FORMAT, VERSION)
        entries = tuple(Entry(*entry) for entry in header["entries"])
        return cls(Settings(**header["settings"]), entries, unit(tensors["features"].float()))

    def nearest(self, queries: Tensor, k: int, names: Sequence[str] | None = None) -> list[list[Hit]]:
        """The ``k`` entries most like each query, the most similar first; fewer where the index has fewer.

        Arguments:
            queries: features ``[count, width]``.
            k: how many.
            names: what each query is called: an entry of that name is the query itself, and no answer.
        """
        if k < 1:
            raise DomainInputError("must be at least 1", field="k", got=k)
        similarity, rows = self._best(unit(queries.float().cpu()), k if names is None else k + 1)
        return [
            [
                Hit(self.entries[row], value, None if self.items is None else self.items[row])
                for row, value in zip(mine.tolist(), values.tolist(), strict=True)
                if names is None or self.entries[row].name != names[i]
            ][:k]
            for i, (mine, values) in enumerate(zip(rows, similarity, strict=True))
        ]

    def _best(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The highest cosines and their rows, ``[count, k]`` each."""
        best, rows = torch.empty(len(queries), 0), torch.empty(len(queries), 0, dtype=torch.int64)
        for first in range(0, len(self.entries), ROWS):
            similarity = queries @ self.features[first : first + ROWS].T
            here = torch.arange(first, first + similarity.shape[1]).expand_as(similarity)
            best, rows = torch.cat([best, similarity], dim=1), torch.cat([rows, here], dim=1)
            best, order = best.topk(min(k, best.shape[1]), dim=1)
            rows = rows.gather(1, order)
        return best, rows


def unit(features: Tensor) -> Tensor:
    """Rows of unit length; zero stays zero."""
    return torch.nn.functional.normalize(features, dim=1)
