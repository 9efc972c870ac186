"""Distributions of training times, each by its quantile function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.process import Schedule, log_snr


class Times(Protocol):
    """The distribution of training times, by its quantile function; frozen and pure."""

    def quantile(self, u: Tensor, schedule: Schedule) -> Tensor:
        """Times at the quantiles ``u``, float64 in (0, 1)."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Times uniform between two; from 1 to 1, a network of a bridge learns to predict x₀ from x₁ at once."""

    first: float = 0.0
    last: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.first <= self.last <= 1.0:
            raise RecipeError(
                "are no times", field="first, last", expected="0 <= first <= last <= 1", got=(self.first, self.last)
            )

    def quantile(self, u: Tensor, schedule: Schedule) -> Tensor:
        return self.first + (self.last - self.first) * u


@dataclass(frozen=True)
class LogNormal:
    """log(σ/α) normal (Karras et al. 2022)."""

    mean: float = -1.2
    std: float = 1.2

    def quantile(self, u: Tensor, schedule: Schedule) -> Tensor:
        log_ratio = self.mean + self.std * math.sqrt(2.0) * torch.erfinv(2.0 * u - 1.0)
        lowest = log_snr(schedule, 1.0)
        return schedule.time((-2.0 * log_ratio).clamp_min(lowest))


@dataclass(frozen=True)
class LogUniform:
    """log(σ/α) uniform between two noise levels: as much is learnt of each."""

    low: float = 0.05
    high: float = 3.0

    def __post_init__(self) -> None:
        if not 0.0 < self.low < self.high:
            raise RecipeError(
                "are no noise levels", field="low, high", expected="0 < low < high", got=(self.low, self.high)
            )

    def quantile(self, u: Tensor, schedule: Schedule) -> Tensor:
        log_ratio = math.log(self.low) + u * math.log(self.high / self.low)
        lowest = log_snr(schedule, 1.0)
        return schedule.time((-2.0 * log_ratio).clamp_min(lowest))


@dataclass(frozen=True)
class LogitNormal(LogNormal):
    """The logit of the flow time σ/(α + σ), which is log(σ/α), normal (Esser et al. 2024)."""

    mean: float = 0.0
    std: float = 1.0
