"""Grids: the times that a sampler visits, from 1 down to 0, float64, chosen apart from the solver.

A grid of ``steps`` steps has ``steps + 1`` times; the first is exactly 1 and the last exactly 0. The network is never
asked at the last one, so a solver with one evaluation a step makes ``steps`` evaluations. Grids that are spaced in
noise level σ/α or in log-SNR reach between ``sigma_max`` and ``sigma_min`` (narrowed to what the schedule has); the
first time is 1 all the same: in noise that pure, the belief no longer depends on the level.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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


def _require_range(sigma_min: float, sigma_max: float) -> None:
    if not 0.0 < sigma_min < sigma_max:
        raise RecipeError("must lie above sigma_min > 0", field="sigma_max", expected=f"> {sigma_min}", got=sigma_max)


def _fractions(count: int) -> list[float]:
    """``count`` numbers from 0 towards 1: the last is 1 where there are at least two."""
    return [i / max(count - 1, 1) for i in range(count)]


def _ending(schedule: Schedule, ratios: list[float]) -> list[float]:
    """Times of the given noise levels, begun at exactly 1 and ended at exactly 0."""
    return [1.0, *(time_of_ratio(schedule, r) for r in ratios[1:]), 0.0]


def _within(schedule: Schedule, sigma_min: float, sigma_max: float) -> tuple[float, float]:
    highest = min(sigma_max, noise_ratio(schedule, 1.0))
    return min(sigma_min, 0.1 * highest), highest


@dataclass(frozen=True)
class UniformTime:
    """Times evenly spaced in t."""

    steps: int = 50

    def __post_init__(self) -> None:
        _require_steps(self.steps)

    def __call__(self, schedule: Schedule) -> list[float]:
        return [1.0 - i / self.steps for i in range(self.steps)] + [0.0]


@dataclass(frozen=True)
class Karras:
    """Noise levels evenly spaced in σ^{1/ρ}, then 0 (Karras et al. 2022, eq. 5)."""

    steps: int = 18
    rho: float = 7.0
    sigma_min: float = 0.002
    sigma_max: float = 80.0

    def __post_init__(self) -> None:
        _require_steps(self.steps)
        _require_range(self.sigma_min, self.sigma_max)

    def __call__(self, schedule: Schedule) -> list[float]:
        low, high = (s ** (1.0 / self.rho) for s in _within(schedule, self.sigma_min, self.sigma_max))
        return _ending(schedule, [(high + f * (low - high)) ** self.rho for f in _fractions(self.steps)])


@dataclass(frozen=True)
class LogSnr:
    """Noise levels evenly spaced in log σ/α, then 0 (Lu et al. 2022, DPM-Solver)."""

    steps: int = 20
    sigma_min: float = 0.002
    sigma_max: float = 80.0

    def __post_init__(self) -> None:
        _require_steps(self.steps)
        _require_range(self.sigma_min, self.sigma_max)

    def __call__(self, schedule: Schedule) -> list[float]:
        low, high = (math.log(s) for s in _within(schedule, self.sigma_min, self.sigma_max))
        return _ending(schedule, [math.exp(high + f * (low - high)) for f in _fractions(self.steps)])


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


GridFactory = Callable[..., Grid]
