r"""Gaussian diffusion and flow matching, one process for every schedule.

The forward kernel is :math:`q(x_t | x_0) = \mathcal N(α_t x_0, σ_t^2 I)`. Given a belief :math:`\hat x_0` the noise
that it implies is :math:`\hat ε = (x_t - α_t \hat x_0)/σ_t`, and every reverse step is

.. math:: x_s = α_s \hat x_0 + c\, \hat ε + ς z
              = \tfrac{c}{σ_t} x_t + (α_s - α_t \tfrac{c}{σ_t}) \hat x_0 + ς z, \qquad c^2 + ς^2 = σ_s^2,

which is finite where α_t = 0 and where σ_s = 0: nothing is divided by α (Song et al. 2021, DDIM, eq. 12, in
continuous time).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from suffuse.numerics import expm1, sqrt
from suffuse.posterior import Posterior, Time
from suffuse.process.base import Weight
from suffuse.process.schedule import RectifiedFlow, Schedule, log_snr
from suffuse.rng import Rng
from suffuse.state import State, combine, map_fields, masked_mean


@dataclass(frozen=True)
class Gaussian:
    """x_t = α(t) x₀ + σ(t) ε on every floating field of the state.

    Arguments:
        schedule: the scales α and σ.
    """

    schedule: Schedule = field(default_factory=RectifiedFlow)

    def prior(self, like: State, rng: Rng, t: float = 1.0) -> State:
        """x_t ~ N(0, σ_t²), the data's own part being negligible there."""
        return combine((self.schedule.sigma(t), rng.at("prior").normal_like(like)))

    def corrupt(self, x0: State, t: Time, rng: Rng) -> State:
        """x_t ~ N(α_t x₀, σ_t²)."""
        noise = rng.at("corrupt").normal_like(x0)
        return combine((self.schedule.alpha(t), x0), (self.schedule.sigma(t), noise))

    def reverse(self, x_t: State, posterior: Posterior, t: float, s: float, rng: Rng, eta: float = 1.0) -> State:
        r"""x_s given x_t and a belief; DDPM at ``eta=1``, DDIM at ``eta=0``.

        The fresh noise is :math:`ς = η σ_s \sqrt{1 - \mathrm{SNR}_t/\mathrm{SNR}_s}`.
        """
        kept = -expm1(log_snr(self.schedule, t) - log_snr(self.schedule, s))  # 1 - SNR_t/SNR_s
        sigma_s = self.schedule.sigma(s)
        fresh = eta * sigma_s * sqrt(kept)
        noise = () if fresh == 0.0 else ((fresh, rng.at("reverse").normal_like(x_t)),)
        return self.transfer(x_t, posterior, t, s, sigma_s * sqrt(1.0 - eta**2 * kept), *noise)

    def transfer(
        self,
        x_t: State,
        posterior: Posterior,
        t: Time,
        s: Time,
        carried: float | None = None,
        *fresh: tuple[float, State],
    ) -> State:
        """The deterministic part of a step, x_t's own noise rescaled to ``carried`` (default σ_s); and fresh noise."""
        alpha_t, sigma_t, alpha_s = self.schedule.alpha(t), self.schedule.sigma(t), self.schedule.alpha(s)
        c = (self.schedule.sigma(s) if carried is None else carried) / sigma_t
        if posterior.anchor is None:
            return combine((c, x_t), (alpha_s - alpha_t * c, posterior.mean), *fresh)
        return combine((c, x_t), (alpha_s, posterior.mean), (-alpha_t * c, posterior.anchor), *fresh)

    def loss(self, posterior: Posterior, x0: State, x_t: State, t: Time, weight: Weight | None = None) -> Tensor:
        """Mean squared error of the posterior mean, averaged over each sample's real entries: ``[batch]``."""
        error = masked_mean(map_fields(lambda mean, x: torch.square(mean - x), x0_like(posterior.mean, x0), x0))
        if weight is None:
            return error
        snr = log_snr(self.schedule, torch.as_tensor(t, dtype=torch.float64, device=error.device))
        return error * weight(snr).to(error.dtype)


def x0_like(mean: State, x0: State) -> State:
    """The mean with the masks of ``x0``, whatever the network returned there."""
    if isinstance(mean, Tensor) or isinstance(x0, Tensor):
        return mean
    return {**x0, **{k: v for k, v in mean.items() if k in x0 and v.is_floating_point()}}
