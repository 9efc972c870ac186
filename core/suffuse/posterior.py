"""What a denoiser believes: p(x₀ | x_t), the one thing that samplers, guidance and scoring see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.state import State, only, take

Time = float | Tensor
"""One time for the whole batch (a float), or float64 ``[batch]``."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """The belief about the clean state.

    Arguments:
        mean: E[x₀ | x_t], shaped like the state. For a categorical field it is the vector of probabilities, which is
            the mean of the one-hot state.
        anchor: the mean that defines the direction of the noise, where guidance wants another than ``mean`` (CFG++);
            ``None`` means ``mean``.
    """

    mean: State
    anchor: State | None = None

    @property
    def noise_mean(self) -> State:
        """The mean from which the noise direction is computed."""
        return self.mean if self.anchor is None else self.anchor

    def only(self, name: str) -> Posterior:
        """The belief about one field of a state of named fields."""
        return Posterior(only(self.mean, name), None if self.anchor is None else only(self.anchor, name))

    def take(self, index: Tensor) -> Posterior:
        """The belief about some samples of the batch."""
        return Posterior(take(self.mean, index), None if self.anchor is None else take(self.anchor, index))


Denoiser = Callable[[State, Time, Conditions], Posterior]
"""``(x_t, t, conditions) -> Posterior``. Guidance turns one into another."""
