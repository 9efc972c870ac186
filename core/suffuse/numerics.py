"""Elementary functions of a Python float or of a tensor, so that a formula is written once.

A float gives a float (a sampler's coefficients, float64, free of tensor overhead); a tensor gives a tensor (a batch
of training times). Schedules are written in these.
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor

Real = TypeVar("Real", float, Tensor, float | Tensor)


def exp(x: Real) -> Real:
    return x.exp() if isinstance(x, Tensor) else math.exp(x) if x < 709.0 else math.inf


def expm1(x: Real) -> Real:
    return x.expm1() if isinstance(x, Tensor) else math.expm1(x) if x < 709.0 else math.inf


def log(x: Real) -> Real:
    return x.log() if isinstance(x, Tensor) else math.log(x) if x > 0.0 else -math.inf


def log1p(x: Real) -> Real:
    return x.log1p() if isinstance(x, Tensor) else math.log1p(x)


def sqrt(x: Real) -> Real:
    return x.sqrt() if isinstance(x, Tensor) else math.sqrt(x)


def sin(x: Real) -> Real:
    return x.sin() if isinstance(x, Tensor) else math.sin(x)


def cos(x: Real) -> Real:
    return x.cos() if isinstance(x, Tensor) else math.cos(x)


def atan(x: Real) -> Real:
    return x.atan() if isinstance(x, Tensor) else math.atan(x)


def asinh(x: Real) -> Real:
    return x.asinh() if isinstance(x, Tensor) else math.asinh(x)


def softplus(x: Real) -> Real:
    """log(1 + eˣ), without overflow."""
    if isinstance(x, Tensor):
        return torch.logaddexp(x, torch.zeros_like(x))
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x: Real) -> Real:
    if isinstance(x, Tensor):
        return x.sigmoid()
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0.0 else math.exp(x) / (1.0 + math.exp(x))


def clamp(x: Real, low: float, high: float) -> Real:
    return x.clamp(low, high) if isinstance(x, Tensor) else min(max(x, low), high)


def ratio(x: Real, y: Real) -> Real:
    """x / y, with ±∞ rather than an error where y is 0."""
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        return x / y
    assert isinstance(x, float) and isinstance(y, float)
    return x / y if y != 0.0 else math.copysign(math.inf, x)


def log_spaced(low: float, high: float, count: int) -> tuple[float, ...]:
    """So many numbers from ``low`` to ``high``, evenly spaced in their logarithm; ``low`` alone if it is one."""
    fractions = [i / max(1, count - 1) for i in range(count)]
    return tuple(low ** (1.0 - f) * high**f for f in fractions)
