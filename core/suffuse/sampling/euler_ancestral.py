r"""k-diffusion's ancestral Euler sampler.

A step down to :math:`r_s = σ_s/α_s` becomes an Euler step along the flow to a lower level, and fresh noise back up:

.. math:: r_\text{up} = \min\big(r_s,\; η\, r_s \sqrt{1 - r_s^2/r_t^2}\big), \qquad
          r_\text{down} = \sqrt{r_s^2 - r_\text{up}^2}.

Euler's step is the process's own deterministic one, so that this is DDIM with the same η, digit by digit, as long as
η ≤ 1, under every schedule; at η = 1 it is DDPM. Only what lies beyond is its own: η > 1, more fresh noise than the
belief's own posterior has, and as η grows all of it, which is :class:`~suffuse.sampling.Consistency`.
"""

from __future__ import annotations

from dataclasses import dataclass

from suffuse.errors import RecipeError
from suffuse.numerics import expm1, sqrt
from suffuse.posterior import Posterior
from suffuse.process import Gaussian, log_snr
from suffuse.rng import Rng
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import GAUSSIAN
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State


@dataclass(frozen=True)
class EulerAncestral(OneEvaluation[Gaussian]):
    """Euler steps with fresh noise (Katherine Crowson's k-diffusion, ``sample_euler_ancestral``), order 1.

    Arguments:
        eta: fresh noise: 0 none, 1 the posterior's own, more as much as there is room for.
        noise: the fresh noise's standard deviation (k-diffusion's ``s_noise``).
    """

    eta: float = 1.0
    noise: float = 1.0
    needs = GAUSSIAN

    def __post_init__(self) -> None:
        for name in ("eta", "noise"):
            if not getattr(self, name) >= 0.0:
                raise RecipeError("is negative", field=name, expected=">= 0", got=getattr(self, name))

    def advance(self, process: Gaussian, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        schedule = process.schedule
        own = sqrt(-expm1(log_snr(schedule, now.t) - log_snr(schedule, s)))  # √(1 - SNR_t/SNR_s)
        up = min(self.eta * own, 1.0)  # in units of σ_s
        down = sqrt((1.0 - up) * (1.0 + up))
        sigma = schedule.sigma(s)
        fresh = sigma * up * self.noise
        noise = () if fresh == 0.0 else ((fresh, rng.at("reverse").normal_like(now.x)),)
        return process.transfer(now.x, posterior, now.t, s, sigma * down, *noise)
