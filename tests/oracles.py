"""Distributions whose posteriors, scores and densities are known exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suffuse.posterior import Posterior, Time
from suffuse.process import Schedule
from suffuse.state import over_batch


@dataclass(frozen=True)
class GaussianMixture:
    """Equal-weight isotropic Gaussians: ``means`` ``[k, d]``, all of standard deviation ``std``."""

    means: Tensor
    std: float

    def sample(self, count: int, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randint(len(self.means), (count,), generator=generator)
        noise = torch.randn(count, self.means.shape[1], generator=generator, dtype=torch.float64)
        return self.means[chosen] + self.std * noise

    def responsibilities(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """p(component | x_t) ``[batch, k]`` and the variance of each component of x_t."""
        variance = alpha**2 * self.std**2 + sigma**2
        distance = (x[:, None] - alpha[..., None] * self.means).square().sum(-1)
        return (-0.5 * distance / variance).softmax(-1), variance

    def posterior_mean(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """E[x₀ | x_t]; ``alpha`` and ``sigma`` are ``[batch, 1]`` or ``[1, 1]``."""
        weights, variance = self.responsibilities(x, alpha, sigma)
        gain = alpha * self.std**2 / variance
        conditional = self.means + gain[..., None] * (x[:, None] - alpha[..., None] * self.means)
        return (weights[..., None] * conditional).sum(1)

    def log_prob(self, x: Tensor, alpha: float = 1.0, sigma: float = 0.0) -> Tensor:
        """log p(x_t), in nats."""
        variance = alpha**2 * self.std**2 + sigma**2
        distance = (x[:, None] - alpha * self.means).square().sum(-1)
        d = x.shape[1]
        log_terms = -0.5 * distance / variance - 0.5 * d * math.log(2.0 * math.pi * variance)
        return log_terms.logsumexp(-1) - math.log(len(self.means))


@dataclass(frozen=True)
class Exact:
    """The exact denoiser of a mixture under a schedule; counts nothing, keeps nothing."""

    mixture: GaussianMixture
    schedule: Schedule

    def __call__(self, x_t: Tensor, t: Time, conditions: Mapping[str, Any]) -> Posterior:
        alpha, sigma = (self._column(f(t), x_t) for f in (self.schedule.alpha, self.schedule.sigma))
        return Posterior(self.mixture.posterior_mean(x_t, alpha, sigma))

    @staticmethod
    def _column(value: Time, x: Tensor) -> Tensor:
        return over_batch(torch.as_tensor(value, dtype=torch.float64).reshape(-1), x)


def three_modes() -> GaussianMixture:
    """Three modes in the plane, of unit scale, none symmetric to another."""
    means = torch.tensor([[1.2, 0.4], [-0.9, 0.8], [-0.2, -1.3]], dtype=torch.float64)
    return GaussianMixture(means, 0.35)
