"""What the evidence lower bound is a sum of: terms, each the part of some fields of the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from suffuse.posterior import Posterior
from suffuse.rng import Rng
from suffuse.state import State, only

Parts = Mapping[str, Tensor]
"""Nats by field, float64 ``[batch]`` each; a bare tensor's name is the empty string."""


@dataclass(frozen=True)
class Level:
    """Where the belief is asked.

    Arguments:
        t: the time of each sample, float64 ``[batch]`` on the CPU.
        nats: of the belief there, given its state: what the level adds to the bound.
        drawn: fields of x_t that are not to be drawn by the process, but are these.
    """

    t: Tensor
    nats: Callable[[State, Posterior], Parts]
    drawn: Mapping[str, Tensor]


class Term(Protocol):
    """The part of some fields; frozen."""

    def prior(self, x0: State) -> Parts:
        """-KL(q(x₁ | x₀) ‖ p(x₁))."""
        ...

    def levels(self, x0: State, rng: Rng, count: int) -> Iterator[Level]:
        """One draw of where the belief is asked, about ``count`` times; what the levels give adds up to an estimate."""
        ...


def field_of(state: State, name: str) -> Tensor:
    """A field of a state; a bare tensor is its own."""
    return state if isinstance(state, Tensor) else state[name]


def part(state: State, name: str) -> State:
    """One field of a state with its mask; a bare tensor is its own."""
    return state if isinstance(state, Tensor) else only(state, name)
