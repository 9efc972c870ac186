r"""Runge-Kutta solvers of the probability-flow ODE, with EDM's churn.

In coordinates :math:`y = x/c, u = σ/c` with :math:`α + \dots` scaled by c, the ODE is

.. math:: \frac{dy}{du} = \frac{y - \hat x_0}{u} \quad (c = α), \qquad
          \frac{dy}{du} = \hat ε - \hat x_0 = \frac{y - \hat x_0}{u} \quad (c = α + σ).

Both are the same expression. With c = α these are EDM's coordinates (u the noise level σ/α, Karras et al. 2022,
algorithm 1); with c = α + σ those of the straight path, bounded, and finite where α = 0. Euler's rule is the same in
both (and equals DDIM); Heun's is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.posterior import Denoiser, Posterior
from suffuse.process import Gaussian, Process, noise_ratio, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import GAUSSIAN, Need
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, combine

Coordinates = Literal["flow", "sigma"]


@dataclass(frozen=True)
class Churn:
    """Fresh noise before each step (Karras et al. 2022, algorithm 2).

    Arguments:
        amount: S_churn; a step among N raises the noise by min(S_churn/N, √2 - 1).
        low: S_tmin, the lowest noise level σ/α at which it does.
        high: S_tmax, the highest.
        noise: S_noise, the new noise's standard deviation.
    """

    amount: float = 0.0
    low: float = 0.0
    high: float = math.inf
    noise: float = 1.0

    def __post_init__(self) -> None:
        if self.amount < 0.0:
            raise RecipeError("is negative", field="churn", expected=">= 0", got=self.amount)

    def __call__(self, process: Gaussian, x: State, t: float, steps: int, rng: Rng) -> tuple[State, float]:
        """The state with more noise, and the later time at which it now is."""
        sigma = noise_ratio(process.schedule, t)
        if self.amount == 0.0 or not self.low <= sigma <= self.high or t >= 1.0:
            return x, t
        gamma = min(self.amount / steps, math.sqrt(2.0) - 1.0)
        raised = min(sigma * (1.0 + gamma), noise_ratio(process.schedule, 1.0))
        later = min(time_of_ratio(process.schedule, raised), 1.0)
        alpha_t, alpha = process.schedule.alpha(t), process.schedule.alpha(later)
        fresh = alpha * math.sqrt(raised**2 - sigma**2) * self.noise
        return combine((alpha / alpha_t, x), (fresh, rng.at("churn").normal_like(x))), later


@dataclass(frozen=True)
class _Churned:
    churn: float = 0.0
    churn_low: float = 0.0
    churn_high: float = math.inf
    churn_noise: float = 1.0

    def __post_init__(self) -> None:
        self._churn()

    def _churn(self) -> Churn:
        return Churn(self.churn, self.churn_low, self.churn_high, self.churn_noise)


@dataclass(frozen=True)
class Euler(_Churned, OneEvaluation[Gaussian]):
    """Euler's rule, order 1, one evaluation a step; EDM's stochastic sampler without the correction."""

    needs = GAUSSIAN

    @property
    def perturbs(self) -> bool:
        return self.churn > 0.0

    def perturb(self, process: Gaussian, now: Step, rng: Rng) -> tuple[State, float]:
        return self._churn()(process, now.x, now.t, now.total, rng)

    def advance(self, process: Gaussian, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        return process.transfer(now.x, posterior, now.t, s)


@dataclass(frozen=True)
class Heun(_Churned):
    """Heun's rule, order 2, two evaluations a step and one in the last (Karras et al. 2022, algorithm 2).

    Arguments:
        coordinates: ``flow`` (finite for every schedule), or ``sigma`` (EDM's and k-diffusion's; needs α(1) > 0).
    """

    coordinates: Coordinates = "flow"
    needs: ClassVar[Need[Gaussian]] = GAUSSIAN

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coordinates not in ("flow", "sigma"):
            raise RecipeError("is unknown", field="coordinates", expected="flow or sigma", got=repr(self.coordinates))

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        process = self.needs.of(process, self)
        x, t = self._churn()(process, now.x, now.t, now.total, rng)
        posterior = denoiser(x, t, conditions)
        predicted = process.transfer(x, posterior, t, s)
        if process.schedule.sigma(s) == 0.0:
            return now.to(predicted, s, posterior)
        corrected = denoiser(predicted, s, conditions)
        (c_t, u_t), (c_s, u_s) = self._coordinates(process, t), self._coordinates(process, s)
        half = 0.5 * (u_s - u_t)
        # y_s = y_t + ½(u_s - u_t)·((y_t - x̂₀)/u_t + (y'_s - x̂₀')/u_s), times c_s
        x_s = combine(
            (c_s / c_t * (1.0 + half / u_t), x),
            (-c_s * half / u_t, posterior.mean),
            (half / u_s, predicted),
            (-c_s * half / u_s, corrected.mean),
        )
        return now.to(x_s, s, corrected)

    def _coordinates(self, process: Gaussian, t: float) -> tuple[float, float]:
        """The scale c and the coordinate u = σ/c at a time."""
        alpha, sigma = process.schedule.alpha(t), process.schedule.sigma(t)
        scale = alpha + sigma if self.coordinates == "flow" else alpha
        if scale == 0.0:
            raise UnsupportedError(
                "σ/α is infinite at t = 1 under this schedule",
                field="coordinates",
                expected="flow",
                got=f"sigma under {type(process.schedule).__name__}",
            )
        return scale, sigma / scale
