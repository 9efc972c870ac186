r"""The training objective: a weighted denoising error at random times.

.. math:: \mathbb E_{x_0, t, ε}\; w(λ_t)\, \lVert x_0 - \hat x_0(x_t, t) \rVert^2

Weights are functions of the log-SNR λ and act on the error of x̂₀, whatever the network predicts; what is usually
called the loss of a parametrization is a weight (Kingma & Gao 2023):

============  =======================  ==============================================================
weight        w(λ)                     equals
============  =======================  ==============================================================
``uniform``   1                        the error of x₀
``snr``       e^λ                      the error of ε: DDPM's simple loss (Ho et al. 2020, eq. 14)
``v``         e^λ + 1                  the error of v (Salimans & Ho 2022)
``min-snr``   min(e^λ, γ)              Hang et al. 2023, γ = 5
``edm``       e^λ + 1/σ_d²             Karras et al. 2022, table 1
``flow``      (1 + e^{λ/2})²           the error of ε - x₀ under rectified flow (Lipman et al. 2022)
============  =======================  ==============================================================

Times: ``uniform`` in t; ``log-normal`` in σ/α (Karras et al. 2022: mean -1.2, deviation 1.2); ``logit-normal`` in the
flow time σ/(α+σ) (Esser et al. 2024), which is log-normal with mean 0 and deviation 1. One uniform number is drawn for
a batch and spread over it evenly (Kingma et al. 2021, appendix I.1), which lowers the gradient's variance.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from suffuse.conditions import Conditions, drop
from suffuse.denoise import Preconditioned
from suffuse.errors import RecipeError, unknown_name
from suffuse.process import Schedule, Weight, log_snr
from suffuse.recipe import Named, Recipe
from suffuse.rng import Rng
from suffuse.state import State, batch_size, device_of
from suffuse.training.criterion import Criterion

T = TypeVar("T")

EARLIEST = 1e-5
"""No training time is below this: at σ = 0 there is nothing to learn, and weights are infinite."""


class Times(Protocol):
    """The distribution of training times, by its quantile function."""

    def quantile(self, u: Tensor, schedule: Schedule) -> Tensor:
        """Times at the quantiles ``u``, float64 in (0, 1)."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Times uniform on [0, 1]."""

    def quantile(self, u: Tensor, schedule: Schedule) -> Tensor:
        return u


@dataclass(frozen=True)
class LogNormal:
    """log(σ/α) normal."""

    mean: float = -1.2
    std: float = 1.2

    def quantile(self, u: Tensor, schedule: Schedule) -> Tensor:
        log_ratio = self.mean + self.std * math.sqrt(2.0) * torch.erfinv(2.0 * u - 1.0)
        lowest = log_snr(schedule, 1.0)
        return schedule.time((-2.0 * log_ratio).clamp_min(lowest))


@dataclass(frozen=True)
class LogitNormal(LogNormal):
    """The logit of the flow time σ/(α + σ), which is log(σ/α), normal."""

    mean: float = 0.0
    std: float = 1.0


def _min_snr(gamma: float = 5.0) -> Weight:
    return lambda snr: snr.exp().clamp_max(gamma)


def _edm(sigma_data: float = 1.0) -> Weight:
    return lambda snr: snr.exp() + sigma_data**-2


TIMES: dict[str, Callable[..., Times]] = {
    "uniform": Uniform,
    "log-normal": LogNormal,
    "logit-normal": LogitNormal,
}
WEIGHTS: dict[str, Callable[..., Weight]] = {
    "uniform": lambda: torch.ones_like,
    "snr": lambda: torch.exp,
    "v": lambda: lambda snr: snr.exp() + 1.0,
    "min-snr": _min_snr,
    "edm": _edm,
    "flow": lambda: lambda snr: (1.0 + (0.5 * snr).exp()).square(),
}


def make_times(named: Named) -> Times:
    """The time distribution that a recipe names."""
    return _make("times", named, TIMES)


def make_weight(named: Named) -> Weight:
    """The weighting that a recipe names."""
    return _make("weight", named, WEIGHTS)


