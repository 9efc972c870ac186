r"""Multistep consistency sampling: believe, add noise to the next level, believe again.

.. math:: x_s \sim q(x_s \mid x_0 = \hat x_0(x_t, t))

(Song, Dhariwal, Chen & Sutskever 2023, algorithm 1; the sampler of latent consistency models, Luo et al. 2023; also
called ping-pong.) Nothing of x_t but the belief is kept. It is exact, up to the belief's own error, where the belief is
a *consistency function*, the end of the flow through x_t, as distillation teaches it: each level then has its marginal.
With the mean of the posterior, which every denoiser gives, it is not: spread is lost at every level. DDPM (DDIM with
η = 1) draws less noise, :math:`σ_s \sqrt{1 - \mathrm{SNR}_t/\mathrm{SNR}_s}`, and keeps of x_t's what the mean lacks.

On categories the belief is drawn from, entry by entry, and every step may change every entry: what is inconsistent is
found and mended, at the price of more steps (Boget 2025, SID, on molecules; for masks the most that remasking can do).
By that use it is called ``renoise``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from suffuse.posterior import Posterior
from suffuse.process import Categorical, Gaussian, Process
from suffuse.rng import Rng
from suffuse.sampling.discrete.temperature import require_temperature, tempered
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import Need
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State

NOISE: Need[Any] = Need("a process of noise", lambda process: isinstance(process, Gaussian | Categorical))
"""Not a bridge from other data, which end where they began, and not in noise that could be drawn anew."""


@dataclass(frozen=True)
class Consistency(OneEvaluation[Process]):
    """Fresh noise on the belief, at every step: for consistency models, in one to four steps; and for categories.

    Arguments:
        temperature: of the belief in categorical fields; 1 leaves it as it is.
    """

    temperature: float = 1.0
    needs = NOISE

    def __post_init__(self) -> None:
        require_temperature(self.temperature)

    def advance(self, process: Process, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        return process.corrupt(tempered(process, posterior.mean, self.temperature), s, rng)
