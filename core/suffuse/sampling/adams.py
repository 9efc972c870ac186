r"""Adams-Bashforth rules on the probability-flow ODE: with fixed coefficients on ε̂, and for unequal steps in flow time.

With p slopes f_j at the last p times, Adams & Bashforth's rule (1883) integrates the polynomial through them:

.. math:: y_s = y_t + (u_s - u_t) \sum_j ω_j f_j .

Since :math:`\sum_j ω_j = 1`, this is Euler's step, which is DDIM's, plus :math:`(u_s - u_t)\, ω_j (f_j - f_t)` for
every earlier slope. The first step is Euler's.
"""

from __future__ import annotations

from dataclasses import dataclass

from suffuse.posterior import Posterior
from suffuse.process import Gaussian
from suffuse.rng import Rng
from suffuse.sampling.coordinates import Flow
from suffuse.sampling.loop import Past, Step
from suffuse.sampling.multistep import drift, mix_noise, power_moments, weights, within
from suffuse.sampling.needs import GAUSSIAN
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, combine

HIGHEST = 4

EQUAL_STEPS = (
    (),
    (-1 / 2,),
    (-16 / 12, 5 / 12),
    (-59 / 24, 37 / 24, -9 / 24),
)
"""ω of the earlier slopes, newest first, for equal steps: one row an order."""


@dataclass(frozen=True)
class IPNDM(OneEvaluation[Gaussian]):
    r"""Improved PNDM: the coefficients of equal steps, applied to ε̂ in ρ = σ/α (Liu et al. 2022; Zhang & Chen 2023).

    Deterministic, one evaluation a step. Since :math:`d(x/α) = \hat ε\, dρ`, it has its order where steps are equal in
    ρ. Elsewhere the coefficients are off by the relative change of the step, and it converges at order 2 at most.

    Arguments:
        order: how many noises are looked at, 1 (which is DDIM) to 4.
    """

    order: int = 4
    needs = GAUSSIAN

    def __post_init__(self) -> None:
        within(self.order, HIGHEST)

    @property
    def depth(self) -> int:
        return self.order - 1

    def advance(self, process: Gaussian, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        past = now.history[: self.order - 1]
        shares = list(zip(EQUAL_STEPS[len(past)], past, strict=True))
        return combine(*mix_noise(process, now, posterior, s, shares))


@dataclass(frozen=True)
class AdamsBashforth(OneEvaluation[Gaussian]):
    r"""Adams-Bashforth for unequal steps, in flow coordinates.

    With c = α + σ, y = x/c and u = σ/c, the probability-flow ODE is :math:`dy/du = \hat ε - \hat x_0`. Both ends are
    finite: u = 1 in pure noise, and 0 at the data. Deterministic, one evaluation a step.

    Arguments:
        order: how many slopes are looked at, 1 (which is DDIM) to 4.
    """

    order: int = 3
    needs = GAUSSIAN

    def __post_init__(self) -> None:
        within(self.order, HIGHEST)

    @property
    def depth(self) -> int:
        return self.order - 1

    def advance(self, process: Gaussian, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        alpha_s, sigma_s = process.schedule.alpha(s), process.schedule.sigma(s)
        gains = self._gains(process, now, s)
        lent = sum(gain for gain, _ in gains)
        terms = [*drift(process, now.x, now.t, posterior, alpha_s + lent, sigma_s - lent)]
        for gain, one in gains:
            terms += drift(process, one.x, one.t, one.posterior, -gain, gain)
        return combine(*terms)

    def _gains(self, process: Gaussian, now: Step, s: float) -> list[tuple[float, Past]]:
        """c_s (u_s - u_t) ω_j of the slopes looked back on."""
        past, flow = now.history[: self.order - 1], Flow(process.schedule)
        (_, u_t), (c_s, u_s) = flow.at(now.t), flow.at(s)
        nodes = [0.0, *((flow.at(one.t)[1] - u_t) / (u_s - u_t) for one in past)]
        _, *shares = weights(nodes, power_moments(len(nodes)))
        return [(c_s * (u_s - u_t) * share, one) for share, one in zip(shares, past, strict=True)]
