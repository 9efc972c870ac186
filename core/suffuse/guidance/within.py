"""Guidance within an interval of noise levels (Kynkäänniemi et al. 2024): for any guidance.

At high noise guidance costs variety, at low noise it changes nothing and costs evaluations.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Process, noise_ratio
from suffuse.state import State, map_fields, over_batch


@dataclass(frozen=True)
class Within:
    """One denoiser inside an interval of noise levels, another outside it; only the one that is needed is asked.

    Arguments:
        guided: asked inside.
        denoiser: asked outside.
        process: its clock tells the noise level of a time.
        interval: the noise levels σ/α, both ends included; the upper may be infinite.
    """

    guided: Denoiser
    denoiser: Denoiser
    process: Process
    interval: tuple[float, float]

    def __post_init__(self) -> None:
        low, high = self.interval
        if not 0.0 <= low < high:
            raise RecipeError("is empty", field="guidance.interval", expected="0 <= low < high", got=self.interval)

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        low, high = self.interval
        level = noise_ratio(self.process.schedule, t)
        if not isinstance(level, Tensor):
            return (self.guided if low <= level <= high else self.denoiser)(x_t, t, conditions)
        inside = (low <= level) & (level <= high)
        if not inside.any():
            return self.denoiser(x_t, t, conditions)
        guided = self.guided(x_t, t, conditions)
        return guided if inside.all() else _chosen(inside, guided, self.denoiser(x_t, t, conditions))


def _chosen(inside: Tensor, guided: Posterior, plain: Posterior) -> Posterior:
    """Sample by sample the one or the other."""

    def choose(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(over_batch(inside.double(), a) > 0.0, a, b)

    mean = map_fields(choose, guided.mean, plain.mean)
    if guided.anchor is None and plain.anchor is None:
        return Posterior(mean)
    return Posterior(mean, map_fields(choose, guided.noise_mean, plain.noise_mean))
