"""What samplers promise beyond their order."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.posterior import Posterior
from suffuse.process import EDM, VE, Cosine, Gaussian, RectifiedFlow, Schedule, SubVP, VPLinear, noise_ratio
from suffuse.rng import Rng
from suffuse.sampling import (
    DDIM,
    DDPM,
    DPMpp,
    Euler,
    Grid,
    Heun,
    Karras,
    LogSnr,
    Sampler,
    ShiftedFlow,
    UniformTime,
    iterate,
    part_of,
    sample,
)
from tests.oracles import Exact, GaussianMixture, three_modes

SCHEDULES = [VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP()]
SAMPLERS: list[Sampler] = [DDPM(), DDIM(), DDIM(eta=0.5), Euler(), Euler(churn=5.0), Heun(), Heun(churn=5.0), DPMpp()]
schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
samplers = pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)


def draw(
    sampler: Sampler, schedule: Schedule, grid: Grid, count: int = 64, dtype: torch.dtype = torch.float64
) -> Tensor:
    like = torch.zeros(count, 2, dtype=dtype)
    denoiser = Exact(three_modes(), schedule)
    x = sample(sampler, denoiser, Gaussian(schedule), grid, rng=Rng.of(0, count), like=like)  # type: ignore[arg-type]
    assert isinstance(x, Tensor)
    return x


@schedules
@pytest.mark.parametrize("grid", [UniformTime, Karras, LogSnr, ShiftedFlow])
@pytest.mark.parametrize("steps", [1, 2, 3, 20])
def test_grids_fall_from_noise_to_zero(grid: type, steps: int, schedule: Schedule) -> None:
    """From t = 1, or from noise 80 times the data's size, if the schedule has more than that."""
    times = grid(steps)(schedule)
    assert len(times) == steps + 1
    assert times[-1] == 0.0
    by_level = grid in (Karras, LogSnr) and noise_ratio(schedule, 1.0) > 80.0
    assert noise_ratio(schedule, times[0]) == pytest.approx(80.0) if by_level else times[0] == 1.0
    assert all(a > b for a, b in pairwise(times))


def test_karras_levels_are_edms() -> None:
    """Karras et al. 2022, eq. 5, with the paper's constants."""
    levels = [noise_ratio(EDM(), t) for t in Karras(5)(EDM())]
    expected = [(80 ** (1 / 7) + i / 4 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7 for i in range(5)]
    assert levels == pytest.approx([*expected, 0.0], rel=1e-10)


def test_shift_is_that_of_resolution() -> None:
    times = ShiftedFlow(4, shift=3.0)(RectifiedFlow())
    assert times == pytest.approx([1.0, 0.9, 0.75, 0.5, 0.0])


@samplers
@schedules
def test_samples_have_the_data_distribution(sampler: Sampler, schedule: Schedule) -> None:
    x = draw(sampler, schedule, LogSnr(64), count=1500)
    mixture = three_modes()
    nearest = torch.cdist(x, mixture.means).argmin(1)
    assert (torch.bincount(nearest, minlength=3) / len(x)).tolist() == pytest.approx([1 / 3] * 3, abs=0.06)
    assert (x - mixture.means[nearest]).std().item() == pytest.approx(mixture.std, rel=0.08)


@samplers
@schedules
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_few_steps_in_float32_are_finite(sampler: Sampler, schedule: Schedule, steps: int) -> None:
    for grid in (UniformTime(steps), Karras(steps), LogSnr(steps), ShiftedFlow(steps)):
        x = draw(sampler, schedule, grid, 8, torch.float32)
        assert x.isfinite().all()
        assert x.abs().max() < 10.0


@samplers
def test_a_sample_is_the_same_alone_and_in_the_batch(sampler: Sampler) -> None:
    schedule, like = RectifiedFlow(), torch.zeros(64, 2, dtype=torch.float64)
    denoiser, process = Exact(three_modes(), schedule), Gaussian(schedule)
    batch = sample(sampler, denoiser, process, LogSnr(10), rng=Rng.of(0, 64), like=like)  # type: ignore[arg-type]
    alone = sample(sampler, denoiser, process, LogSnr(10), rng=Rng.of(5), like=like[:1])  # type: ignore[arg-type]
    assert isinstance(batch, Tensor)
    assert isinstance(alone, Tensor)
    assert torch.allclose(batch[5], alone[0], rtol=1e-12, atol=1e-12)


@samplers
def test_one_object_serves_many_threads(sampler: Sampler) -> None:
    def work(steps: int) -> Tensor:
        return draw(sampler, RectifiedFlow(), LogSnr(steps), 16)

    counts = [5, 9, 12, 7, 20, 6, 8, 11]
    alone = [work(n) for n in counts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, counts))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


@schedules
def test_euler_is_ddim(schedule: Schedule) -> None:
    assert torch.allclose(draw(Euler(), schedule, LogSnr(10)), draw(DDIM(), schedule, LogSnr(10)), rtol=1e-12)


def test_evaluations_never_at_zero_noise_and_as_many_as_said() -> None:
    asked: list[float] = []
    exact = Exact(three_modes(), RectifiedFlow())

    def counted(x: Tensor, t: float, conditions: object) -> Posterior:
        asked.append(t)
        return exact(x, t, {})

    for sampler, evaluations in ((DDPM(), 10), (DDIM(), 10), (Euler(), 10), (DPMpp(), 10), (Heun(), 19)):
        asked.clear()
        like = torch.zeros(2, 2, dtype=torch.float64)
        sample(sampler, counted, Gaussian(), LogSnr(10), rng=Rng.of(0, 2), like=like)  # type: ignore[arg-type]
        assert len(asked) == evaluations
        assert min(asked) > 0.0


