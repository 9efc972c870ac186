r"""DEIS: exact integration of the extrapolated noise in ρ = σ/α (Zhang & Chen 2023, eqs. 14 and 15).

In x/α the probability-flow ODE is :math:`d(x/α) = \hat ε\, dρ`, so that

.. math:: x_s = \tfrac{α_s}{α_t} x_t + α_s \sum_j C_j \hat ε_j, \qquad C_j = \int_{ρ_t}^{ρ_s} L_j\, dρ,

with the Lagrange polynomials L_j through the last p noises, in some variable v that grows with ρ:

* ``t``: the time at which the VP-linear schedule (β from 0.1 to 20, the authors') has the level ρ: tAB-DEIS;
* ``log-rho``: log ρ, as diffusers has it;
* ``rho``: ρ itself: ρAB-DEIS, the linear multistep rule (LMS) of k-diffusion.

Since :math:`\sum_j C_j = ρ_s - ρ_t`, the step is the process's own plus :math:`α_s C_j (\hat ε_j - \hat ε_t)` for
every earlier noise. Out of pure noise, where α_t = 0 and ρ is infinite, nothing is earlier, and the step is DDIM's; the
noise there is not looked back on later. The step to σ = 0 has no end in log ρ, and is DDIM's too. In t and in ρ it
keeps its order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from numpy.polynomial.legendre import leggauss

from suffuse.errors import RecipeError
from suffuse.posterior import Posterior
from suffuse.process import Gaussian, VPLinear, noise_ratio, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling.loop import Past, Step
from suffuse.sampling.multistep import exponential_moments, mix_noise, power_moments, usable, weights, within
from suffuse.sampling.needs import GAUSSIAN
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, combine

HIGHEST = 4
Name = Literal["t", "log-rho", "rho"]


@dataclass(frozen=True)
class Variable:
    """What the polynomials are polynomials of.

    Arguments:
        of: its value v at a level ρ.
        moments: ``(ρ_t, ρ_s, count)``: the means over the step, in ρ, of (v - v_t)ᵏ for k = 0 … count - 1.
    """

    of: Callable[[float], float]
    moments: Callable[[float, float, int], list[float]]


@dataclass(frozen=True)
class DEIS(OneEvaluation[Gaussian]):
    """DEIS: deterministic, one evaluation a step.

    Arguments:
        order: how many noises the polynomial goes through, 1 (which is DDIM) to 4.
        variable: of the polynomial: ``t`` (the paper's best), ``log-rho`` or ``rho``.
    """

    order: int = 3
    variable: Name = "t"
    needs = GAUSSIAN

    def __post_init__(self) -> None:
        within(self.order, HIGHEST)
        if self.variable not in VARIABLES:
            raise RecipeError("is unknown", field="variable", expected="t, log-rho or rho", got=repr(self.variable))

    @property
    def depth(self) -> int:
        return self.order - 1

    def advance(self, process: Gaussian, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        return combine(*mix_noise(process, now, posterior, s, self._shares(process, now, s)))

    def _shares(self, process: Gaussian, now: Step, s: float) -> list[tuple[float, Past]]:
        """C_j/(ρ_s - ρ_t) of the noises looked back on."""
        variable, schedule = VARIABLES[self.variable], process.schedule
        rho_t, rho_s = noise_ratio(schedule, now.t), noise_ratio(schedule, s)
        past = usable(now.history[: self.order - 1], lambda t: variable.of(noise_ratio(schedule, t)))
        if not past or math.isinf(variable.of(rho_s)):
            return []
        nodes = [0.0, *(v - variable.of(rho_t) for v, _ in past)]
        _, *shares = weights(nodes, variable.moments(rho_t, rho_s, len(nodes)))
        return [(share, one) for share, (_, one) in zip(shares, past, strict=True)]


def _rho_moments(rho_t: float, rho_s: float, count: int) -> list[float]:
    return [(rho_s - rho_t) ** k * m for k, m in enumerate(power_moments(count))]


def _log(rho: float) -> float:
    return math.log(rho) if rho > 0.0 else -math.inf


def _log_moments(rho_t: float, rho_s: float, count: int) -> list[float]:
    """With ρ = ρ_t eᵛ, the means of vᵏ under the weight eᵛ from 0 to log ρ_s/ρ_t."""
    step = _log(rho_s) - _log(rho_t)
    return [step**k * m for k, m in enumerate(exponential_moments(step, count))]


def _vp_time(rho: float) -> float:
    return 0.0 if rho == 0.0 else time_of_ratio(VPLinear(), rho)


_PLACES, _SHARES = (list(map(float, values)) for values in leggauss(16))


def _time_moments(rho_t: float, rho_s: float, count: int) -> list[float]:
    """By Gauss and Legendre's rule in asinh ρ, over which the VP-linear time is smooth down to ρ = 0.

    Right to 13 digits where ρ halves in a step, to 8 where it falls to a fiftieth.
    """
    start, here = math.asinh(rho_t), _vp_time(rho_t)
    half = 0.5 * (math.asinh(rho_s) - start)
    found = [0.0] * count
    for place, share in zip(_PLACES, _SHARES, strict=True):
        at = start + half * (1.0 + place)
        term, ahead = half * share * math.cosh(at) / (rho_s - rho_t), _vp_time(math.sinh(at)) - here
        for k in range(count):
            found[k] += term
            term *= ahead
    return found


VARIABLES = {
    "t": Variable(_vp_time, _time_moments),
    "log-rho": Variable(_log, _log_moments),
    "rho": Variable(lambda rho: rho, _rho_moments),
}
