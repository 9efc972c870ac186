"""Networks that remember: what they know of the data are the data themselves, which they are shown once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.state import State


@runtime_checkable
class Memory(Protocol):
    """A network that is shown the encoded training part, once, before the first step.

    What it keeps is in its buffers, and so in the model's file.
    """

    @property
    def count(self) -> int:
        """How many states it remembers; 0 before it was shown any."""
        ...

    @property
    def spacing(self) -> float:
        """How far apart they lie, in the states' own units: the noise level at which neighbours begin to blur."""
        ...

    def remember(self, states: State) -> None:
        """Take in clean states, instead of any that were remembered before.

        Arguments:
            states: at least two, of the sizes for which the network was made, on any device.

        Raises:
            DomainInputError: there are fewer, or they have other fields or sizes.
        """
        ...


@runtime_checkable
class Growing(Memory, Protocol):
    """A memory that takes in more."""

    @property
    def seen(self) -> Tensor:
        """How many states it was ever shown, int64 ``[]``: more than it remembers, where it was shown too many."""
        ...

    def add(self, states: State) -> None:
        """Take in more clean states: what is remembered is the same as if all had been shown at once, in this order.

        It takes as long as that, too: few large parts are better than many small ones.

        Arguments:
            states: any number, as of :meth:`Memory.remember`; of a memory that is empty, at least two.

        Raises:
            DomainInputError: they have other fields or sizes.
        """
        ...


@runtime_checkable
class AtLevels(Protocol):
    """A network that answers at several noise levels at once for what one costs, about states without noise."""

    def at_levels(self, x: State, ratios: Sequence[float], conditions: Conditions) -> list[State]:
        """E[x₀ | x_t = α·x] for each noise level σ/α.

        Arguments:
            x: clean states.
            ratios: the noise levels, each above 0.
            conditions: as of :meth:`~torch.nn.Module.forward`.
        """
        ...


@runtime_checkable
class Dense(Protocol):
    """A network that knows how dense the noised data are."""

    def log_density(self, x: State, ratio: float, conditions: Conditions) -> Tensor:
        """log p(x_t/α) at x_t = α·x, in nats: float64 ``[batch]``.

        Arguments:
            x: clean states.
            ratio: the noise level σ/α, above 0.
            conditions: as of :meth:`~torch.nn.Module.forward`.
        """
        ...
