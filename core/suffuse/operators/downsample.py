"""Low resolution."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from suffuse.errors import DomainInputError, RecipeError
from suffuse.operators.base import Operator, require_axes
from suffuse.state import State


@dataclass(frozen=True)
class Downsample(Operator):
    """The means of blocks of ``factor`` entries along every axis.

    An item of low resolution is encoded at the full size, as any other; what it stands for is its pooling.

    Arguments:
        factor: by how much every axis gets shorter; it must divide its length.
    """

    factor: int

    def __post_init__(self) -> None:
        if self.factor < 1:
            raise RecipeError("must be at least 1", field="downsample.factor", expected=">= 1", got=self.factor)

    def __call__(self, x: State) -> State:
        pooled = require_axes(x, self)
        for axis, size in enumerate(pooled.shape[2:], start=2):
            if size % self.factor:
                raise DomainInputError(
                    "does not divide the state", field="downsample.factor", got=self.factor,
                    expected=f"a divisor of {size}",
                )  # fmt: skip
            blocks = pooled.movedim(axis, -1).reshape(*pooled.shape[:axis], *pooled.shape[axis + 1 :], -1, self.factor)
            pooled = blocks.mean(-1).movedim(-1, axis)
        return pooled

    def adjoint(self, y: State, like: State) -> State:
        y = require_axes(y, self)
        return self._enlarged(y) / float(self.factor ** (y.ndim - 2))

    def observe(self, encoded: State) -> State:
        return self(encoded)

    def show(self, y: State, like: State) -> State:
        return self._enlarged(require_axes(y, self))

    def _enlarged(self, y: Tensor) -> Tensor:
        """Every entry ``factor`` times along every axis."""
        for axis in range(2, y.ndim):
            y = y.repeat_interleave(self.factor, axis)
        return y
