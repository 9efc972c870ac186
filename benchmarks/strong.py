"""Deterministic samplers against the solution of the probability flow: orders, errors, tolerances."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from benchmarks.report import name_of
from suffuse.conditions import Conditions
from suffuse.posterior import Posterior, Time
from suffuse.process import (
    EDM,
    VE,
    Cosine,
    Gaussian,
    RectifiedFlow,
    Schedule,
    SubVP,
    VPLinear,
    noise_ratio,
    time_of_ratio,
)
from suffuse.rng import Rng
from suffuse.sampling import (
    DDIM,
    DEIS,
    IPNDM,
    RK4,
    AdamsBashforth,
    DormandPrince,
    DPMpp,
    Euler,
    Heun,
    Past,
    Sampler,
    Step,
    UniPC,
)
from suffuse.sampling.integrate import runge_kutta4
from tests.oracles import Exact, three_modes

SCHEDULES: tuple[Schedule, ...] = (VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP())
SAMPLERS: tuple[tuple[Sampler, int, int], ...] = (
    (DDIM(), 1, 1),
    (Euler(), 1, 1),
    (Heun(), 2, 2),
    (Heun(coordinates="sigma"), 2, 2),
    (RK4(), 4, 4),
    (RK4(coordinates="sigma"), 4, 4),
    *((DPMpp(order), 1, order) for order in (2, 3)),
    (DPMpp(3, curvature=0.5), 1, 2),
    *((UniPC(order, "bh1"), 1, order + 1) for order in (1, 2, 3)),
    *((UniPC(order), 1, order + 1) for order in (1, 2)),
    (UniPC(3, corrector=False), 1, 3),
    *((DEIS(order), 1, order) for order in (2, 3, 4)),
    *((DEIS(3, variable), 1, 3) for variable in ("log-rho", "rho")),
    *((IPNDM(order), 1, min(order, 2)) for order in (2, 3, 4)),
    *((AdamsBashforth(order), 1, order) for order in (2, 3, 4)),
)
"""Those without fresh noise, with evaluations a step and nominal order. Multistep rules of order 1 are DDIM. IPNDM has
order 2 where steps are not equal in σ/α."""
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
HIGH, LOW = 4.0, 0.05
"""Noise levels between which everything is measured: where the posterior changes."""
SHOWN = (8, 16, 32, 64)
ROUNDING = 1e-11
"""An error no larger than this is the arithmetic's own and is left out of a slope."""

Grid = Callable[[Schedule, int], list[float]]


def even_levels(schedule: Schedule, steps: int) -> list[float]:
    """Times evenly spaced in log σ/α."""
    span = math.log(LOW / HIGH)
    return [time_of_ratio(schedule, HIGH * math.exp(i / steps * span)) for i in range(steps + 1)]


def even_times(schedule: Schedule, steps: int) -> list[float]:
    """Times evenly spaced in t."""
    first, last = time_of_ratio(schedule, HIGH), time_of_ratio(schedule, LOW)
    return [first + i / steps * (last - first) for i in range(steps + 1)]


FITTED: tuple[tuple[str, Grid, tuple[int, ...]], ...] = (
    ("even in log σ/α", even_levels, (256, 512)),
    ("even in t", even_times, (256, 512, 1024)),
)
"""Grids and counts of steps, as fine as the worst-suited schedule needs. The order is that between the two finest whose
errors stand clear of rounding."""


