r"""DPM-Solver++, multistep: exponential integration of x̂₀ in half log-SNR (Lu et al. 2022b, sections 4 and 5).

With :math:`λ = \log(α/σ)`, h = λ_s - λ_t and a rate of decay κ = 1 + η, the reverse SDE (the probability-flow ODE at
η = 0) has the solution

.. math:: x_s = \tfrac{σ_s}{σ_t} e^{-ηh} x_t + α_s \int_0^h κ e^{-κ(h-τ)}\, \hat x_0(λ_t + τ)\, dτ
              + σ_s \sqrt{1 - e^{-2ηh}}\, z.

Order p puts the polynomial through the last p beliefs in place of :math:`\hat x_0(λ)`. The integral is then
:math:`1 - e^{-κh}` times a weighted mean of these beliefs, and since :math:`α_s e^{-h} = α_t σ_s/σ_t`, the step is the
process's own on that mean, finite wherever that is. The first step, steps out of pure noise (λ = -∞) and the step to
σ = 0 (λ = ∞) are of first order: there the mean is the belief at t.

Order 2 takes the polynomial's value half-way, as published; order 3 its integral. The authors' code, diffusers and
k-diffusion give only half its weight to the quadratic term of order 3; see ``curvature``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from suffuse.errors import RecipeError
from suffuse.numerics import exp, expm1, sqrt
from suffuse.posterior import Posterior
from suffuse.process import Gaussian
from suffuse.rng import Rng
from suffuse.sampling.loop import Step
from suffuse.sampling.multistep import (
    Weighted,
    carry,
    exponential_moments,
    half_log_snr,
    usable,
    weights,
    within,
)
from suffuse.sampling.needs import GAUSSIAN
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, combine

HIGHEST = 3


@dataclass(frozen=True)
class DPMpp(OneEvaluation[Gaussian]):
    """DPM-Solver++(1, 2M or 3M): deterministic, one evaluation a step.

    Arguments:
        order: 1 (which is DDIM), 2 or 3.
        curvature: the weight of the quadratic term at order 3. 1 is the integral's own; ½ is that of the authors' code,
            with which the rule converges at order 2, and stays nearer to the last belief where steps are few.
    """

    order: int = 2
    curvature: float = 1.0
    needs = GAUSSIAN

    def __post_init__(self) -> None:
        _check(self.order, self.curvature)

    @property
    def depth(self) -> int:
        return self.order - 1

    def advance(self, process: Gaussian, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        beliefs = mean_belief(process, now, posterior, s, self.order, self.curvature)
        return combine(*carry(process, now.x, now.t, s, beliefs))


@dataclass(frozen=True)
class DPMppSDE(OneEvaluation[Gaussian]):
    """SDE-DPM-Solver++(1, 2M or 3M): fresh noise at every step, one evaluation a step.

    Arguments:
        order: 1 (which is DDPM at ``eta=1``), 2 or 3.
        eta: fresh noise: 0 is none (DPM-Solver++), 1 the reverse SDE's.
        curvature: as of :class:`DPMpp`.
    """

    order: int = 2
    eta: float = 1.0
    curvature: float = 1.0
    needs = GAUSSIAN

    def __post_init__(self) -> None:
        _check(self.order, self.curvature)
        if not 0.0 <= self.eta < math.inf:
            raise RecipeError("is out of range", field="eta", expected=">= 0", got=self.eta)

    @property
    def depth(self) -> int:
        return self.order - 1

    def advance(self, process: Gaussian, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        beliefs = mean_belief(process, now, posterior, s, self.order, self.curvature, 1.0 + self.eta)
        h = half_log_snr(process, s) - half_log_snr(process, now.t)
        faded = self.eta * h if self.eta > 0.0 else 0.0  # ηh, where h may be infinite
        sigma_s = process.schedule.sigma(s)
        terms = carry(process, now.x, now.t, s, beliefs, carried=sigma_s * exp(-faded))
        fresh = sigma_s * sqrt(-expm1(-2.0 * faded))
        if fresh == 0.0:
            return combine(*terms)
        return combine(*terms, (fresh, rng.at("reverse").normal_like(now.x)))


def _check(order: int, curvature: float) -> None:
    within(order, HIGHEST)
    if not math.isfinite(curvature):
        raise RecipeError("is not finite", field="curvature", expected="a number, as 1 or 0.5", got=curvature)


def mean_belief(
    process: Gaussian, now: Step, posterior: Posterior, s: float, order: int, curvature: float, rate: float = 1.0
) -> Weighted:
    """The mean over the step of the polynomial through the last beliefs.

    Arguments:
        rate: κ, how fast the weight e^{-κ(h-τ)} fades away from the step's end.
    """
    at_t, at_s = half_log_snr(process, now.t), half_log_snr(process, s)
    h = at_s - at_t
    if order == 1 or not now.history or math.isinf(h):
        return [(1.0, posterior)]
    past = usable(now.history[: order - 1], lambda t: half_log_snr(process, t))
    nodes = [0.0, *((at - at_t) / h for at, _ in past)]
    moments = [1.0, 0.5] if order == 2 else exponential_moments(rate * h, 3)
    if order == 3:
        moments[2] *= curvature
    return list(zip(weights(nodes, moments), (posterior, *(one.posterior for _, one in past)), strict=True))
