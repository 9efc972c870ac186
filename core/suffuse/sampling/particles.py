"""Particles that stand for a distribution: their weights, how many of them count, and new ones drawn by weight.

Weights are ``[groups, particles]``, float64. A group is drawn from by one uniform number of its own, so that what
becomes of it does not depend on other groups.
"""

from __future__ import annotations

import torch
from torch import Tensor


def shares(log_weights: Tensor) -> Tensor:
    """Weights that add up to 1 in each group; all alike where none is above -∞."""
    dead = (log_weights == -torch.inf).all(1, keepdim=True)
    return torch.where(dead, 0.0, log_weights).softmax(1)


def effective(weights: Tensor) -> Tensor:
    """How many particles of equal weight would tell as much (Kong 1992): ``[groups]``, from 1 to their number."""
    return weights.sum(1).square() / weights.square().sum(1)


def systematic(weights: Tensor, u: Tensor) -> Tensor:
    """Which particles are copied, in rising order (Kitagawa 1996): int64 ``[groups, particles]``.

    Of k particles, one of share w gets k·w copies on average, rounded up or down.

    Arguments:
        weights: not negative; they need not be normalized.
        u: uniform numbers of (0, 1), float64 ``[groups]``.
    """
    count = weights.shape[1]
    return _at(weights, (torch.arange(count, dtype=torch.float64) + u[:, None]) / count)


def drawn(weights: Tensor, u: Tensor) -> Tensor:
    """One particle of each group, by its weight: int64 ``[groups]``; arguments as of :func:`systematic`."""
    return _at(weights, u[:, None])[:, 0]


def _at(weights: Tensor, places: Tensor) -> Tensor:
    """The particles at these places of (0, 1), along which each takes its share; one without weight takes none."""
    ends = weights.cumsum(1)
    return torch.searchsorted(ends / ends[:, -1:], places, right=True).clamp_max(weights.shape[1] - 1)
