"""Distributions whose posteriors, scores and densities are known exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suffuse.posterior import Posterior, Time
from suffuse.process import Categorical, Schedule
from suffuse.process.kernels import widen
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


@dataclass(frozen=True)
class FullGaussian:
    """One Gaussian of full covariance: ``mean`` ``[d]``, ``covariance`` ``[d, d]``."""

    mean: Tensor
    covariance: Tensor

    def gain(self, alpha: float, sigma: float) -> Tensor:
        """α Σ (α² Σ + σ² I)⁻¹, by which x_t - α·mean moves the belief."""
        identity = torch.eye(len(self.mean), dtype=self.covariance.dtype)
        return alpha * torch.linalg.solve(alpha**2 * self.covariance + sigma**2 * identity, self.covariance)

    def posterior_mean(self, x: Tensor, alpha: float, sigma: float) -> Tensor:
        """E[x₀ | x_t]."""
        return self.mean + (x - alpha * self.mean) @ self.gain(alpha, sigma).T

    def given(self, matrix: Tensor, y: Tensor, noise: float) -> FullGaussian:
        """p(x₀ | y) where y = matrix·x₀ + noise·z."""
        predicted = matrix @ self.covariance @ matrix.T + noise**2 * torch.eye(len(y), dtype=y.dtype)
        gain = torch.linalg.solve(predicted, matrix @ self.covariance).T
        return FullGaussian(
            self.mean + gain @ (y - matrix @ self.mean), self.covariance - gain @ matrix @ self.covariance
        )


@dataclass(frozen=True)
class ExactGaussian:
    """The exact denoiser of a Gaussian whose entries are those of states of any shape."""

    gaussian: FullGaussian
    schedule: Schedule

    def __call__(self, x_t: Tensor, t: Time, conditions: Mapping[str, Any]) -> Posterior:
        alpha, sigma = self.schedule.alpha(float(t)), self.schedule.sigma(float(t))
        mean = self.gaussian.posterior_mean(x_t.flatten(1).double(), alpha, sigma)
        return Posterior(mean.to(x_t.dtype).reshape(x_t.shape))


def smooth_signal(points: int = 6) -> FullGaussian:
    """A stationary signal of unit variance and a slope, whose entries tell much of their neighbours'."""
    at = torch.arange(points, dtype=torch.float64)
    covariance = torch.exp(-0.5 * ((at[:, None] - at) / 1.5) ** 2) + 0.05 * torch.eye(points, dtype=torch.float64)
    return FullGaussian(at / points - 0.5, covariance / 1.05)


@dataclass(frozen=True)
class DiscreteJoint:
    """Any distribution of n entries of K classes: ``table`` ``[K] * n``, float64."""

    table: Tensor

    @property
    def states(self) -> Tensor:
        """Every state, one-hot ``[K**n, n, K]``, in the table's order."""
        return every_state(self.table.ndim, self.table.shape[0])

    def posterior(self, likelihood: Tensor) -> Tensor:
        """p(state | x_t) ``[batch, K**n]``, by Bayes' rule, from p(x_t | state); where nothing fits it is the prior."""
        joint = likelihood * self.table.flatten()
        total = joint.sum(1, keepdim=True)
        return torch.where(total > 0.0, joint / total.clamp_min(1e-300), self.table.flatten())


@dataclass(frozen=True)
class ExactDiscrete:
    """The exact denoiser of a joint distribution under categorical noise, by enumeration."""

    joint: DiscreteJoint
    process: Categorical

    def __call__(self, x_t: Tensor, t: Time, conditions: Mapping[str, Any]) -> Posterior:
        states = self.joint.states
        chances, now = self.process.marginal(states, float(t)), widen(self.process.kernel, x_t)
        assert isinstance(chances, Tensor)
        likelihood = torch.einsum("bno,sno->bsn", now.double(), chances).prod(-1)
        mean = torch.einsum("bs,snk->bnk", self.joint.posterior(likelihood), states)
        return Posterior(mean.to(x_t.dtype))


def every_state(entries: int, classes: int) -> Tensor:
    """Every state of some entries, one-hot ``[classes**entries, entries, classes]``, the last entry running fastest."""
    index = torch.cartesian_prod(*(torch.arange(classes) for _ in range(entries))).reshape(-1, entries)
    return torch.eye(classes, dtype=torch.float64)[index]


def three_words() -> DiscreteJoint:
    """Three entries of three classes, strongly dependent, no class as frequent as another."""
    table = torch.full((3, 3, 3), 0.002, dtype=torch.float64)
    for state, weight in (((0, 0, 1), 4.0), ((1, 2, 1), 3.0), ((2, 0, 2), 2.0), ((0, 1, 0), 1.0), ((1, 1, 1), 0.5)):
        table[state] += weight
    return DiscreteJoint(table / table.sum())
