r"""The contract of operators: a measurement y = A(x) of a clean state.

What is known of an item that is blurred, small, grey or in part missing is such a measurement. Inverse problems ask
for the states that agree with it; bridges are trained from it to the whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from suffuse.errors import UnsupportedError
from suffuse.rng import Rng
from suffuse.state import State, fields, map_fields, masked_axes

if TYPE_CHECKING:
    from suffuse.domain import Codec


class Operator(ABC):
    """A measurement, differentiable in the state; frozen and pure. Samples of a batch are measured independently.

    States are tensors ``[batch, channels, *axes]`` with any number of axes. An operator whose measurements are shaped
    like the state also takes states of named fields, each for itself.
    """

    linear: ClassVar[bool] = True
    """Whether A(a·x + b·z) = a·A(x) + b·A(z)."""

    @abstractmethod
    def __call__(self, x: State) -> State:
        """The measurement of a clean state, without noise."""

    def adjoint(self, y: State, like: State) -> State:
        """Aᵀy, shaped like the state ``like``; for linear operators.

        Arguments:
            y: shaped as a measurement.
            like: any state.
        """
        return pull_back(self, like, y)[1]

    def given(self, y: State, noise: float) -> Operator:
        """A measurement that says the same of x₀, now that it came out as y, and that is easier to invert.

        Arguments:
            y: as measured.
            noise: the deviation of its noise.
        """
        return self

    def drawn(self, rng: Rng) -> Operator:
        """The measurement of each sample of a batch where chance has a part in it, as in noise of some loudness.

        By default there is no chance, and it is this one.

        Arguments:
            rng: a stream for each sample.
        """
        return self

    def bound(self, codec: Codec) -> Operator:
        """The measurement of a codec's states, for one that measures what states stand for; by default this one.

        Raises:
            UnsupportedError: it cannot measure what these stand for.
        """
        return self

    def observe(self, encoded: State) -> State:
        """The measurement that an item stands for which already is degraded, and was encoded as any other."""
        return encoded

    def show(self, y: State, like: State) -> State:
        """A measurement as a state shaped like ``like``, so that it can be decoded and looked at."""
        return y


def pull_back(operator: Operator, x: State, y: State) -> tuple[State, State]:
    """A(x), and the transposed derivative of A at x applied to ``y``; both free of any graph."""
    with torch.inference_mode(False), torch.enable_grad():
        point = map_fields(lambda v: v.detach().clone().requires_grad_(), x)
        measured = operator(point)
        outputs, inputs = ([v for _, v in fields(state)] for state in (measured, point))
        weights = [w.detach().clone() for _, w in fields(y)]
        found = iter(torch.autograd.grad(outputs, inputs, weights, materialize_grads=True))
        return map_fields(Tensor.detach, measured), map_fields(lambda _: next(found), x)


def require_axes(x: State, operator: Operator, channels: int = 1) -> Tensor:
    """The state, if it is one tensor over at least one axis.

    Raises:
        UnsupportedError: it is not.
    """
    if isinstance(x, Tensor) and x.ndim > 1 + channels:
        return x
    raise UnsupportedError(
        f"{type(operator).__name__} measures states over axes",
        field="operator",
        expected="one tensor [batch, channels, *axes]",
        got="named fields" if isinstance(x, dict) else f"shape {list(x.shape)}",
    )


def require_grids(x: State, operator: Operator) -> None:
    """Refuse fields ``[batch, n, features]`` of elements, whose second axis is no axis of space.

    A mask tells these: it covers their elements and not their features.

    Raises:
        UnsupportedError: there is one.
    """
    for name, value in fields(x):
        if 0 < masked_axes(x, name) < value.ndim - 1:
            raise UnsupportedError(
                f"{type(operator).__name__} measures states over axes", field=f"operator, field {name!r}",
                expected="[batch, channels, *axes]", got="elements under a mask, which lie on no grid",
            )  # fmt: skip
