"""Normal distributions of states, entry by entry independent; what padding holds does not count."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suffuse.state import State, map_fields, masked_sum


def entries(x: State) -> Tensor:
    """How many real numbers each sample has: float64 ``[batch]``."""
    return masked_sum(map_fields(torch.ones_like, x)).double()


def square_sum(x: State) -> Tensor:
    """The squared norm of each sample's real entries: float64 ``[batch]``."""
    return masked_sum(map_fields(lambda v: v.double().square(), x))


def log_normal(x: State, variance: float) -> Tensor:
    """log N(x; 0, variance), in nats, summed over each sample's real entries: float64 ``[batch]``."""
    return -0.5 * (square_sum(x) / variance + entries(x) * math.log(2.0 * math.pi * variance))


def normal_kl(mean: State, variance: float, other: float) -> Tensor:
    """KL(N(mean, variance) ‖ N(0, other)), in nats, summed over each sample's real entries: float64 ``[batch]``."""
    ratio = variance / other
    return 0.5 * (square_sum(mean) / other + entries(mean) * (ratio - 1.0 - math.log(ratio)))


def standard_error(estimates: Tensor) -> Tensor:
    """The standard error of the mean of independent estimates ``[batch, count]``: ``[batch]``, NaN of a single one."""
    count = estimates.shape[1]
    deviation = (estimates - estimates.mean(1, keepdim=True)).square().sum(1)
    return (deviation / ((count - 1) * count)).sqrt() if count > 1 else torch.full_like(deviation, math.nan)
