r"""The probability flow in the coordinates of the straight path, from data to noise and back.

The coordinates are those of :mod:`suffuse.sampling.coordinates`, :math:`y = x/(α + σ)` and :math:`u = σ/(α + σ)`. The
flow is integrated from a small noise level on: the network is never asked at σ = 0. The
first stretch, from the data themselves to that level :math:`r = σ/α`, is one step of the trapezoidal rule in r, along
which :math:`\tilde x = x/α` has the speed :math:`(\tilde x - \hat x_0)/r = -r ∇\log p`, which is 0 at r = 0:

.. math:: \tilde x_r = \tilde x_0 + \tfrac{1}{2} (\tilde x_0 - \hat x_0(\tilde x_0, r)) + O(r^4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Gaussian, Process, Product, Schedule, noise_ratio
from suffuse.sampling import coordinates
from suffuse.state import State, combine

LEVEL = 0.002
"""The noise level σ/α at which the ODE begins: the lowest of EDM (Karras et al. 2022, table 1)."""


def gaussian(process: Process, asker: str) -> Gaussian:
    """The process as one Gaussian: itself, or a product of Gaussians under one schedule.

    Raises:
        UnsupportedError: it is none; the message names who asked.
    """
    if isinstance(process, Gaussian):
        return process
    members = list(process.fields.values()) if isinstance(process, Product) else [process]
    first = members[0]
    if isinstance(first, Gaussian) and all(member == first for member in members):
        return first
    raise UnsupportedError(
        f"{asker} follows the probability flow, which only Gaussian noise has",
        field="process",
        expected="Gaussian noise, under the same schedule in every field",
        got=", ".join(sorted({type(member).__name__ for member in members})),
        fix="the statistics elbo and profile work with every process",
    )


@dataclass(frozen=True)
class Flow:
    """The probability flow of a denoiser; ``u`` is a float, or float64 ``[batch]``.

    Arguments:
        denoiser: the belief.
        schedule: of the Gaussian process.
        conditions: handed to the denoiser.
        level: the noise level σ/α at which the ODE begins.
    """

    denoiser: Denoiser
    schedule: Schedule
    conditions: Conditions
    level: float = LEVEL

    def __post_init__(self) -> None:
        highest = noise_ratio(self.schedule, 1.0)
        if not 0.0 < self.level < highest:
            raise RecipeError(
                "is no noise level of the schedule", field="level", expected=f"between 0 and {highest:.4g}",
                got=self.level,
            )  # fmt: skip

    @property
    def first(self) -> float:
        """u where the ODE begins."""
        return self.level / (1.0 + self.level)

    @property
    def last(self) -> float:
        """u at t = 1."""
        return self.path.at(1.0)[1]

    @property
    def path(self) -> coordinates.Flow:
        """The coordinates."""
        return coordinates.Flow(self.schedule)

    def belief(self, y: State, u: Time) -> State:
        """x̂₀ at a point of the flow."""
        return self.path.belief(self.denoiser, y, u, self.conditions).mean

    def velocity(self, y: State, u: Time) -> State:
        """dy/du."""
        return self.path.slope(y, u, Posterior(self.belief(y, u)))

    def near(self, x: State) -> State:
        """x̂₀ of x̃ = x/α at the noise level where the ODE begins."""
        return self.belief(combine((1.0 - self.first, x)), self.first)

    def depart(self, x0: State) -> State:
        """From the data to y where the ODE begins."""
        kept = 1.0 - self.first
        return combine((1.5 * kept, x0), (-0.5 * kept, self.near(x0)))

    def arrive(self, y: State) -> State:
        """From y where the ODE begins to the data: :meth:`depart` backwards, to the same order."""
        return combine((0.5 / (1.0 - self.first), y), (0.5, self.belief(y, self.first)))

    def graded(self, steps: int, bend: float = 3.0) -> list[float]:
        """Where a solver of fixed steps stops on the way to noise: evenly in u^{1/bend}, the denser the less noise.

        For densities, which gather where the noise is least.
        """
        low, high = self.first ** (1.0 / bend), self.last ** (1.0 / bend)
        return self._between([float((low + f * (high - low)) ** bend) for f in _fractions(steps)])

    def chebyshev(self, steps: int) -> list[float]:
        """The same, dense at both ends (Chebyshev's points).

        For states: near the data the flow bends as details appear, near noise as samples choose what to become.
        """
        span = self.last - self.first
        return self._between([self.first + span * math.sin(0.5 * math.pi * f) ** 2 for f in _fractions(steps)])

    def _between(self, inner: list[float]) -> list[float]:
        return [self.first, *inner, self.last]


def _fractions(steps: int) -> list[float]:
    if steps < 1:
        raise RecipeError("must be at least 1", field="steps", expected=">= 1", got=steps)
    return [i / steps for i in range(1, steps)]
