"""Denoisers that know the exact belief under a condition, and count their calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suffuse.conditions import Condition, Conditions
from suffuse.posterior import Posterior
from suffuse.process import Schedule
from tests.oracles import Exact, GaussianMixture, three_modes

Belief = Callable[[Any, Any], Any]
"""``(x_t, t) -> E[x₀ | x_t]``."""


class ByLabel:
    """The belief that a label chooses, or the free one where it is not given; tensors ``[batch, …]``."""

    def __init__(self, free: Belief, given: Sequence[Belief]) -> None:
        self.free, self.given = free, given
        self.calls: list[int] = []

    def __call__(self, x: Tensor, t: Any, conditions: Conditions) -> Posterior:
        self.calls.append(len(x))
        label = conditions["label"]
        rows = torch.stack([belief(x, t) for belief in self.given], 1)[torch.arange(len(x)), label.value]
        present = label.present.reshape(-1, *(1,) * (x.ndim - 1))
        return Posterior(torch.where(present, rows, self.free(x, t)))


def by_mode(schedule: Schedule) -> ByLabel:
    """Three modes in the plane; label k names the k-th."""
    mixture = three_modes()
    modes = [GaussianMixture(mixture.means[k : k + 1], mixture.std) for k in range(3)]
    return ByLabel(_exact(mixture, schedule), [_exact(m, schedule) for m in modes])


def _exact(mixture: GaussianMixture, schedule: Schedule) -> Belief:
    return lambda x, t: Exact(mixture, schedule)(x, t, {}).mean


def label(*values: int | None) -> dict[str, Condition]:
    """A label for each sample, ``None`` where it is not given."""
    return {
        "label": Condition(torch.tensor([v or 0 for v in values]), torch.tensor([v is not None for v in values])),
    }


def labels(count: int) -> dict[str, Condition]:
    return label(*(i % 3 for i in range(count)))


@dataclass(frozen=True)
class Normal:
    """The exact belief of N(mean ``[d]``, covariance ``[d, d]``), and the covariance of that belief."""

    mean: Tensor
    covariance: Tensor
    schedule: Schedule

    def __call__(self, x: Tensor, t: float) -> Tensor:
        return self.mean + (x - self.schedule.alpha(t) * self.mean) @ self.gain(t).T

    def gain(self, t: float) -> Tensor:
        """∂E[x₀ | x_t]/∂x_t."""
        return self.schedule.alpha(t) * self.covariance @ torch.linalg.inv(self.noisy_covariance(t))

    def noisy_covariance(self, t: float) -> Tensor:
        """That of x_t."""
        alpha, sigma = self.schedule.alpha(t), self.schedule.sigma(t)
        return alpha**2 * self.covariance + sigma**2 * torch.eye(len(self.mean), dtype=torch.float64)

    def posterior_covariance(self, t: float) -> Tensor:
        """That of x₀ given x_t."""
        return self.covariance - self.schedule.alpha(t) * self.gain(t) @ self.covariance

    def log_prob(self, x: Tensor, t: float) -> Tensor:
        """log p(x_t) ``[batch]``."""
        return log_normal(x, self.schedule.alpha(t) * self.mean, self.noisy_covariance(t))


@dataclass(frozen=True)
class Measurement:
    """y = A x₀ + N(0, noise), with ``a`` ``[m, d]``, ``noise`` ``[m, m]``, ``y`` ``[m]``."""

    a: Tensor
    noise: Tensor
    y: Tensor

    def likelihood(self, spread: Tensor) -> Callable[[Tensor, Any], Tensor]:
        """log p(y | x_t) as a function of E[x₀ | x_t], whose covariance is ``spread``; exact."""
        covariance = self.a @ spread @ self.a.T + self.noise
        return lambda mean, conditions: log_normal(self.y, mean @ self.a.T, covariance)

    def update(self, mean: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and covariance of x₀ given y too (Kalman's update)."""
        gain = spread @ self.a.T @ torch.linalg.inv(self.a @ spread @ self.a.T + self.noise)
        return mean + (self.y - mean @ self.a.T) @ gain.T, spread - gain @ self.a @ spread


def log_normal(y: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """log N(y; mean, covariance), over the last axis."""
    off = y - mean
    log_volume = torch.linalg.slogdet(2.0 * torch.pi * covariance).logabsdet
    return -0.5 * ((off @ torch.linalg.inv(covariance) * off).sum(-1) + log_volume)