def slope(counts: Sequence[int], errors: Sequence[float]) -> float | None:
    """The order: minus the slope of log error over log count, by least squares; ``None`` from fewer than two."""
    if len(counts) < 2:
        return None
    x, y = (torch.tensor(v, dtype=torch.float64).log() for v in (counts, errors))
    return float(-((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


@dataclass(frozen=True)
class Flow:
    """The solution itself, as x/α, in which the flow is the same under every schedule.

    Arguments:
        count: trajectories.
        steps: of the classical Runge-Kutta rule in log σ/α.
    """

    count: int
    steps: int

    def states(self, levels: Sequence[float], steps: int = 16) -> list[Tensor]:
        """The states at falling noise levels σ/α, the first being HIGH; so many steps from each to the next."""
        clean = three_modes().sample(self.count)
        found = [clean + HIGH * Rng.of(0, self.count).normal(clean)]
        for high, low in pairwise(levels):
            between = [math.log(high) + i / steps * math.log(low / high) for i in range(steps + 1)]
            found.append(runge_kutta4(_slope, found[-1], between))
        return found

    @cache  # noqa: B019 - one object a run
    def end(self) -> Tensor:
        """The states at LOW."""
        return self.states([HIGH, LOW], self.steps)[1]

    def error(self, sampler: Sampler, schedule: Schedule, times: Sequence[float]) -> float:
        """The root mean square distance of a sampler's ends to the solution's.

        A rule that looks back is handed a true past: its own first steps are of lower order, and would be what is
        measured.
        """
        return distance(self.solve(sampler, schedule, times), self.end())

    def solve(self, sampler: Sampler, schedule: Schedule, times: Sequence[float]) -> Tensor:
        """Where a sampler ends, as x/α."""
        process, denoiser = Gaussian(schedule), Exact(three_modes(), schedule)
        depth = getattr(sampler, "depth", 0)
        levels = [HIGH, *(noise_ratio(schedule, t) for t in times[1 : depth + 1])]
        states = [schedule.alpha(t) * x for t, x in zip(times, self.states(levels), strict=False)]
        past = [Past(t, x, denoiser(x, t, {})) for t, x in zip(times, states[:-1], strict=False)]
        now = Step(states[-1], times[depth], depth, len(times) - 1, history=tuple(reversed(past)))
        with torch.inference_mode():
            for s in times[depth + 1 :]:
                now = sampler.step(denoiser, process, now, s, Rng.of(0, self.count).at("step", now.index), {})  # type: ignore[arg-type]
        assert isinstance(now.x, Tensor)
        return now.x / schedule.alpha(times[-1])


def distance(x: Tensor, y: Tensor) -> float:
    """Root mean square."""
    return float((x - y).square().mean().sqrt())


def _slope(log_level: float, x: Tensor) -> Tensor:
    """d(x/α)/d log(σ/α)."""
    one, sigma = (torch.full((1, 1), v, dtype=torch.float64) for v in (1.0, math.exp(log_level)))
    return x - three_modes().posterior_mean(x, one, sigma)


def order_rows(flow: Flow, fitted: Sequence[tuple[str, Grid, tuple[int, ...]]]) -> list[dict[str, Any]]:
    """One row a sampler and grid: the order under each schedule."""

    def order(sampler: Sampler, schedule: Schedule, grid: Grid, counts: Sequence[int]) -> float | None:
        errors = [(n, flow.error(sampler, schedule, grid(schedule, n))) for n in counts]
        clear = [(n, error) for n, error in errors if error > ROUNDING][-2:]
        return slope([n for n, _ in clear], [error for _, error in clear])

    return [
        {
            "sampler": name_of(sampler),
            "grid": name,
            "evaluations a step": evaluations,
            "nominal order": nominal,
            **{type(s).__name__: order(sampler, s, grid, counts) for s in SCHEDULES},
        }
        for name, grid, counts in fitted
        for sampler, evaluations, nominal in SAMPLERS
    ]


def error_rows(flow: Flow) -> list[dict[str, Any]]:
    """One row a sampler: its error at each count of steps, evenly spaced in log σ/α."""
    rows = []
    for sampler, _, _ in SAMPLERS:
        errors = {n: [flow.error(sampler, s, even_levels(s, n)) for s in SCHEDULES] for n in SHOWN}
        rows.append({
            "sampler": name_of(sampler),
            **{f"{n} steps": max(found) for n, found in errors.items()},
            "spread": max(max(found) / min(found) - 1.0 for found in errors.values()),
        })  # fmt: skip
    return rows


@dataclass
class Counted:
    """The exact denoiser; counts its calls."""

    denoiser: Exact
    calls: int = 0

    def __call__(self, x: Any, t: Time, conditions: Conditions) -> Posterior:
        self.calls += 1
        return self.denoiser(x, t, conditions)


def tolerance_rows(flow: Flow) -> list[dict[str, Any]]:
    """One row a tolerance of the adaptive solver: evaluations for one step of the grid, and the error."""
    rows = []
    for tolerance in TOLERANCES:
        sampler = DormandPrince(tolerance, tolerance)
        errors, calls = [], []
        for schedule in SCHEDULES:
            first, last = even_levels(schedule, 1)
            counted = Counted(Exact(three_modes(), schedule))
            x = schedule.alpha(first) * flow.states([HIGH])[0]
            rng = Rng.of(0, flow.count)
            with torch.inference_mode():
                after = sampler.step(counted, Gaussian(schedule), Step(x, first, total=1), last, rng, {})
            assert isinstance(after.x, Tensor)
            errors.append(distance(after.x / schedule.alpha(last), flow.end()))
            calls.append(counted.calls)
        rows.append({
            "sampler": f"DormandPrince(rtol={tolerance:g}, atol={tolerance:g})",
            "evaluations": max(calls),
            "error": max(errors),
            "error over tolerance": max(errors) / tolerance,
            "spread": max(errors) / min(errors) - 1.0,
        })  # fmt: skip
    return rows
