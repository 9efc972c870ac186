r"""Coordinates in which the probability-flow ODE is the same for every schedule.

With a scale c, :math:`y = x/c` and :math:`u = σ/c`, the flow (Song et al. 2021, eq. 13) is

.. math:: \frac{dy}{du} = \frac{y - \hat x_0}{u},

both for ``sigma`` coordinates, c = α, which are EDM's (u is the noise level σ/α, Karras et al. 2022, algorithm 1), and
for ``flow`` coordinates, c = α + σ, those of the straight path: bounded, and finite where α = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.numerics import Real
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Schedule, time_of_ratio
from suffuse.state import State, combine

Coordinates = Literal["flow", "sigma"]


def check_coordinates(name: str) -> None:
    """Raise a RecipeError if there are no coordinates of this name."""
    if name not in get_args(Coordinates):
        raise RecipeError("is unknown", field="coordinates", expected="flow or sigma", got=repr(name))


@dataclass(frozen=True)
class Flow:
    """The probability flow under a schedule, in one of two coordinates.

    Arguments:
        schedule: of the Gaussian process.
        coordinates: ``flow`` (finite for every schedule), or ``sigma`` (EDM's and k-diffusion's; needs α > 0).
    """

    schedule: Schedule
    coordinates: Coordinates = "flow"

    def at(self, t: float) -> tuple[float, float]:
        """The scale c and the coordinate u = σ/c at a time.

        Raises:
            UnsupportedError: there is no signal at that time, and ``sigma`` coordinates are infinite.
        """
        scale = self.scale(t)
        if scale == 0.0:
            raise UnsupportedError(
                "σ/α is infinite at t = 1 under this schedule",
                field="coordinates",
                expected="flow",
                got=f"sigma under {type(self.schedule).__name__}",
            )
        return scale, self.schedule.sigma(t) / scale

    def scale(self, t: Real) -> Real:
        """c at a time."""
        alpha = self.schedule.alpha(t)
        return alpha if self.coordinates == "sigma" else alpha + self.schedule.sigma(t)

    def time(self, u: Real) -> Real:
        """The time at which the coordinate has this value; at most 1."""
        _, last = self.at(1.0) if self.coordinates == "flow" else (1.0, math.inf)
        if isinstance(u, Tensor):
            late = u >= last
            inside = torch.where(late, 0.5 * u, u)  # σ/α may be infinite at the end
            return torch.where(late, 1.0, time_of_ratio(self.schedule, self._ratio(inside)).clamp_max(1.0))
        return 1.0 if u >= last else min(time_of_ratio(self.schedule, self._ratio(u)), 1.0)

    def belief(self, denoiser: Denoiser, y: State, u: Time, conditions: Conditions) -> Posterior:
        """What the denoiser says at a point of the flow; ``u`` is a float, or float64 ``[batch]``."""
        t = self.time(u)
        return without_anchor(denoiser(combine((self.scale(t), y)), t, conditions))

    @staticmethod
    def slope(y: State, u: Time, posterior: Posterior) -> State:
        """dy/du, for u > 0."""
        return combine((1.0 / u, y), (-1.0 / u, posterior.mean))

    def _ratio(self, u: Real) -> Real:
        return u if self.coordinates == "sigma" else u / (1.0 - u)


def without_anchor(posterior: Posterior) -> Posterior:
    """The belief itself, where one mean gives both the data and the noise, as on a flow.

    Raises:
        UnsupportedError: it has two means (CFG++): steps with them follow no differential equation.
    """
    if posterior.anchor is None:
        return posterior
    raise UnsupportedError(
        "CFG++ makes single steps, which solvers with several evaluations a step have not",
        field="sampler",
        expected="a sampler with one evaluation a step",
        fix="use ddim, ddpm or dpmpp-2m, or classifier-free guidance",
    )
