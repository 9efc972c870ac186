"""Grids: the times that a sampler visits, from 1 down to 0, float64, chosen apart from the solver.

A grid of ``steps`` steps has ``steps + 1`` times; the first is exactly 1 and the last exactly 0. The network is never
asked at the last one, so a solver with one evaluation a step makes ``steps`` evaluations. Grids that are spaced in
noise level σ/α or in log-SNR reach between ``sigma_max`` and ``sigma_min`` (narrowed to what the schedule has); the
first time is 1 all the same: in noise that pure, the belief no longer depends on the level.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from suffuse.errors import RecipeError
from suffuse.process.schedule import Schedule, noise_ratio, time_of_ratio


class Grid(Protocol):
    """Times for a schedule: falling from exactly 1 to exactly 0."""

    @property
    def steps(self) -> int:
        """The number of steps."""
        ...

    def __call__(self, schedule: Schedule) -> list[float]: ...


def _require_steps(steps: int) -> None:
    if steps < 1:
        raise RecipeError("must be at least 1", field="steps", expected=">= 1", got=steps)


@dataclass(frozen=True)
class UniformTime:
    """Times evenly spaced in t."""

    steps: int = 50

    def __post_init__(self) -> None:
        _require_steps(self.steps)

    def __call__(self, schedule: Schedule) -> list[float]:
        return [1.0 - i / self.steps for i in range(self.steps)] + [0.0]


@dataclass(frozen=True)
class _Levels(ABC):
    """Noise levels σ/α between two ends, then 0."""

    steps: int = 20
    sigma_min: float = 0.002
    sigma_max: float = 80.0

    def __post_init__(self) -> None:
        _require_steps(self.steps)
        if not 0.0 < self.sigma_min < self.sigma_max:
            raise RecipeError(
                "must lie above sigma_min > 0", field="sigma_max", expected=f"> {self.sigma_min}", got=self.sigma_max
            )

    def __call__(self, schedule: Schedule) -> list[float]:
        high = min(self.sigma_max, noise_ratio(schedule, 1.0))
        low = min(self.sigma_min, 0.1 * high)
        levels = [self._level(i / max(self.steps - 1, 1), low, high) for i in range(1, self.steps)]
        return [1.0, *(time_of_ratio(schedule, level) for level in levels), 0.0]

    @abstractmethod
    def _level(self, fraction: float, low: float, high: float) -> float:
        """The level at a fraction of the way from ``high`` down to ``low``."""


@dataclass(frozen=True)
class Karras(_Levels):
    """Noise levels evenly spaced in σ^{1/ρ}, then 0 (Karras et al. 2022, eq. 5)."""

    steps: int = 18
    rho: float = 7.0

    def _level(self, fraction: float, low: float, high: float) -> float:
        top, bottom = high ** (1.0 / self.rho), low ** (1.0 / self.rho)
        return float((top + fraction * (bottom - top)) ** self.rho)


@dataclass(frozen=True)
class LogSnr(_Levels):
    """Noise levels evenly spaced in log σ/α, then 0 (Lu et al. 2022, DPM-Solver)."""

    def _level(self, fraction: float, low: float, high: float) -> float:
        return float(high ** (1.0 - fraction) * low**fraction)


@dataclass(frozen=True)
class ShiftedFlow:
    r"""Evenly spaced flow times u, shifted towards noise: :math:`u' = s u/(1 + (s-1) u)` (Esser et al. 2024, eq. 23).

    ``u = σ/(α + σ)`` is the time of the straight path; the same noise levels are taken under any schedule.
    """

    steps: int = 28
    shift: float = 3.0

    def __post_init__(self) -> None:
        _require_steps(self.steps)
        if not self.shift > 0.0:
            raise RecipeError("must be positive", field="shift", expected="> 0", got=self.shift)

    def __call__(self, schedule: Schedule) -> list[float]:
        highest = noise_ratio(schedule, 1.0)
        top = highest / (1.0 + highest) if math.isfinite(highest) else 1.0
        flow = [top * (1.0 - i / self.steps) for i in range(1, self.steps)]
        shifted = [self.shift * u / (1.0 + (self.shift - 1.0) * u) for u in flow]
        return [1.0, *(min(1.0, time_of_ratio(schedule, u / (1.0 - u))) for u in shifted), 0.0]


def part_of(times: list[float], start: float) -> list[float]:
    """The times of a grid below ``start``, after ``start`` itself: where editing enters the loop half-way."""
    return [start, *(t for t in times if t < start)]
