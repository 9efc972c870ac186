"""Saturation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.operators.base import Operator
from suffuse.state import State, map_fields

_REACHED = 0.99
"""The share of the level from which on a value counts as clipped: reading and encoding may have rounded it."""
_SURE = 3.0
"""The deviations of noise by which a clipped value may have come out lower."""


@dataclass(frozen=True)
class Clip(Operator):
    """Values beyond a level are set to it.

    Arguments:
        level: the largest magnitude, in units of the state's deviation.
    """

    level: float
    linear: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.level > 0.0:
            raise RecipeError("must be positive", field="clip.level", expected="> 0", got=self.level)

    def __call__(self, x: State) -> State:
        return map_fields(lambda v: v.clamp(-self.level, self.level), x)

    def given(self, y: State, noise: float) -> Operator:
        return _Beyond(self.level, y, max(_REACHED * self.level - _SURE * noise, 0.0))

    def observe(self, encoded: State) -> State:
        return self(encoded)


@dataclass(frozen=True, eq=False)
class _Beyond(Operator):
    """Clipping at those ends that were reached: elsewhere the value itself was measured.

    A state that lies beyond the wrong end is told so by a derivative of 1, where that of clipping would be 0.
    """

    level: float
    y: State
    reached: float
    linear: ClassVar[bool] = False

    def __call__(self, x: State) -> State:
        return map_fields(self._clipped, x, self.y)

    def _clipped(self, x: Tensor, y: Tensor) -> Tensor:
        lower = torch.where(y <= -self.reached, x.clamp(min=-self.level), x)
        return torch.where(y >= self.reached, x.clamp(max=self.level), lower)