def _make(field: str, named: Named, known: dict[str, Callable[..., T]]) -> T:
    if named.name not in known:
        raise unknown_name(field, named.name, known, RecipeError, field=f"objective.{field}")
    factory = known[named.name]
    options = list(inspect.signature(factory).parameters)
    for option in named.options:
        if option not in options:
            kind = f"option of {named.name!r}"
            raise unknown_name(kind, option, options, RecipeError, field=f"objective.{field}.{option}")
    return factory(**named.options)


def check_objective(recipe: Recipe) -> None:
    """Tell a wrong ``objective`` section before any data are opened.

    Raises:
        RecipeError: an unknown name or option.
    """
    make_times(recipe.objective.times)
    make_weight(recipe.objective.weight)


class Uncertainty(nn.Module):
    """A learned log-variance u(λ) that balances noise levels: the loss becomes L/e^u + u (Karras et al. 2024, eq. 22).

    It is dropped after training.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.linspace(0.0, 1.0, channels).mul(math.pi), persistent=False)
        self.out = nn.Linear(2 * channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, log_snr: Tensor) -> Tensor:
        frequencies = self.get_buffer("frequencies")
        phase = log_snr.clamp(-12.0, 12.0).to(frequencies)[:, None] * frequencies
        log_variance: Tensor = self.out(torch.cat([phase.cos(), phase.sin()], dim=1)).squeeze(1)
        return log_variance.float()


class Objective(Criterion):
    """The weighted denoising error.

    Arguments:
        denoiser: what is trained.
        times: the distribution of times.
        weight: the weighting.
        condition_dropout: the share of samples that are trained without any condition, for guidance.
        uncertainty: a learned log-variance, or ``None``.
    """

    def __init__(
        self,
        denoiser: Preconditioned,
        times: Times,
        weight: Weight,
        condition_dropout: float = 0.0,
        uncertainty: Uncertainty | None = None,
    ) -> None:
        super().__init__(denoiser)
        self.times = times
        self.weight = weight
        self.condition_dropout = condition_dropout
        self.uncertainty = uncertainty

    def forward(self, x0: State, conditions: Conditions, rng: Rng) -> Tensor:
        """The mean loss of a batch at random times, all randomness from ``rng`` (one stream a sample)."""
        t = self.times_at(spread(batch_size(x0), rng).to(device_of(x0)))
        loss, snr = self.at(x0, t, drop_some(conditions, self.condition_dropout, rng), rng)
        if self.uncertainty is not None:
            log_variance = self.uncertainty(snr)
            loss = loss * (-log_variance).exp() + log_variance
        return loss.mean()

    def at(self, x0: State, t: Tensor, conditions: Conditions, rng: Rng) -> tuple[Tensor, Tensor]:
        """The weighted error of each sample at given times, and λ there, both ``[batch]``."""
        process = self.denoiser.process
        x_t = process.corrupt(x0, t, rng)
        snr = log_snr(process.schedule, t)
        return process.loss(self.denoiser(x_t, t, conditions), x0, x_t, t, self.weight), snr

    def at_quantile(self, x0: State, quantile: float, conditions: Conditions, rng: Rng) -> Tensor:
        u = torch.full((batch_size(x0),), quantile, dtype=torch.float64, device=device_of(x0))
        error, _ = self.at(x0, self.times_at(u), conditions, rng)
        return error

    def of(self, denoiser: Preconditioned) -> Self:
        return type(self)(denoiser, self.times, self.weight)

    def helpers(self) -> Mapping[str, nn.Module]:
        return {} if self.uncertainty is None else {"uncertainty": self.uncertainty}

    def times_at(self, u: Tensor) -> Tensor:
        """The times at quantiles ``u``, float64 ``[batch]`` in [0, 1)."""
        t = self.times.quantile(u.clamp(1e-6, 1.0 - 1e-6), self.denoiser.process.schedule)
        return t.clamp(EARLIEST, 1.0)


def spread(count: int, rng: Rng) -> Tensor:
    """One uniform number on [0, 1), spread evenly over a batch, float64 ``[count]``."""
    start = rng[:1].at("time").uniform(shape=())
    return (start + torch.arange(count, dtype=torch.float64) / count) % 1.0


def drop_some(conditions: Conditions, share: float, rng: Rng) -> Conditions:
    """Clear all conditions of a random share of the samples."""
    if not conditions or share == 0.0:
        return conditions
    kept = rng.at("condition").uniform(shape=()) >= share
    device = next(iter(conditions.values())).present.device
    return drop(conditions, kept.to(device))