@schedules
def test_ancestral_step_has_the_exact_bridge_moments(schedule: Schedule) -> None:
    """With x₀ known, DDPM's step draws from q(x_s | x_t, x₀): mean and variance in closed form."""
    process, n = Gaussian(schedule), 200_000
    t, s, x0, x_t = 0.6, 0.45, 0.7, -0.3
    a_t, s_t, a_s, s_s = schedule.alpha(t), schedule.sigma(t), schedule.alpha(s), schedule.sigma(s)
    a_ts = a_t / a_s
    v_ts = s_t**2 - a_ts**2 * s_s**2
    mean = a_ts * s_s**2 / s_t**2 * x_t + a_s * v_ts / s_t**2 * x0
    deviation = math.sqrt(v_ts) * s_s / s_t
    ones = torch.ones(1, n, dtype=torch.float64)
    drawn = process.reverse(x_t * ones, Posterior(x0 * ones), t, s, Rng.of(0))
    assert isinstance(drawn, Tensor)
    assert drawn.mean().item() == pytest.approx(mean, abs=4 * deviation / n**0.5)
    assert drawn.std().item() == pytest.approx(deviation, rel=0.01)


def test_one_gaussian_is_solved_exactly_by_the_ode() -> None:
    """For a single Gaussian the flow is linear: x₀ = mean + std·z scaled, known in closed form."""
    mixture = GaussianMixture(torch.tensor([[0.5, -1.0]], dtype=torch.float64), 0.7)
    schedule = RectifiedFlow()
    x1 = Rng.of(0, 32).normal(torch.zeros(32, 2, dtype=torch.float64))
    end = sample(Heun(), Exact(mixture, schedule), Gaussian(schedule), UniformTime(400), rng=Rng.of(0, 32), x=x1)
    assert isinstance(end, Tensor)
    assert torch.allclose(end, mixture.means[0] + mixture.std * x1, atol=1e-4)


def test_churn_keeps_the_marginal() -> None:
    """Raising the noise of a true x_t gives a true x of the later time."""
    from suffuse.sampling import Churn

    process = Gaussian(VPLinear())
    mixture, n = three_modes(), 40_000
    x_t = process.corrupt(mixture.sample(n), 0.3, Rng.of(0, n))
    x, later = Churn(amount=20.0)(process, x_t, 0.3, 50, Rng.of(0, n))
    assert isinstance(x, Tensor)
    assert noise_ratio(process.schedule, later) == pytest.approx(1.4 * noise_ratio(process.schedule, 0.3))
    alpha, sigma = process.schedule.alpha(later), process.schedule.sigma(later)
    expected = -mixture.log_prob(alpha * mixture.sample(n, 1) + sigma * torch.randn(n, 2), alpha, sigma).mean()
    assert -mixture.log_prob(x, alpha, sigma).mean().item() == pytest.approx(expected.item(), abs=0.03)


def test_editing_can_enter_half_way() -> None:
    times = LogSnr(10)(RectifiedFlow())
    assert part_of(times, 0.5)[0] == 0.5
    assert part_of(times, 0.5)[-1] == 0.0
    assert all(a > b for a, b in pairwise(part_of(times, 0.5)))


def test_steps_are_events() -> None:
    like = torch.zeros(2, 2, dtype=torch.float64)
    exact = Exact(three_modes(), RectifiedFlow())
    steps = list(iterate(DPMpp(), exact, Gaussian(), LogSnr(4), rng=Rng.of(0, 2), like=like))  # type: ignore[arg-type]
    assert [s.index for s in steps] == [0, 1, 2, 3, 4]
    assert {s.total for s in steps} == {4}
    assert steps[0].posterior is None
    assert (noise_ratio(RectifiedFlow(), steps[0].t), steps[-1].t) == (pytest.approx(80.0), 0.0)
    assert torch.equal(steps[-1].x, steps[-1].posterior.mean)  # type: ignore[union-attr, arg-type]


NONSENSE = {
    "eta": lambda: DDIM(eta=1.5),
    "churn": lambda: Heun(churn=-1.0),
    "coordinates": lambda: Heun(coordinates="x"),  # type: ignore[arg-type]
    "steps": lambda: LogSnr(0),
    "sigma_max": lambda: Karras(5, sigma_min=9.0, sigma_max=1.0),
    "shift": lambda: ShiftedFlow(5, shift=0.0),
}


@pytest.mark.parametrize("field", NONSENSE)
def test_nonsense_is_told(field: str) -> None:
    with pytest.raises(RecipeError) as error:
        NONSENSE[field]()
    assert error.value.field == field


def test_what_a_solver_needs_is_told() -> None:
    like = torch.zeros(2, 2, dtype=torch.float64)
    exact = Exact(three_modes(), RectifiedFlow())
    with pytest.raises(UnsupportedError, match="coordinates"):
        sample(Heun(coordinates="sigma"), exact, Gaussian(), UniformTime(4), rng=Rng.of(0, 2), like=like)  # type: ignore[arg-type]

    class Other:
        """A process that is not Gaussian."""

    with pytest.raises(UnsupportedError, match="Heun needs a Gaussian process"):
        next(iter(list(iterate(Heun(), exact, Other(), [1.0, 0.0], rng=Rng.of(0, 2), x=like))))  # type: ignore[arg-type]
