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

from suffuse.conditions import Conditions
from suffuse.posterior import Denoiser, Posterior
from suffuse.process import Gaussian, Process, log_snr
from suffuse.rng import Rng
from suffuse.sampling.loop import Step, gaussian, remember, with_history
from suffuse.state import State, combine


@dataclass(frozen=True)
class DPMpp2M:
    """DPM-Solver++(2M): order 2, one evaluation a step, deterministic."""

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        process = gaussian(process, self)
        posterior = denoiser(now.x, now.t, conditions)
        extrapolated = self._extrapolate(process, now, posterior, s)
        step = now.to(process.transfer(now.x, extrapolated, now.t, s), s, posterior)
        return with_history(step, remember(now, posterior, depth=1))

    @staticmethod
    def _extrapolate(process: Gaussian, now: Step, posterior: Posterior, s: float) -> Posterior:
        """D, the belief half-way through the step, drawn out from this one and the one before."""
        if not now.history:
            return posterior
        before, earlier = now.history[0]
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
