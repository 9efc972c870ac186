"""How wrong the denoiser is about a state, noise level by noise level."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.likelihood.entries import members_of, under_masks
from suffuse.numerics import log_spaced
from suffuse.posterior import Denoiser, Posterior
from suffuse.process import Categorical, Gaussian, Process, log_snr, time_of_ratio
from suffuse.process.categorical import TINY
from suffuse.rng import Rng
from suffuse.sampling.loop import NO_CONDITIONS
from suffuse.state import State, batch_size, device_of, fields

LOWEST, HIGHEST = 0.2, 5.0
"""The noise levels σ/α between which the denoiser is asked unless told otherwise: where data take shape."""


@dataclass(frozen=True)
class Profile:
    """Denoising errors of states.

    Arguments:
        errors: float64 ``[batch, levels]``, averaged over a sample's real entries and over the draws: what
            :meth:`~suffuse.process.Process.loss` says, with squared errors times 1 + SNR, which is 1 for white noise of
            unit variance at every level.
        times: where the denoiser was asked.
    """

    errors: Tensor
    times: tuple[float, ...]


def noise_levels(process: Process, count: int, low: float = LOWEST, high: float = HIGHEST) -> tuple[float, ...]:
    """Times at which the noise levels σ/α of the process's clock are evenly spaced in their logarithm."""
    if count < 1:
        raise RecipeError("must be at least 1", field="levels", expected=">= 1", got=count)
    ratios = (math.sqrt(low * high),) if count == 1 else log_spaced(low, high, count)
    return tuple(min(1.0, time_of_ratio(process.schedule, ratio)) for ratio in ratios)


@torch.no_grad()
def profile(
    denoiser: Denoiser,
    process: Process,
    x: State,
    *,
    conditions: Conditions = NO_CONDITIONS,
    levels: int | Sequence[float] = 8,
    draws: int = 1,
    seed: int = 0,
) -> Profile:
    """Noise states to several levels, and see how far the denoiser is from what they were.

    Every sample gets the same noise, that of ``seed``, so that samples differ by what they are, and a sample has the
    same profile alone and in any batch.

    Arguments:
        denoiser: the belief.
        process: any.
        x: clean states.
        conditions: handed to the denoiser.
        levels: how many noise levels, between σ/α of 0.2 and 5; or the times themselves.
        draws: of noise at each level.
        seed: of the noise.

    Raises:
        RecipeError: there is no level or no draw, or a time is not in (0, 1].
    """
    times = _times(process, levels)
    errors = [
        process.loss(posterior, x, x_t, t, _of_unit_variance).double()
        for t, x_t, posterior in _looks(denoiser, process, x, conditions, times, draws, seed)
    ]
    return Profile(torch.stack(errors, dim=1).reshape(-1, len(times), draws).mean(2), times)


@torch.no_grad()
def entry_profile(
    denoiser: Denoiser,
    process: Process,
    x: State,
    *,
    conditions: Conditions = NO_CONDITIONS,
    levels: int | Sequence[float] = 8,
    draws: int = 1,
    seed: int = 0,
) -> State:
    """What each entry adds to a profile, averaged over the levels: float64, shaped like the states.

    An entry that is a class has one number, ``[batch, *positions, 1]``: its cross entropy, in nats, where noise touched
    it. Arguments as of :func:`profile`.

    Raises:
        UnsupportedError: the process leads from data to data.
    """
    times, members = _times(process, levels), members_of(process, x)
    total = dict.fromkeys(members, torch.zeros((), dtype=torch.float64, device=device_of(x)))
    for t, x_t, posterior in _looks(denoiser, process, x, conditions, times, draws, seed):
        means, noised = dict(fields(posterior.mean)), dict(fields(x_t))
        for name, value in fields(x):
            error = _entry_errors(members[name], value.double(), means[name].double(), noised[name], t)
            total[name] = total[name] + error / (len(times) * draws)
    return under_masks(total, x)


def _entry_errors(member: Gaussian | Categorical, x: Tensor, mean: Tensor, x_t: Tensor, t: float) -> Tensor:
    """Squared errors times 1 + SNR; cross entropies of what noise may have made."""
    if isinstance(member, Gaussian):
        return (x - mean).square() * (1.0 + math.exp(log_snr(member.schedule, t)))
    entropy = -(x * mean.clamp_min(TINY).log()).sum(-1, keepdim=True)
    return torch.where(member.is_known(x_t), torch.zeros_like(entropy), entropy)


def _times(process: Process, levels: int | Sequence[float]) -> tuple[float, ...]:
    times = noise_levels(process, levels) if isinstance(levels, int) else tuple(levels)
    if not times or not all(0.0 < t <= 1.0 for t in times):
        raise RecipeError("are no times", field="levels", expected="times in (0, 1]", got=times)
    return times


def _looks(
    denoiser: Denoiser,
    process: Process,
    x: State,
    conditions: Conditions,
    times: Sequence[float],
    draws: int,
    seed: int,
) -> Iterator[tuple[float, State, Posterior]]:
    """The time, the noised state and the belief, draw by draw of each level."""
    if draws < 1:
        raise RecipeError("must be at least 1", field="draws", expected=">= 1", got=draws)
    rng = Rng.of([seed] * batch_size(x))
    for i, t in enumerate(times):
        for draw in range(draws):
            x_t = process.corrupt(x, t, rng.at("profile", i, draw))
            yield t, x_t, denoiser(x_t, t, conditions)


def _of_unit_variance(snr: Tensor) -> Tensor:
    """1 + SNR, the inverse of the error that the best denoiser makes about white noise of unit variance."""
    return 1.0 + snr.exp()
