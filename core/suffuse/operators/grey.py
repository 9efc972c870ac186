"""The loss of colour."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.errors import DomainInputError, RecipeError
from suffuse.operators.base import Operator, require_axes
from suffuse.state import State


@dataclass(frozen=True)
class Grey(Operator):
    """The mean over the channels.

    Arguments:
        weights: of the channels, summing to 1; ``None``: all the same.
    """

    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.weights is not None and not math.isclose(math.fsum(self.weights), 1.0, abs_tol=1e-6):
            raise RecipeError("do not sum to 1", field="grey.weights", expected="1", got=math.fsum(self.weights))

    def __call__(self, x: State) -> State:
        x = require_axes(x, self)
        return (x * self._column(x)).sum(1, keepdim=True)

    def adjoint(self, y: State, like: State) -> State:
        return require_axes(y, self) * self._column(require_axes(like, self))

    def observe(self, encoded: State) -> State:
        return self(encoded)

    def show(self, y: State, like: State) -> State:
        return require_axes(y, self).expand_as(require_axes(like, self))

    def _column(self, x: Tensor) -> Tensor:
        """The weights, shaped to broadcast over the channels of ``x``."""
        channels = x.shape[1]
        weights = self.weights or (1.0 / channels,) * channels
        if len(weights) != channels:
            raise DomainInputError(
                "does not fit the channels", field="grey.weights", expected=f"{channels} numbers", got=len(weights)
            )
        return torch.tensor(weights, dtype=x.dtype, device=x.device).reshape(1, -1, *([1] * (x.ndim - 2)))
