"""Convergence order of every solver under every schedule, against an oracle with an exact posterior."""

from __future__ import annotations

import math

import pytest
import torch

from suffuse.process import EDM, VE, Cosine, Gaussian, RectifiedFlow, SubVP, VPLinear, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling import DDIM, DPMpp2M, Euler, Heun, Sampler, sample
from tests.oracles import Exact, three_modes

SCHEDULES = [VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP()]
SOLVERS: list[tuple[Sampler, int]] = [
    (DDIM(), 1),
    (Euler(), 1),
    (Heun(), 2),
    (Heun(coordinates="sigma"), 2),
    (DPMpp2M(), 2),
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
