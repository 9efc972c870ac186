"""The loss of high frequencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.operators.base import Operator, require_axes, require_grids
from suffuse.state import State, map_fields


@dataclass(frozen=True)
class BandLimit(Operator):
    """Frequencies above a cutoff are set to zero: an orthogonal projection.

    Arguments:
        cutoff: the highest frequency kept, as a share of the Nyquist frequency, above 0 and at most 1.
        axes: ``last``, or ``all`` of them, one after the other.
    """

    cutoff: float
    axes: Literal["last", "all"] = "last"

    def __post_init__(self) -> None:
        if not 0.0 < self.cutoff <= 1.0:
            raise RecipeError(
                "is out of range", field="band-limit.cutoff", expected="above 0 and at most 1", got=self.cutoff
            )
        if self.axes not in ("last", "all"):
            raise RecipeError("is unknown", field="band-limit.axes", expected="last or all", got=repr(self.axes))

    def __call__(self, x: State) -> State:
        require_grids(x, self)
        return map_fields(self._filtered, x)

    def adjoint(self, y: State, like: State) -> State:
        return self(y)

    def observe(self, encoded: State) -> State:
        return self(encoded)

    def _filtered(self, x: Tensor) -> Tensor:
        require_axes(x, self)
        for axis in (-1,) if self.axes == "last" else range(2, x.ndim):
            x = self._along(x, axis)
        return x

    def _along(self, x: Tensor, axis: int) -> Tensor:
        size = x.shape[axis]
        spectrum = torch.fft.rfft(x, dim=axis)
        kept = torch.arange(spectrum.shape[axis], device=x.device) <= self.cutoff * size / 2.0
        kept = kept.reshape(-1, *([1] * (x.ndim - 1 - axis % x.ndim)))
        filtered: Tensor = torch.fft.irfft(spectrum * kept, n=size, dim=axis)
        return filtered
