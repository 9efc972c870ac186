r"""DPM-Solver++(2M): exponential integration in half log-SNR (Lu et al. 2022b, algorithm 2).

With :math:`λ = \log(α/σ)`, h = λ_s - λ_t, and r the last step's h over this one's,

.. math:: x_s = \tfrac{σ_s}{σ_t} x_t - α_s (e^{-h} - 1) D, \qquad
          D = (1 + \tfrac{1}{2r}) \hat x_0(t) - \tfrac{1}{2r} \hat x_0(t_\text{before}).

Since :math:`α_s e^{-h} = α_t σ_s/σ_t`, this is the process's own deterministic step on the extrapolated belief D. The
first step, any step out of pure noise (λ = -∞) and the step to σ = 0 (λ = ∞) are first order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from suffuse.posterior import Posterior
from suffuse.process import Gaussian, log_snr
from suffuse.rng import Rng
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import GAUSSIAN
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, combine


@dataclass(frozen=True)
class DPMpp2M(OneEvaluation[Gaussian]):
    """DPM-Solver++(2M): order 2, one evaluation a step, deterministic."""

    needs = GAUSSIAN

    @property
    def depth(self) -> int:
        return 1

    def advance(self, process: Gaussian, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        return process.transfer(now.x, self._extrapolate(process, now, posterior, s), now.t, s)

    @staticmethod
    def _extrapolate(process: Gaussian, now: Step, posterior: Posterior, s: float) -> Posterior:
        """D, the belief half-way through the step, drawn out from this one and the one before."""
        if not now.history:
            return posterior
        before, earlier = now.history[0].t, now.history[0].posterior
        at_before, at_now, at_s = (0.5 * log_snr(process.schedule, t) for t in (before, now.t, s))
        if math.isinf(at_s) or math.isinf(at_before):
            return posterior
        weight = 0.5 * (at_s - at_now) / (at_now - at_before)  # 1/(2r)
        return Posterior(
            combine((1.0 + weight, posterior.mean), (-weight, earlier.mean)),
            anchor=_anchor(posterior, earlier, weight),
        )


def _anchor(posterior: Posterior, earlier: Posterior, weight: float) -> State | None:
    if posterior.anchor is None:
        return None
    return combine((1.0 + weight, posterior.anchor), (-weight, earlier.noise_mean))
