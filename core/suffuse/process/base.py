"""The protocol of forward noise processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from suffuse.posterior import Posterior, Time
from suffuse.process.schedule import Schedule
from suffuse.rng import Rng
from suffuse.state import State

Weight = Callable[[Tensor], Tensor]
"""The weight of an error as a function of the log-SNR λ, float64 ``[batch]``."""


class Process(Protocol):
    """A forward noise process over t ∈ [0, 1], 0 = data; frozen and pure.

    Continuous, discrete and mixed states have one face: samplers that call only :meth:`reverse` work for all.
    """

    @property
    def schedule(self) -> Schedule:
        """The clock: what grids are spaced by, and what tells the network how noisy a state is."""
        ...

    def prior(self, like: State, rng: Rng, t: float = 1.0) -> State:
        """Draw x_t at a time so late that nothing of the data is left, shaped and masked like ``like``."""
        ...

    def corrupt(self, x0: State, t: Time, rng: Rng) -> State:
        """Draw x_t from q(x_t | x₀)."""
        ...

    def reverse(self, x_t: State, posterior: Posterior, t: float, s: float, rng: Rng, eta: float = 1.0) -> State:
        """Draw x_s for s < t: ancestral at ``eta=1``, as deterministic as the process allows at ``eta=0``."""
        ...

    def loss(self, posterior: Posterior, x0: State, x_t: State, t: Time, weight: Weight | None = None) -> Tensor:
        """How wrong the belief is: ``[batch]``, masked, averaged over the entries of a sample.

        Arguments:
            weight: of a squared error, by noise level; other errors have weights of their own. ``None``: unweighted.
        """
        ...
