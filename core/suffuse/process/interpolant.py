r"""Bridges from data to data: from x₁, which is no noise but another datum, to x₀.

.. math:: x_t = (1 - t)\, x_0 + t\, x_1 + ν \sqrt{t (1 - t)}\, z

(Albergo & Vanden-Eijnden 2023, stochastic interpolants; with ν > 0 the Brownian bridge of I2SB, Liu et al. 2023). A
*coupling* tells which x₁ belongs to an x₀: its degradation, its sketch, another item. Sampling starts at a given x₁.

What is between x₀ and x_t is a Brownian bridge again, and does not depend on x₁:

.. math:: q(x_s | x_0, x_t) = \mathcal N\bigl((1 - \tfrac st)\, x_0 + \tfrac st\, x_t,\; ν^2\, s (t - s)/t\bigr).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.numerics import sqrt
from suffuse.posterior import Posterior, Time
from suffuse.process.base import Weight
from suffuse.process.gaussian import Gaussian
from suffuse.process.schedule import RectifiedFlow
from suffuse.rng import Rng
from suffuse.state import State, combine

Coupling = Callable[[State, Rng], State]
"""``(x₀, rng) -> x₁``, shaped like x₀; ``rng`` has one stream a sample."""


class Measurement(Protocol):
    """What an operator offers a coupling."""

    def __call__(self, x: State) -> State:
        """What is left of a clean state."""
        ...

    def drawn(self, rng: Rng) -> Measurement:
        """The measurement of each sample of a batch, where chance has a part in it."""
        ...

    def observe(self, encoded: State) -> State:
        """That of an item which already is degraded, and was encoded as any other."""
        ...

    def show(self, y: State, like: State) -> State:
        """What is left, shaped like the state again."""
        ...


@dataclass(frozen=True)
class Degraded:
    """The coupling of data with what a measurement leaves of them.

    Arguments:
        operator: a blur, a loss of resolution, …
    """

    operator: Measurement

    def __call__(self, x0: State, rng: Rng) -> State:
        measuring = self.operator.drawn(rng)
        return measuring.show(measuring(x0), x0)

    def observe(self, encoded: State) -> State:
        """x₁ of items that already are degraded."""
        return self.operator.show(self.operator.observe(encoded), encoded)


@dataclass(frozen=True)
class Interpolant:
    """The straight path from x₀ to the x₁ that is coupled with it, blurred by a Brownian bridge.

    Arguments:
        coupling: the x₁ of an x₀.
        noise: ν, the bridge's diffusion; 0 is the straight path alone.
    """

    coupling: Coupling
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.noise) and self.noise >= 0.0):
            raise RecipeError("is out of range", field="Interpolant.noise", expected=">= 0", got=self.noise)

    @property
    def schedule(self) -> RectifiedFlow:
        """The straight path's: α = 1 - t, and t for σ."""
        return RectifiedFlow()

    def prior(self, like: State, rng: Rng, t: float = 1.0) -> State:
        """There is none.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(
            "a bridge between data starts from its source, which cannot be drawn", field="x",
            expected="the source items' states", got="nothing",
            fix="pass x=, shaped like the states of the data; or give the items to Model.bridge",
        )  # fmt: skip

    def source(self, encoded: State) -> State:
        """The x₁ that source items stand for, which already are degraded, and were encoded as any other."""
        return self.coupling.observe(encoded) if isinstance(self.coupling, Degraded) else encoded

    def corrupt(self, x0: State, t: Time, rng: Rng) -> State:
        """x_t on the way to the x₁ that is coupled with ``x0``."""
        return self.corrupt_pair(x0, self.coupling(x0, rng.at("coupling")), t, rng)

    def corrupt_pair(self, x0: State, x1: State, t: Time, rng: Rng) -> State:
        """x_t between two given ends."""
        line = combine((1.0 - t, x0), (t, x1))
        if self.noise == 0.0:
            return line
        return combine((1.0, line), (self.noise * sqrt(t * (1.0 - t)), rng.at("corrupt").normal_like(x0)))

    def reverse(self, x_t: State, posterior: Posterior, t: float, s: float, rng: Rng, eta: float = 1.0) -> State:
        """x_s between a belief about x₀ and x_t; ``eta`` scales the bridge's noise.

        At ``eta=0`` this is a step of the flow's ODE by Euler's rule, exact in its marginals where ν is 0.
        """
        x_s = combine((1.0 - s / t, posterior.mean), (s / t, x_t))
        fresh = eta * self.noise * math.sqrt(s * (t - s) / t)
        if fresh == 0.0:
            return x_s
        return combine((1.0, x_s), (fresh, rng.at("reverse").normal_like(x_t)))

    def loss(self, posterior: Posterior, x0: State, x_t: State, t: Time, weight: Weight | None = None) -> Tensor:
        """Mean squared error of the posterior mean, as of :class:`~suffuse.process.Gaussian`: ``[batch]``."""
        return Gaussian(self.schedule).loss(posterior, x0, x_t, t, weight)
