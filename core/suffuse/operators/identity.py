"""The measurement that takes nothing away: what noise was added to."""

from __future__ import annotations

from dataclasses import dataclass

from suffuse.operators.base import Operator
from suffuse.state import State


@dataclass(frozen=True)
class Identity(Operator):
    """A(x) = x; with noise, plain denoising."""

    def __call__(self, x: State) -> State:
        return x

    def adjoint(self, y: State, like: State) -> State:
        return y
