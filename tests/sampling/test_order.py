"""Convergence order of every solver under every schedule, against an oracle with an exact posterior.

A multistep rule makes its first steps with fewer values than it looks back on, the very first by Euler's rule, whose
one error, of order 2, would cover its own. So the past is handed over to it: the states of a fine solution at the first
times of the grid, with the beliefs there.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from suffuse.process import EDM, VE, Cosine, Gaussian, RectifiedFlow, Schedule, SubVP, VPLinear, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling import (
    DDIM,
    DEIS,
    IPNDM,
    AdamsBashforth,
    DPMpp,
    Euler,
    Heun,
    OneEvaluation,
    Past,
    Sampler,
    Step,
    UniPC,
    sample,
)
from tests.oracles import Exact, three_modes

SCHEDULES = [VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP()]
SOLVERS: list[tuple[Sampler, int]] = [
    (DDIM(), 1),
    (Euler(), 1),
    (Heun(), 2),
    (Heun(coordinates="sigma"), 2),
    (DPMpp(), 2),
]
MULTISTEP: list[tuple[OneEvaluation[Gaussian], int]] = [
    (DPMpp(1), 1),
    (DPMpp(2), 2),
    (DPMpp(3), 3),
    (DPMpp(3, curvature=0.5), 2),
    *((UniPC(order, "bh1"), order + 1) for order in (1, 2, 3)),
    *((UniPC(order, "bh2"), order + 1) for order in (1, 2)),
    *((UniPC(order, "bh1", corrector=False), order) for order in (2, 3)),
    *((DEIS(order, "t"), order) for order in (2, 3, 4)),
    (DEIS(3, "log-rho"), 3),
    (DEIS(3, "rho"), 3),
    *((IPNDM(order), min(order, 2)) for order in (1, 2, 3, 4)),
    *((AdamsBashforth(order), order) for order in (1, 2, 3, 4)),
]
HIGH, LOW = 4.0, 0.05
"""Noise levels between which the error is measured: where the posterior changes."""


def times(schedule: object, steps: int) -> list[float]:
    """Evenly spaced in log σ/α, which suits every solver's own coordinate."""
    ratios = [math.exp(math.log(HIGH) + i / steps * math.log(LOW / HIGH)) for i in range(steps + 1)]
    return [time_of_ratio(schedule, r) for r in ratios]  # type: ignore[arg-type]


def solve(sampler: Sampler, schedule: object, steps: int) -> torch.Tensor:
    """The end of 64 trajectories, as x/α so that schedules can be compared."""
    process = Gaussian(schedule)  # type: ignore[arg-type]
    grid = times(schedule, steps)
    alpha, sigma = process.schedule.alpha(grid[0]), process.schedule.sigma(grid[0])
    rng = Rng.of(0, 64)
    clean = three_modes().sample(64)
    x = alpha * clean + sigma * rng.normal(clean)
    end = sample(sampler, Exact(three_modes(), process.schedule), process, grid, rng=rng, x=x)
    assert isinstance(end, torch.Tensor)
    return end / process.schedule.alpha(grid[-1])


@pytest.fixture(scope="module")
def reference() -> torch.Tensor:
    return solve(Heun(), RectifiedFlow(), 4000)


