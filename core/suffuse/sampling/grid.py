"""Grids: the times that a sampler visits, from noise down to 0, float64, chosen apart from the solver.

A grid of ``steps`` steps has ``steps + 1`` times; the last is exactly 0. The network is never asked there, so a solver
with one evaluation a step makes ``steps`` evaluations. Grids that are even in time begin at exactly 1. Grids that are
spaced in noise level σ/α reach between ``sigma_max`` and ``sigma_min`` (narrowed to what the schedule has): data of
unit variance leave no trace in noise 80 times as large, and an evaluation spent above it would be wasted.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from suffuse.errors import RecipeError
from suffuse.process.schedule import Schedule, noise_ratio, time_of_ratio


class Grid(Protocol):
    """Times for a schedule: falling, to exactly 0."""

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
class PowerTime:
    r"""Times :math:`t = u^p` with u evenly spaced: the steps get shorter towards the data.

    Where entries settle last by each other, as the atoms and bonds of a graph do, that is where steps are needed. p = 2
    is the *polynomially decreasing* grid of Qin et al. 2024 (DeFoG).

    Arguments:
        steps: of the grid.
        power: p; 1 is the uniform grid.
    """

    steps: int = 50
    power: float = 2.0

    def __post_init__(self) -> None:
        _require_steps(self.steps)
        if not self.power > 0.0:
            raise RecipeError("must be positive", field="power", expected="> 0", got=self.power)

    def __call__(self, schedule: Schedule) -> list[float]:
        return [(1.0 - i / self.steps) ** self.power for i in range(self.steps)] + [0.0]


@dataclass(frozen=True)
class _Levels(ABC):
    """Noise levels σ/α from one end to the other, then 0."""

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
        top = noise_ratio(schedule, 1.0)
        high = min(self.sigma_max, top)
        low = min(self.sigma_min, 0.1 * high)
        first = time_of_ratio(schedule, high) if high < top else 1.0
        levels = [self._level(i / max(self.steps - 1, 1), low, high) for i in range(1, self.steps)]
        return [first, *(time_of_ratio(schedule, level) for level in levels), 0.0]

    @abstractmethod
    def _level(self, fraction: float, low: float, high: float) -> float:
        """The level at a fraction of the way from ``high`` down to ``low``."""


@dataclass(frozen=True)
class Karras(_Levels):
    """Noise levels evenly spaced in σ^{1/ρ}, then 0 (Karras et al. 2022, eq. 5)."""

    steps: int = 18
    rho: float = 7.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.rho > 0.0:
            raise RecipeError("must be positive", field="rho", expected="> 0", got=self.rho)

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

    ``u = σ/(α + σ)`` is the time of the straight path, here as a share of its highest value.

    Arguments:
        steps: of the grid.
        shift: s; 1 is none.
        sigma_max: the noise level σ/α to begin at, narrowed to what the schedule has.
    """

    steps: int = 28
    shift: float = 3.0
    sigma_max: float = math.inf

    def __post_init__(self) -> None:
        _require_steps(self.steps)
        if not self.shift > 0.0:
            raise RecipeError("must be positive", field="shift", expected="> 0", got=self.shift)
        if not self.sigma_max > 0.0:
            raise RecipeError("must be positive", field="sigma_max", expected="> 0", got=self.sigma_max)

    def __call__(self, schedule: Schedule) -> list[float]:
        top = noise_ratio(schedule, 1.0)
        high = min(self.sigma_max, top)
        first = time_of_ratio(schedule, high) if high < top else 1.0
        highest = high / (1.0 + high) if math.isfinite(high) else 1.0
        even = [1.0 - i / self.steps for i in range(1, self.steps)]
        flow = [highest * self.shift * u / (1.0 + (self.shift - 1.0) * u) for u in even]
        return [first, *(time_of_ratio(schedule, u / (1.0 - u)) for u in flow), 0.0]


def part_of(times: list[float], start: float) -> list[float]:
    """The times of a grid below ``start``, after ``start`` itself: where editing enters the loop half-way."""
    return [start, *(t for t in times if t < start)]
