r"""Runge-Kutta solvers of the probability-flow ODE, with EDM's churn.

They solve :math:`dy/du = (y - \hat x_0)/u` in the coordinates of :mod:`suffuse.sampling.coordinates`. Euler's rule is
the same in flow and in sigma coordinates (and equals DDIM); Heun's and Kutta's are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser, Posterior
from suffuse.process import Gaussian, Process, noise_ratio, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling.coordinates import Coordinates, Flow, check_coordinates, without_anchor
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import GAUSSIAN, Need
from suffuse.sampling.renoise import renoise
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, combine


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
        return renoise(process, x, t, later, rng.at("churn"), self.noise), later


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
        check_coordinates(self.coordinates)

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        process = self.needs.of(process, self)
        x, t = self._churn()(process, now.x, now.t, now.total, rng)
        posterior = without_anchor(denoiser(x, t, conditions))
        predicted = process.transfer(x, posterior, t, s)
        if process.schedule.sigma(s) == 0.0:
            return now.to(predicted, s, posterior)
        corrected = denoiser(predicted, s, conditions)
        flow = Flow(process.schedule, self.coordinates)
        (c_t, u_t), (c_s, u_s) = flow.at(t), flow.at(s)
        half = 0.5 * (u_s - u_t)
        # y_s = y_t + ½(u_s - u_t)·((y_t - x̂₀)/u_t + (y'_s - x̂₀')/u_s), times c_s
        x_s = combine(
            (c_s / c_t * (1.0 + half / u_t), x),
            (-c_s * half / u_t, posterior.mean),
            (half / u_s, predicted),
            (-c_s * half / u_s, corrected.mean),
        )
        return now.to(x_s, s, corrected)


@dataclass(frozen=True)
class _Tableau:
    """An explicit Runge-Kutta rule: each stage's node and weights of the slopes before it, and those of the result."""

    stages: tuple[tuple[float, tuple[float, ...]], ...]
    weights: tuple[float, ...]


_KUTTA4 = _Tableau(((0.0, ()), (0.5, (0.5,)), (0.5, (0.0, 0.5)), (1.0, (0.0, 0.0, 1.0))), (1 / 6, 1 / 3, 1 / 3, 1 / 6))
_HEUN3 = _Tableau(((0.0, ()), (1 / 3, (1 / 3,)), (2 / 3, (0.0, 2 / 3))), (0.25, 0.0, 0.75))
"""Heun 1900: order 3 without a stage at the end of the step."""


@dataclass(frozen=True)
class RK4:
    """The classical Runge-Kutta rule (Kutta 1901), order 4, four evaluations a step.

    The step to σ = 0, where the network may not be asked, is made by Heun's rule of order 3, three evaluations: the
    error of that one step is as small as that of all the others together, and the order stays 4.

    Arguments:
        coordinates: ``flow`` (finite for every schedule), or ``sigma`` (EDM's; needs α(1) > 0).
    """

    coordinates: Coordinates = "flow"
    needs: ClassVar[Need[Gaussian]] = GAUSSIAN

    def __post_init__(self) -> None:
        check_coordinates(self.coordinates)

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        schedule = self.needs.of(process, self).schedule
        flow = Flow(schedule, self.coordinates)
        (c_t, u_t), (c_s, u_s) = flow.at(now.t), flow.at(s)
        rule = _HEUN3 if u_s == 0.0 else _KUTTA4
        y, h = combine((1.0 / c_t, now.x)), u_s - u_t
        slopes: list[State] = []
        for node, weights in rule.stages:
            u = u_s if node == 1.0 else u_t + node * h
            y_u = combine((1.0, y), *((h * w, k) for w, k in zip(weights, slopes, strict=True)))
            posterior = flow.belief(denoiser, y_u, u, conditions)
            slopes.append(flow.slope(y_u, u, posterior))
        y_s = combine((1.0, y), *((h * w, k) for w, k in zip(rule.weights, slopes, strict=True)))
        return now.to(combine((c_s, y_s)), s, posterior)
