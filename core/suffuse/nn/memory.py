"""Networks that remember: what they know of the data are the data themselves, which they are shown once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

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
