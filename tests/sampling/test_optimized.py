"""Grids made for a model: what is predicted of a solver is what it does, and the grid found serves it better."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.posterior import Posterior, Time
from suffuse.process import EDM, Gaussian, RectifiedFlow, Schedule, VPLinear, noise_ratio
from suffuse.rng import Rng
from suffuse.sampling import (
    DDIM,
    DDPM,
    RK4,
    Consistency,
    DormandPrince,
    DPMpp,
    DPMppSDE,
    Euler,
    EulerAncestral,
    Heun,
    Karras,
    Levels,
    LogSnr,
    PredictorCorrector,
    Restart,
    Sampler,
    ShiftedFlow,
    UniPC,
    iterate,
    sample,
)
from suffuse.sampling.loop import Past, Step
from suffuse.sampling.optimized import Reference, optimize
from suffuse.state import over_batch
from tests.oracles import Exact, three_modes

PROCESS = Gaussian(RectifiedFlow())
EXACT = Exact(three_modes(), PROCESS.schedule)
COUNT = 48


def like(count: int = COUNT) -> Tensor:
    return torch.zeros(count, 2, dtype=torch.float64)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.solve(EXACT, PROCESS, Rng.of(0, COUNT), like(), {})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ends() -> Tensor:
    end = sample(Heun(), EXACT, PROCESS, LogSnr(400), rng=Rng.of(900, 300), like=like(300))  # type: ignore[arg-type]
    assert isinstance(end, Tensor)
    return end


def distance(sampler: Sampler, grid: object, ends: Tensor) -> float:
    end = sample(sampler, EXACT, PROCESS, grid, rng=Rng.of(900, 300), like=like(300))  # type: ignore[arg-type]
    assert isinstance(end, Tensor)
    return float((end - ends).square().mean().sqrt())


@pytest.mark.parametrize("steps", [5, 10, 20])
@pytest.mark.parametrize("sampler", [DPMpp(2), UniPC(2)], ids=repr)
def test_beats_the_common_grids_on_new_samples(
    sampler: Sampler, steps: int, reference: Reference, ends: Tensor
) -> None:
    """By far those that are spaced in noise levels; and none by so much that errors cancelled on it by chance."""
    found = distance(sampler, optimize(reference, sampler, steps), ends)
    assert found < 0.7 * min(distance(sampler, grid, ends) for grid in (LogSnr(steps), Karras(steps)))
    assert found < 2.0 * min(distance(sampler, ShiftedFlow(steps, shift), ends) for shift in (1.0, 3.0))


def test_a_local_error_is_that_of_a_step_out_of_exact_states(reference: Reference) -> None:
    """What unit vectors and the Gram matrix tell, against the step itself."""
    trajectory = list(iterate(Heun(), EXACT, PROCESS, reference.times, rng=Rng.of(0, COUNT), like=like()))  # type: ignore[arg-type]
    x = [step.x for step in trajectory]
    belief = [EXACT(x[i], reference.times[i], {}) for i in (20, 40)]  # type: ignore[arg-type]
    history = (Past(reference.times[20], x[20], belief[0]),)
    now = Step(x[40], reference.times[40], 1, 2, history=history)
    after = DPMpp(2).step(EXACT, PROCESS, now, reference.times[60], Rng.of(0, COUNT), {})  # type: ignore[arg-type]
    t = reference.times[60]
    scale = PROCESS.schedule.alpha(t) + PROCESS.schedule.sigma(t)
    expected = float((after.x - x[60]).square().mean().sqrt()) / scale * reference.growth[60]  # type: ignore[operator]
    assert math.sqrt(reference._local(DPMpp(2), [20, 40, 60], 1)) == pytest.approx(expected, rel=1e-6)


@dataclass(frozen=True)
class OneGaussian:
    """The exact belief about data from N(0, s²)."""

    schedule: Schedule
    std: float = 0.5

    def __call__(self, x_t: Tensor, t: Time, conditions: object) -> Posterior:
        scales = (self.schedule.alpha(t), self.schedule.sigma(t))
        alpha, sigma = (over_batch(torch.as_tensor(scale).reshape(-1), x_t) for scale in scales)
        return Posterior(x_t * alpha * self.std**2 / (alpha**2 * self.std**2 + sigma**2))


@pytest.mark.parametrize("schedule", [RectifiedFlow(), VPLinear(), EDM()], ids=repr)
def test_growth_of_errors_on_a_gaussian_is_known(schedule: Schedule) -> None:
    """Its flow is a scaling, x₀ = x_t s/√(α²s² + σ²), here followed in ten first-order steps."""
    made = Reference.solve(OneGaussian(schedule), Gaussian(schedule), Rng.of(0, 4), like(4), {}, steps=200)  # type: ignore[arg-type]
    for t, growth in zip(made.times[25:175:10], made.growth[25:175:10], strict=True):
        alpha, sigma = schedule.alpha(t), schedule.sigma(t)
        exact = (alpha + sigma) * 0.5 / math.hypot(0.5 * alpha, sigma)
        assert growth == pytest.approx(exact, rel=0.35), noise_ratio(schedule, t)


def test_levels_are_times_of_any_schedule() -> None:
    grid = Levels((80.0, 3.0, 0.1))
    assert grid.steps == 3
    for schedule in (EDM(), RectifiedFlow(), VPLinear()):
        assert [noise_ratio(schedule, t) for t in grid(schedule)] == pytest.approx([80.0, 3.0, 0.1, 0.0])


@pytest.mark.parametrize("levels", [(), (1.0, 2.0), (2.0, 2.0), (1.0, 0.0), (1.0, -1.0), (math.nan,)])
def test_levels_must_fall(levels: tuple[float, ...]) -> None:
    with pytest.raises(RecipeError) as error:
        Levels(levels)
    assert error.value.field == "levels"


@pytest.mark.parametrize("steps", [0, 100])
def test_steps_out_of_range_are_told(steps: int, reference: Reference) -> None:
    with pytest.raises(RecipeError, match="steps"):
        optimize(reference, DPMpp(2), steps)


def test_one_step_is_a_grid(reference: Reference) -> None:
    assert optimize(reference, DPMpp(2), 1).steps == 1


@pytest.mark.parametrize(
    ("sampler", "reason"),
    [
        (RK4(), "between the grid's times"),
        (DormandPrince(), "between the grid's times"),
        (Restart(), "between the grid's times"),
        (Restart(DDIM(), low=0.01, high=70.0), "fresh noise"),
        (DDPM(), "fresh noise"),
        (EulerAncestral(), "fresh noise"),
        (DPMppSDE(), "fresh noise"),
        (Euler(churn=10.0), "fresh noise"),
        (PredictorCorrector(DDIM()), "fresh noise"),
        (Consistency(), "fresh noise"),
    ],
    ids=repr,
)
def test_what_has_no_grid_of_its_own_is_told(sampler: Sampler, reason: str, reference: Reference) -> None:
    with pytest.raises(UnsupportedError, match=reason) as told:
        optimize(reference, sampler, 5)
    assert told.value.field == "sampler"
    assert told.value.got == repr(sampler)
    assert "dpmpp" in str(told.value)


@pytest.mark.parametrize("sampler", [DPMppSDE(eta=0.0), EulerAncestral(eta=0.0), Euler(), DDIM()], ids=repr)
def test_without_its_noise_it_has_one(sampler: Sampler, reference: Reference) -> None:
    assert optimize(reference, sampler, 3).steps == 3
