"""The codec of plain numbers as a module, for graphs that score rows without suffuse."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from suffuse.domain import Entrance
from suffuse.state import MASK, State
from suffuse_tabular.columns import Boolean, LogTails, Number
from suffuse_tabular.columns.numbers import BEND
from suffuse_tabular.packed import FAR


class NumbersEntrance(Entrance):
    """Standardizes numbers in float64, and casts last, as the codec does.

    Arguments:
        columns: numbers, or truths told as 0 and 1.
        field: of vectors that may lack entries, where NaN is an empty cell; ``None``: states are bare tensors.
    """

    means: Tensor
    scales: Tensor
    bends: Tensor

    def __init__(self, columns: Sequence[Number | Boolean], field: str | None = None) -> None:
        super().__init__([column.name for column in columns])
        moments = torch.tensor([_moments(column) for column in columns], dtype=torch.float64)
        self.register_buffer("means", moments[:, 0])
        self.register_buffer("scales", moments[:, 1])
        self.register_buffer("bends", torch.tensor([isinstance(c, LogTails) for c in columns]))
        self.field = field

    def examples(self, count: int) -> Tensor:
        """Rows along the diagonal of the training cells, from a deviation below their mean to one above."""
        return self.means + torch.linspace(-1.0, 1.0, count, dtype=torch.float64)[:, None] * self.scales

    def forward(self, items: Tensor) -> State:
        z = (items - self.means) / self.scales
        values = torch.where(self.bends, _bent(z), z).clamp(-float(FAR), float(FAR)).float()
        if self.field is None:
            return values
        there = ~items.isnan()
        return {self.field: torch.where(there, values, 0.0), MASK: there}


def _moments(column: Number | Boolean) -> tuple[float, float]:
    """Mean and scale before any bending."""
    return (column.mean, column.scale) if isinstance(column, Number) else (column.means[0], column.scales[0])


def _bent(z: Tensor) -> Tensor:
    """What :func:`suffuse_tabular.columns.numbers.bent` is for arrays."""
    far = z.abs().clamp_min(BEND)
    return torch.where(z.abs() > BEND, z.sign() * BEND * (1.0 + (far / BEND).log()), z)
