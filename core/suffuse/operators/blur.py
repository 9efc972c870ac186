"""Blur: every entry becomes a weighted mean of its surroundings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from suffuse.errors import RecipeError
from suffuse.operators.base import Operator, require_axes, require_grids
from suffuse.state import State, map_fields

REACH = 4.0
"""Where a Gaussian is cut off, in its deviations."""


@dataclass(frozen=True)
class Blur(Operator):
    """Convolution along every axis, with a Gaussian or with a box.

    Arguments:
        sigma: the Gaussian's standard deviation, in entries; or
        width: the box's width, in entries, odd.
        edge: what lies beyond the edge: ``reflect`` mirrors at the last entry, ``circular`` goes round.
    """

    sigma: float | None = None
    width: int | None = None
    edge: Literal["reflect", "circular"] = "reflect"

    def __post_init__(self) -> None:
        if (self.sigma is None) == (self.width is None):
            raise RecipeError("is told by one of two options", field="blur", expected="either sigma or width")
        if self.sigma is not None and not (math.isfinite(self.sigma) and self.sigma > 0.0):
            raise RecipeError("must be positive", field="blur.sigma", expected="> 0", got=self.sigma)
        if self.width is not None and (self.width < 1 or self.width % 2 == 0):
            raise RecipeError("has no middle", field="blur.width", expected="an odd number, 1 or more", got=self.width)
        if self.edge not in ("reflect", "circular"):
            raise RecipeError("is unknown", field="blur.edge", expected="reflect or circular", got=repr(self.edge))

    @property
    def kernel(self) -> Tensor:
        """The weights along one axis, float64, summing to 1."""
        if self.width is not None:
            return torch.full((self.width,), 1.0 / self.width, dtype=torch.float64)
        assert self.sigma is not None
        radius = int(REACH * self.sigma + 0.5)
        weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, dtype=torch.float64) / self.sigma) ** 2)
        return weights / weights.sum()

    def __call__(self, x: State) -> State:
        require_grids(x, self)
        return map_fields(self._blur, x)

    def _blur(self, x: Tensor) -> Tensor:
        require_axes(x, self)
        kernel = self.kernel.to(x.device, x.dtype)
        for axis in range(2, x.ndim):
            x = _along(x, axis, kernel, self.edge)
        return x


def _along(x: Tensor, axis: int, kernel: Tensor, edge: str) -> Tensor:
    """The convolution along one axis."""
    radius, size = len(kernel) // 2, x.shape[axis]
    places = torch.arange(-radius, size + radius, device=x.device)
    lines = x.index_select(axis, _beyond(places, size, edge)).movedim(axis, -1)
    blurred = functional.conv1d(lines.reshape(-1, 1, lines.shape[-1]), kernel[None, None])
    return blurred.reshape(*lines.shape[:-1], size).movedim(-1, axis)


def _beyond(places: Tensor, size: int, edge: str) -> Tensor:
    """The entries that stand at some places of an axis, within it and beyond its ends, however far."""
    if edge == "circular" or size == 1:
        return places % size
    turn = places % (2 * (size - 1))
    return torch.where(turn < size, turn, 2 * (size - 1) - turn)
