"""A measurement near a state: itself where it is linear, its derivative where it is not."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.inverse.solve import Linear
from suffuse.operators import Operator
from suffuse.operators.base import pull_back
from suffuse.state import State, fields, refill


@dataclass(frozen=True)
class Tangent:
    """A(x + v) ≈ value + push(v).

    Arguments:
        value: A(x).
        push: the derivative, from states to measurements.
        pull: its transpose, from measurements to states.
    """

    value: State
    push: Linear
    pull: Linear


def tangent(operator: Operator, x: State) -> Tangent:
    """The tangent of a measurement at a state."""
    if operator.linear:
        return Tangent(operator(x), operator, lambda y: operator.adjoint(y, x))
    return Tangent(operator(x), lambda v: _push(operator, x, v), lambda y: pull_back(operator, x, y)[1])


def _push(operator: Operator, x: State, v: State) -> State:
    """The derivative along ``v``, by forward differentiation."""
    names = [name for name, _ in fields(x)]

    def measured(*values: Tensor) -> tuple[Tensor, ...]:
        found = operator(refill(x, dict(zip(names, values, strict=True))))
        return tuple(field for _, field in fields(found))

    with torch.inference_mode(False):
        points, directions = (tuple(field.clone() for _, field in fields(state)) for state in (x, v))
        pushed: tuple[Tensor, ...] = torch.func.jvp(measured, points, directions)[1]
    return pushed[0] if isinstance(operator(x), Tensor) else refill(x, dict(zip(names, pushed, strict=True)))
