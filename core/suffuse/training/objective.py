r"""The training objective: a weighted denoising error at random times.

.. math:: \mathbb E_{x_0, t, ε}\; w(λ_t)\, \lVert x_0 - \hat x_0(x_t, t) \rVert^2

The weight is a function of the log-SNR λ (:mod:`suffuse.training.weighting`), the times are of a distribution
(:mod:`suffuse.training.times`). One uniform number is drawn for a batch and spread over it evenly (Kingma et al.
2021, appendix I.1), which lowers the gradient's variance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn

from suffuse.conditions import Conditions, drop
from suffuse.denoise import Preconditioned
from suffuse.errors import RecipeError
from suffuse.posterior import Posterior
from suffuse.process import Interpolant, Weight, log_snr
from suffuse.rng import Rng
from suffuse.state import State, batch_size, device_of
from suffuse.training.criterion import Criterion
from suffuse.training.times import Times

EARLIEST = 1e-5
"""No training time is below this: at σ = 0 there is nothing to learn, and weights are infinite."""

UNTOUCHED = 1e-3
"""No sample's own error is taken for less, where losses are relative: what was not changed cannot be mended."""


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
        condition_dropout: the share of samples that are trained without any condition, for guidance; of the others, as
            large a share is trained without one of several conditions, so that some can be asked for alone.
        uncertainty: a learned log-variance, or ``None``.
        relative: each sample's error is told as a share of that of its x_t itself. Where a bridge leads out of noise,
            clipping and gaps at once, that which changes least counts as much as that which changes most.
    """

    def __init__(
        self,
        denoiser: Preconditioned,
        times: Times,
        weight: Weight,
        condition_dropout: float = 0.0,
        uncertainty: Uncertainty | None = None,
        relative: bool = False,
    ) -> None:
        super().__init__(denoiser)
        self.times = times
        self.weight = weight
        self.condition_dropout = condition_dropout
        self.uncertainty = uncertainty
        self.relative = relative
        if relative and not isinstance(denoiser.process, Interpolant):
            raise RecipeError(
                "is for bridges between data", field="objective.relative", expected="a recipe with process.coupling",
                got=type(denoiser.process).__name__, fix="leave it out",
            )  # fmt: skip

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
        loss = process.loss(self.denoiser(x_t, t, conditions), x0, x_t, t, self.weight)
        if not self.relative:
            return loss, snr
        untouched = process.loss(Posterior(x_t), x0, x_t, t, self.weight)
        return loss / untouched.clamp_min(UNTOUCHED), snr

    def at_quantile(self, x0: State, quantile: float, conditions: Conditions, rng: Rng) -> Tensor:
        u = torch.full((batch_size(x0),), quantile, dtype=torch.float64, device=device_of(x0))
        error, _ = self.at(x0, self.times_at(u), conditions, rng)
        return error

    def of(self, denoiser: Preconditioned) -> Self:
        return type(self)(denoiser, self.times, self.weight, relative=self.relative)

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
    """Clear all conditions of a random share of the samples, and each of several of as large a share by itself."""
    if not conditions or share == 0.0:
        return conditions
    device = next(iter(conditions.values())).present.device
    kept = (rng.at("condition").uniform(shape=()) >= share).to(device)
    if len(conditions) == 1:
        return drop(conditions, kept)
    alone = {name: rng.at("condition", name).uniform(shape=()) >= share for name in conditions}
    return {name: drop({name: c}, kept & alone[name].to(device))[name] for name, c in conditions.items()}