def measured_order(sampler: Sampler, schedule: object, reference: torch.Tensor) -> float:
    """The slope of log error over log steps, by least squares over the finest grids."""
    counts = [64, 128, 256]
    errors = [(solve(sampler, schedule, n) - reference).square().mean().sqrt().item() for n in counts]
    x = torch.tensor([math.log(n) for n in counts])
    y = torch.tensor([math.log(e) for e in errors])
    return float(-((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize(("sampler", "order"), SOLVERS, ids=lambda s: repr(s).split("(churn")[0])
def test_order(sampler: Sampler, order: int, schedule: object, reference: torch.Tensor) -> None:
    assert measured_order(sampler, schedule, reference) == pytest.approx(order, abs=0.15)


# linear multistep rules -----------------------------------------------------------------------------------------------


def slope(x: Tensor, log_ratio: float) -> Tensor:
    """d(x/α)/d log(σ/α) of the flow, which is σ/α times the noise."""
    one, sigma = (torch.full((1, 1), v, dtype=torch.float64) for v in (1.0, math.exp(log_ratio)))
    return x - three_modes().posterior_mean(x, one, sigma)


@cache
def trajectory(ratios: tuple[float, ...], substeps: int) -> list[Tensor]:
    """x/α of 64 trajectories at falling noise levels, by Kutta's rule of order 4."""
    clean = three_modes().sample(64)
    states = [clean + ratios[0] * Rng.of(0, 64).normal(clean)]
    for high, low in pairwise(math.log(r) for r in ratios):
        x, h = states[-1], (low - high) / substeps
        for at in (high + i * h for i in range(substeps)):
            a = slope(x, at)
            b = slope(x + 0.5 * h * a, at + 0.5 * h)
            c = slope(x + 0.5 * h * b, at + 0.5 * h)
            x = x + h / 6.0 * (a + 2.0 * b + 2.0 * c + slope(x + h * c, at + h))
        states.append(x)
    return states


def levels_error(sampler: OneEvaluation[Gaussian], schedule: Schedule, ratios: tuple[float, ...]) -> float:
    """The error at the last level, when the past at the first ones is exact."""
    process, denoiser = Gaussian(schedule), Exact(three_modes(), schedule)
    times = [time_of_ratio(schedule, r) for r in ratios]
    known = trajectory(ratios[: sampler.depth + 1], 16)
    states = [schedule.alpha(t) * x for t, x in zip(times, known, strict=False)]
    past = [Past(t, x, denoiser(x, t, {})) for t, x in zip(times, states, strict=False)]
    now = Step(states[-1], times[sampler.depth], history=tuple(reversed(past[:-1])))
    with torch.inference_mode():
        for s in times[sampler.depth + 1 :]:
            now = sampler.step(denoiser, process, now, s, Rng.of(0, 64), {})  # type: ignore[arg-type]
    assert isinstance(now.x, Tensor)
    (end,) = trajectory((ratios[0], ratios[-1]), 1000)[1:]
    return float((now.x / schedule.alpha(times[-1]) - end).square().mean().sqrt())


def even_in_log_ratio(steps: int) -> tuple[float, ...]:
    return tuple(HIGH * (LOW / HIGH) ** (i / steps) for i in range(steps + 1))


def even_in_ratio(steps: int) -> tuple[float, ...]:
    return tuple(HIGH + i / steps * (1.2 - HIGH) for i in range(steps + 1))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize(("sampler", "order"), MULTISTEP, ids=repr)
def test_order_of_multistep_rules(sampler: OneEvaluation[Gaussian], order: int, schedule: Schedule) -> None:
    coarse, fine = (levels_error(sampler, schedule, even_in_log_ratio(n)) for n in (96, 192))
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.15 if order < 3 else 0.25)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("order", [3, 4])
def test_fixed_coefficients_have_their_order_where_steps_are_equal(order: int, schedule: Schedule) -> None:
    coarse, fine = (levels_error(IPNDM(order), schedule, even_in_ratio(n)) for n in (96, 192))
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("sampler", [DPMpp(3), DEIS(4), AdamsBashforth(4)], ids=repr)
def test_its_own_start_is_of_order_two(sampler: Sampler) -> None:
    """Between two levels; out of pure noise the belief is constant at first, and the start costs nothing."""
    (end,) = trajectory((HIGH, LOW), 1000)[1:]
    coarse, fine = (float((solve(sampler, RectifiedFlow(), n) - end).square().mean().sqrt()) for n in (192, 384))
    assert math.log2(coarse / fine) == pytest.approx(2.0, abs=0.15)
