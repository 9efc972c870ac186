"""RK4 and the adaptive solver on the probability flow: order, tolerance, ends, and what neither can do."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import EDM, VE, Cosine, Gaussian, RectifiedFlow, Schedule, SubVP, VPLinear, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling import RK4, DormandPrince, Heun, LogSnr, Sampler, UniformTime, sample
from suffuse.sampling.coordinates import Coordinates, Flow
from tests.oracles import Exact, GaussianMixture, three_modes

SCHEDULES: list[Schedule] = [VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP()]
schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
HIGH, LOW = 4.0, 0.05
"""Noise levels between which the error is measured: where the posterior changes."""


@dataclass
class Counted:
    """A denoiser that notes the times at which it is asked."""

    denoiser: Denoiser
    asked: list[Time] = field(default_factory=list)

    def __call__(self, x: Any, t: Time, conditions: Any) -> Posterior:
        self.asked.append(t)
        return self.denoiser(x, t, conditions)


def levels(schedule: Schedule, steps: int) -> list[float]:
    """Times evenly spaced in log σ/α."""
    return [time_of_ratio(schedule, HIGH * (LOW / HIGH) ** (i / steps)) for i in range(steps + 1)]


def solve(sampler: Sampler, schedule: Schedule, times: list[float], count: int = 32) -> Tensor:
    """The end of some trajectories, as x/α so that schedules can be compared."""
    rng, clean = Rng.of(0, count), three_modes().sample(count)
    x = schedule.alpha(times[0]) * clean + schedule.sigma(times[0]) * rng.normal(clean)
    end = sample(sampler, Exact(three_modes(), schedule), Gaussian(schedule), times, rng=rng, x=x)  # type: ignore[arg-type]
    assert isinstance(end, Tensor)
    return end / schedule.alpha(times[-1])


def off(x: Tensor, reference: Tensor) -> float:
    return float((x - reference).square().mean().sqrt())


@pytest.fixture(scope="module")
def reference() -> Tensor:
    """Heun's solution, extrapolated (Richardson 1911)."""
    coarse, fine = (solve(Heun(), RectifiedFlow(), levels(RectifiedFlow(), n)) for n in (1000, 2000))
    return (4.0 * fine - coarse) / 3.0


@schedules
@pytest.mark.parametrize("coordinates", ["flow", "sigma"])
def test_rk4_has_order_four(coordinates: Coordinates, schedule: Schedule, reference: Tensor) -> None:
    errors = [off(solve(RK4(coordinates), schedule, levels(schedule, n)), reference) for n in (32, 64)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(4.0, abs=0.2)


def flow_of_one_gaussian(x1: Tensor, schedule: Schedule) -> tuple[GaussianMixture, Tensor]:
    """A single Gaussian and where its flow, which is linear, takes x₁: known in closed form."""
    mixture = GaussianMixture(torch.tensor([[0.5, -1.0]], dtype=torch.float64), 0.7)
    alpha, sigma = schedule.alpha(1.0), schedule.sigma(1.0)
    return mixture, mixture.means + 0.7 * (x1 - alpha * mixture.means) / math.hypot(0.7 * alpha, sigma)


@schedules
def test_rk4_keeps_its_order_to_the_data(schedule: Schedule) -> None:
    """The one step to σ = 0 is of order 3: over all of t, in steps even in flow time, the error is of order 4."""
    x1 = schedule.sigma(1.0) * Rng.of(0, 16).normal(torch.zeros(16, 2, dtype=torch.float64))
    mixture, exact = flow_of_one_gaussian(x1, schedule)
    flow, errors = Flow(schedule), []
    for steps in (24, 48):
        _, first = flow.at(1.0)
        times = [flow.time(first * (1.0 - i / steps)) for i in range(steps)] + [0.0]
        end = sample(RK4(), Exact(mixture, schedule), Gaussian(schedule), times, rng=Rng.of(0, 16), x=x1)  # type: ignore[arg-type]
        assert isinstance(end, Tensor)
        errors.append(off(end, exact))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(4.0, abs=0.35)


@schedules
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_dormand_prince_keeps_its_tolerance(tolerance: float, schedule: Schedule, reference: Tensor) -> None:
    """On every schedule, whatever the grid: as one step or as several."""
    for steps in (1, 4):
        end = solve(DormandPrince(tolerance, tolerance), schedule, levels(schedule, steps))
        assert off(end, reference) < 3.0 * tolerance


def test_the_error_follows_the_tolerance(reference: Tensor) -> None:
    tolerances = [10.0**-k for k in range(3, 9)]
    times = levels(RectifiedFlow(), 1)
    errors = [off(solve(DormandPrince(tol, tol), RectifiedFlow(), times), reference) for tol in tolerances]
    x, y = (torch.tensor(v).log10() for v in (tolerances, errors))
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())
    assert slope == pytest.approx(1.0, abs=0.25)


