"""Rows to states and back.

States have a field for each column, numbers [batch, 1] and texts one-hot [batch, classes], and its mask [batch, 1].
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from suffuse.domain import Categories, Codec
from suffuse.errors import DomainInputError, unknown_name


@dataclass(frozen=True)
class Numbers:
    """A column of numbers, standardized by its mean and deviation: [batch, 1]."""

    mean: float
    std: float
    size = 1

    def encode(self, name, cells):
        if not all(cell is None or (isinstance(cell, float | int) and np.isfinite(cell)) for cell in cells):
            raise DomainInputError("is no number", field=name, expected="finite numbers", got=str(cells)[:80])
        scaled = [[0.0 if cell is None else (cell - self.mean) / self.std] for cell in cells]
        return torch.tensor(scaled, dtype=torch.float32)

    def decode(self, x):
        return (x[:, 0].double() * self.std + self.mean).tolist()


@dataclass(frozen=True)
class Texts:
    """A column of texts, each of a class, with the classes' frequencies: one-hot [batch, classes]."""

    frequencies: Mapping[str, float]

    @property
    def size(self):
        return len(self.frequencies)

    def encode(self, name, cells):
        known = list(self.frequencies)
        for cell in cells:
            if cell is not None and cell not in known:
                raise unknown_name("text", str(cell), known, DomainInputError, field=name)
        return torch.tensor([[float(cell == text) for text in known] for cell in cells])

    def decode(self, x):
        return [list(self.frequencies)[i] for i in x.argmax(1).tolist()]


@dataclass(frozen=True)
class RowCodec(Codec):
    """Encodes column by column, each with a mask: what is empty is neither trained on nor scored."""

    columns: Mapping[str, Numbers | Texts]

    @classmethod
    def fit(cls, rows):
        """The codec of some training rows."""
        return cls({name: fitted([row[name] for row in rows if row[name] is not None]) for name in rows[0]})

    @classmethod
    def from_json(cls, data):
        """The inverse of `to_json`."""
        columns = data["columns"].items()
        return cls({name: Texts(**c) if "frequencies" in c else Numbers(**c) for name, c in columns})

    def encode(self, items, rng=None):
        if not items or not all(isinstance(item, Mapping) and set(item) == set(self.columns) for item in items):
            raise DomainInputError("are other rows", field="items", expected=f"the columns {', '.join(self.columns)}")
        fields = {name: column.encode(name, [item[name] for item in items]) for name, column in self.columns.items()}
        return fields | {f"{name}.mask": torch.tensor([[item[name] is not None] for item in items]) for name in fields}

    def decode(self, state):
        cells = []
        for name, column in self.columns.items():
            given = zip(column.decode(state[name]), state[f"{name}.mask"][:, 0].tolist(), strict=True)
            cells.append([cell if there else None for cell, there in given])
        return [dict(zip(self.columns, row, strict=True)) for row in zip(*cells, strict=True)]

    def like(self, count, rng=None):
        fields = {name: torch.zeros(count, column.size) for name, column in self.columns.items()}
        return fields | {f"{name}.mask": torch.ones(count, 1, dtype=torch.bool) for name in fields}

    def categorical(self):
        texts = {name: column for name, column in self.columns.items() if isinstance(column, Texts)}
        return {name: Categories(tuple(column.frequencies.values())) for name, column in texts.items()}

    def known(self, items):
        given = {name: torch.tensor([item[name] is not None for item in items]) for name in self.columns}
        return {n: x[:, None] if isinstance(self.columns[n], Numbers) else x for n, x in given.items()}

    def merge(self, original, made, known):
        return {name: original[name] if known[name].all() else made[name] for name in self.columns}

    def to_json(self):
        return asdict(self)


def fitted(cells):
    """A column, from its cells that are not empty."""
    if not any(isinstance(cell, str) for cell in cells):
        return Numbers(float(np.mean(cells)), max(float(np.std(cells)), 1e-8))
    count = Counter(cells)
    return Texts({text: count[text] / len(cells) for text in sorted(count)})
