"""How wrong the denoiser is about a state, noise level by noise level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser
from suffuse.process import Process, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling.loop import NO_CONDITIONS
from suffuse.state import State, batch_size

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
    fractions = [0.5] if count == 1 else [i / (count - 1) for i in range(count)]
    return tuple(min(1.0, time_of_ratio(process.schedule, low ** (1.0 - f) * high**f)) for f in fractions)


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
    times = noise_levels(process, levels) if isinstance(levels, int) else tuple(levels)
    if not times or not all(0.0 < t <= 1.0 for t in times):
        raise RecipeError("are no times", field="levels", expected="times in (0, 1]", got=times)
    if draws < 1:
        raise RecipeError("must be at least 1", field="draws", expected=">= 1", got=draws)
    rng = Rng.of([seed] * batch_size(x))
    columns = []
    for i, t in enumerate(times):
        errors = []
        for draw in range(draws):
            x_t = process.corrupt(x, t, rng.at("profile", i, draw))
            errors.append(process.loss(denoiser(x_t, t, conditions), x, x_t, t, _of_unit_variance).double())
        columns.append(torch.stack(errors).mean(0))
    return Profile(torch.stack(columns, dim=1), times)


def _of_unit_variance(snr: Tensor) -> Tensor:
    """1 + SNR, the inverse of the error that the best denoiser makes about white noise of unit variance."""
    return 1.0 + snr.exp()