@schedules
def test_dormand_prince_is_finite_and_right_at_both_ends(schedule: Schedule) -> None:
    """From pure noise to the data; the last stretch, of first order, costs 4e-6."""
    x1 = schedule.sigma(1.0) * Rng.of(0, 16).normal(torch.zeros(16, 2, dtype=torch.float64))
    mixture, exact = flow_of_one_gaussian(x1, schedule)
    denoiser = Counted(Exact(mixture, schedule))  # type: ignore[arg-type]
    sampler = DormandPrince(1e-8, 1e-8)
    for dtype, most in ((torch.float64, 5e-6), (torch.float32, 1e-4)):
        loose = sampler if dtype == torch.float64 else DormandPrince(1e-5, 1e-5)
        x = x1.to(dtype)
        end = sample(loose, denoiser, Gaussian(schedule), UniformTime(1), rng=Rng.of(0, 16), x=x)
        assert isinstance(end, Tensor)
        assert off(end.double(), exact) < most
    smallest = min(float(torch.as_tensor(t).min()) for t in denoiser.asked)
    assert smallest == pytest.approx(time_of_ratio(schedule, sampler.sigma_min))


def test_evaluations_are_as_many_as_said() -> None:
    """RK4: four a step, three in the last. None is at σ = 0."""
    denoiser = Counted(Exact(three_modes(), RectifiedFlow()))  # type: ignore[arg-type]
    like = torch.zeros(2, 2, dtype=torch.float64)
    sample(RK4(), denoiser, Gaussian(), UniformTime(10), rng=Rng.of(0, 2), like=like)
    assert len(denoiser.asked) == 4 * 9 + 3
    assert min(float(t) for t in denoiser.asked) == pytest.approx(0.1 / 3.0)  # type: ignore[arg-type]


@schedules
@pytest.mark.parametrize("sampler", [RK4(), DormandPrince()], ids=["rk4", "dormand-prince"])
def test_few_steps_in_float32_are_finite(sampler: Sampler, schedule: Schedule) -> None:
    for grid in (UniformTime(1), UniformTime(3), LogSnr(1), LogSnr(5)):
        like = torch.zeros(8, 2)
        denoiser = Exact(three_modes(), schedule)
        x = sample(sampler, denoiser, Gaussian(schedule), grid, rng=Rng.of(0, 8), like=like)  # type: ignore[arg-type]
        assert isinstance(x, Tensor)
        assert x.isfinite().all()
        assert x.abs().max() < 10.0


@schedules
@pytest.mark.parametrize("coordinates", ["flow", "sigma"])
def test_time_is_the_inverse_of_the_coordinate(coordinates: Coordinates, schedule: Schedule) -> None:
    flow = Flow(schedule, coordinates)
    times = [1e-4, 0.1, 0.5, 0.9, 0.999]
    u = [flow.at(t)[1] for t in times]
    assert [flow.time(v) for v in u] == pytest.approx(times, rel=1e-9)
    assert flow.time(torch.tensor(u, dtype=torch.float64)).tolist() == pytest.approx(times, rel=1e-9)
    if coordinates == "flow":
        last = flow.at(1.0)[1]
        assert flow.time(last) == 1.0
        assert flow.time(torch.tensor([last, 1.0], dtype=torch.float64)).tolist() == [1.0, 1.0]


def test_two_means_make_no_flow() -> None:
    def plus_plus(x: Any, t: Time, conditions: Any) -> Posterior:
        return Posterior(0.5 * x, anchor=0.1 * x)

    like = torch.zeros(2, 2, dtype=torch.float64)
    for sampler in (Heun(), RK4(), DormandPrince()):
        with pytest.raises(UnsupportedError, match=r"CFG\+\+"):
            sample(sampler, plus_plus, Gaussian(), UniformTime(4), rng=Rng.of(0, 2), like=like)


NONSENSE = {
    "coordinates": lambda: RK4("x"),  # type: ignore[arg-type]
    "rtol": lambda: DormandPrince(rtol=0.0),
    "atol": lambda: DormandPrince(atol=-1.0),
    "sigma_min": lambda: DormandPrince(sigma_min=0.0),
    "max_evaluations": lambda: DormandPrince(max_evaluations=0),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_told(name: str) -> None:
    with pytest.raises(RecipeError) as error:
        NONSENSE[name]()
    assert error.value.field == name


def test_pure_noise_has_no_sigma_coordinates() -> None:
    like = torch.zeros(2, 2, dtype=torch.float64)
    denoiser = Exact(three_modes(), RectifiedFlow())
    with pytest.raises(UnsupportedError, match="coordinates"):
        sample(RK4("sigma"), denoiser, Gaussian(), UniformTime(4), rng=Rng.of(0, 2), like=like)  # type: ignore[arg-type]


def test_a_tolerance_out_of_reach_is_told() -> None:
    like = torch.zeros(2, 2, dtype=torch.float64)
    denoiser = Exact(three_modes(), RectifiedFlow())
    sampler = DormandPrince(1e-9, 1e-9, max_evaluations=50)
    with pytest.raises(RecipeError, match="max_evaluations"):
        sample(sampler, denoiser, Gaussian(), UniformTime(1), rng=Rng.of(0, 2), like=like)  # type: ignore[arg-type]
