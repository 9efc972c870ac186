r"""Noise schedules: the signal scale α(t) and the noise scale σ(t) of :math:`x_t = α(t) x_0 + σ(t) ε`.

Time runs over [0, 1]; 0 is data. Every schedule has σ(0) = 0 and α(0) = 1, and its log signal-to-noise ratio

.. math:: λ(t) = 2 \log(α(t) / σ(t))

falls strictly from +∞, so that :meth:`Schedule.time` inverts it. Python floats give floats, tensors give tensors of
the same shape (float64 in, float64 out).

===================  ============================================  =============================================
schedule             α, σ                                          source
===================  ============================================  =============================================
:class:`VPLinear`    α = exp(-B/2), σ² = 1 - α²                    Ho et al. 2020; Song et al. 2021, eq. 32
:class:`Cosine`      α = cos θ, σ = sin θ, θ ∝ t                   Nichol & Dhariwal 2021; Hoogeboom et al. 2023
:class:`VE`          α = 1, σ² geometric, exactly 0 at t = 0       Song et al. 2021, eq. 29
:class:`EDM`         α = 1, σ = σ_max t                            Karras et al. 2022, table 1
:class:`RectifiedFlow`  α = 1 - t, σ = t                           Liu et al. 2022; Lipman et al. 2022
:class:`SubVP`       α = exp(-B/2), σ = 1 - α²                     Song et al. 2021, eq. 29
===================  ============================================  =============================================

with B(t) = β_min t + ½(β_max - β_min) t².
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from suffuse.errors import RecipeError
from suffuse.numerics import (
    Real,
    asinh,
    atan,
    cos,
    exp,
    expm1,
    log,
    log1p,
    ratio,
    sigmoid,
    sin,
    softplus,
    sqrt,
)


@runtime_checkable
class Schedule(Protocol):
    """Signal and noise scales over time; frozen and pure."""

    def alpha(self, t: Real) -> Real:
        """The signal scale at times in [0, 1]."""
        ...

    def sigma(self, t: Real) -> Real:
        """The noise scale at times in [0, 1]."""
        ...

    def time(self, log_snr: Real) -> Real:
        """The time at which λ has this value; inverse of :func:`log_snr`."""
        ...


def log_snr(schedule: Schedule, t: Real) -> Real:
    """λ(t) = 2 log(α/σ); +∞ at t = 0, -∞ where α = 0."""
    return 2.0 * (log(schedule.alpha(t)) - log(schedule.sigma(t)))


def noise_ratio(schedule: Schedule, t: Real) -> Real:
    """σ(t)/α(t), the noise level of EDM and k-diffusion."""
    return ratio(schedule.sigma(t), schedule.alpha(t))


def time_of_ratio(schedule: Schedule, sigma: Real) -> Real:
    """The time at which σ(t)/α(t) has this value."""
    return schedule.time(-2.0 * log(sigma))


def _positive(owner: object, **values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0.0):
            raise RecipeError(
                "must be a positive number", field=f"{type(owner).__name__}.{name}", expected="> 0", got=value
            )


def _ordered(owner: object, low: str, high: str) -> None:
    a, b = getattr(owner, low), getattr(owner, high)
    _positive(owner, **{low: a, high: b})
    if not a < b:
        raise RecipeError("is not above", field=f"{type(owner).__name__}.{high}", expected=f"> {low} = {a}", got=b)


@dataclass(frozen=True)
class _LinearBeta:
    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self) -> None:
        _ordered(self, "beta_min", "beta_max")

    def _integral(self, t: Real) -> Real:
        """B(t), the integral of β from 0 to t."""
        return self.beta_min * t + 0.5 * (self.beta_max - self.beta_min) * t * t

    def _inverse(self, b: Real) -> Real:
        """The time at which B has this value (the stable root of the quadratic)."""
        delta = self.beta_max - self.beta_min
        return 2.0 * b / (self.beta_min + sqrt(self.beta_min**2 + 2.0 * delta * b))


@dataclass(frozen=True)
class VPLinear(_LinearBeta):
    """Variance preserving, β linear in t (the continuous limit of DDPM's schedule)."""

    def alpha(self, t: Real) -> Real:
        return exp(-0.5 * self._integral(t))

    def sigma(self, t: Real) -> Real:
        return sqrt(-expm1(-self._integral(t)))

    def time(self, log_snr: Real) -> Real:
        return self._inverse(softplus(-log_snr))


@dataclass(frozen=True)
class Cosine:
    """Variance preserving, a quarter turn at constant speed, stopping short of pure noise at ``log_snr_min``."""

    log_snr_min: float = -20.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.log_snr_min) and self.log_snr_min < 0.0):
            raise RecipeError("must be negative", field="Cosine.log_snr_min", expected="< 0", got=self.log_snr_min)

    @property
    def _turn(self) -> float:
        return math.atan(math.exp(-0.5 * self.log_snr_min))

    def alpha(self, t: Real) -> Real:
        return cos(self._turn * t)

    def sigma(self, t: Real) -> Real:
        return sin(self._turn * t)

    def time(self, log_snr: Real) -> Real:
        return atan(exp(-0.5 * log_snr)) / self._turn


@dataclass(frozen=True)
class VE:
    """Variance exploding, geometric: σ² = σ_min² ((σ_max/σ_min)^{2t} - 1), the SDE's exact kernel."""

    sigma_min: float = 0.01
    sigma_max: float = 50.0

    def __post_init__(self) -> None:
        _ordered(self, "sigma_min", "sigma_max")

    @property
    def _rate(self) -> float:
        return 2.0 * math.log(self.sigma_max / self.sigma_min)

    def alpha(self, t: Real) -> Real:
        return 0.0 * t + 1.0

    def sigma(self, t: Real) -> Real:
        return self.sigma_min * sqrt(expm1(self._rate * t))

    def time(self, log_snr: Real) -> Real:
        return log1p(exp(-log_snr) / self.sigma_min**2) / self._rate


@dataclass(frozen=True)
class EDM:
    """σ proportional to time and α = 1, for which the probability-flow ODE is straightest in σ."""

    sigma_max: float = 80.0

    def __post_init__(self) -> None:
        _positive(self, sigma_max=self.sigma_max)

    def alpha(self, t: Real) -> Real:
        return 0.0 * t + 1.0

    def sigma(self, t: Real) -> Real:
        return self.sigma_max * t

    def time(self, log_snr: Real) -> Real:
        return exp(-0.5 * log_snr) / self.sigma_max


@dataclass(frozen=True)
class RectifiedFlow:
    """The straight path from data to noise; α(1) = 0, pure noise, exactly."""

    def alpha(self, t: Real) -> Real:
        return 1.0 - t

    def sigma(self, t: Real) -> Real:
        return 1.0 * t

    def time(self, log_snr: Real) -> Real:
        return sigmoid(-0.5 * log_snr)


@dataclass(frozen=True)
class SubVP(_LinearBeta):
    """Variance below that of VP at every time: σ = 1 - exp(-B)."""

    def alpha(self, t: Real) -> Real:
        return exp(-0.5 * self._integral(t))

    def sigma(self, t: Real) -> Real:
        return -expm1(-self._integral(t))

    def time(self, log_snr: Real) -> Real:
        # σ/α = 2 sinh(B/2)
        return self._inverse(2.0 * asinh(0.5 * exp(-0.5 * log_snr)))
