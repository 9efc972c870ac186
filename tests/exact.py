"""Models of the toy domain whose belief is exact: what a verb says of them is known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from suffuse.model import Model
from suffuse.posterior import Posterior, Time
from suffuse.process import Gaussian, Process, RectifiedFlow, Schedule
from suffuse.recipe import validate
from tests.oracles import Exact, GaussianMixture
from tests.toy import LENGTH, WaveCodec, recipe


class ExactModule(nn.Module):
    """The belief of a mixture in 8 dimensions, about states ``[batch, 1, 8]``, as a model has it."""

    def __init__(self, mixture: GaussianMixture, schedule: Schedule) -> None:
        super().__init__()
        self.process: Process = Gaussian(schedule)
        self.exact = Exact(mixture, schedule)
        self.network = nn.Linear(1, 1)

    def forward(self, x_t: Tensor, t: Time, conditions: Any) -> Posterior:
        found = self.exact(x_t.flatten(1).double(), t, conditions).mean
        assert isinstance(found, Tensor)
        return Posterior(found.reshape(x_t.shape).to(x_t.dtype))


def exact_model(mixture: GaussianMixture, schedule: Schedule | None = None) -> Model:
    """A model of waves (any 8 numbers, as they are) drawn from a mixture. Make it where the toy domain is known."""
    denoiser: Any = ExactModule(mixture, schedule or RectifiedFlow()).requires_grad_(False)
    return Model(validate(recipe(data={"labelled": False})), WaveCodec(1.0), {}, denoiser)


def two_modes() -> GaussianMixture:
    """Two modes on either side of 0."""
    mean = torch.linspace(-0.8, 0.8, LENGTH, dtype=torch.float64)
    return GaussianMixture(torch.stack([mean, -mean]), 0.6)


def one_mode(mean: float = 0.3, std: float = 0.7) -> GaussianMixture:
    """One Gaussian."""
    return GaussianMixture(torch.full((1, LENGTH), mean, dtype=torch.float64), std)


def items_of(mixture: GaussianMixture, count: int, seed: int = 0) -> list[list[float]]:
    """Items drawn from a mixture."""
    drawn: list[list[float]] = mixture.sample(count, seed).float().tolist()
    return drawn
