"""The flow of a Gaussian is known in closed form: teacher's steps approach it, and its student has nothing to learn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from suffuse.conditions import Conditions
from suffuse.denoise import precondition
from suffuse.distillation import MultistepConsistency, Piece, Segments, TeacherStep, aim, consistent_end
from suffuse.errors import UnsupportedError
from suffuse.guidance import CFGpp
from suffuse.numerics import Real, sqrt
from suffuse.posterior import Posterior, Time
from suffuse.process import EDM, VE, Cosine, Gaussian, RectifiedFlow, Schedule, SubVP, VPLinear
from suffuse.recipe import Named
from suffuse.rng import Rng
from suffuse.sampling import DDIM, Karras, ShiftedFlow, sample
from suffuse.sampling.coordinates import Flow
from suffuse.state import State, combine
from suffuse.trained import component

DEVIATION = 0.7
SCHEDULES = [RectifiedFlow(), VPLinear(), Cosine(), SubVP(), EDM(), VE()]
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


def deviation(schedule: Schedule, t: Real) -> Real:
    """Of x_t, where x₀ has :data:`DEVIATION`."""
    return sqrt((schedule.alpha(t) * DEVIATION) ** 2 + schedule.sigma(t) ** 2)


@dataclass(frozen=True)
class ExactFlow:
    """x_s = x_t · D(s)/D(t): the flow of N(0, D²) keeps every quantile."""

    schedule: Schedule

    def __call__(self, x_t: State, t: Tensor, s: Tensor, conditions: Conditions) -> State:
        return combine((deviation(self.schedule, s) / deviation(self.schedule, t), x_t))


@dataclass(frozen=True)
class ExactBelief:
    """E[x₀ | x_t] of N(0, D²)."""

    schedule: Schedule

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        gain = self.schedule.alpha(t) * DEVIATION**2 / deviation(self.schedule, t) ** 2
        return Posterior(combine((gain, x_t)))


class ExactStudent(nn.Module):
    """The belief whose DDIM step leads to the end of the segment exactly; its one parameter spoils it."""

    def __init__(self, process: Gaussian, segments: Segments) -> None:
        super().__init__()
        self.process, self.segments = process, segments
        self.wrong = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, x_t: State, t: Tensor, conditions: Conditions) -> Posterior:
        ends = torch.tensor(self.segments.times[:: self.segments.cuts], dtype=torch.float64)
        end = ends[torch.searchsorted(ends, t) - 1]
        x_end = ExactFlow(self.process.schedule)(x_t, t, end, conditions)
        return Posterior(combine((1.0 + self.wrong, aim(self.process, x_t, x_end, t, end))))


def criterion(schedule: Schedule, steps: int = 3) -> MultistepConsistency:
    process = Gaussian(schedule)
    segments = Segments.of(ShiftedFlow(steps)(schedule), schedule, cuts=4)
    student = ExactStudent(process, segments)
    return MultistepConsistency(
        student, process, ExactFlow(schedule), segments, component("weighting", Named(name="flow"))
    )


def data(count: int = 24) -> Tensor:
    return DEVIATION * Rng.of(7, count).normal(shape=(3,))


@every_schedule
def test_student_that_is_the_exact_flow_has_no_loss(schedule: Schedule) -> None:
    exact = criterion(schedule)
    loss = exact(data(), {}, Rng.of(0, 24))
    assert loss.item() < 1e-20
    with torch.no_grad():
        exact.denoiser.wrong += 0.1
    assert exact(data(), {}, Rng.of(0, 24)).item() > 1e-4


@every_schedule
def test_exact_student_samples_exactly_in_its_few_steps(schedule: Schedule) -> None:
    """What the loss has its zero at: DDIM on the grid ends where the flow does."""
    exact = criterion(schedule, steps=3)
    x = Gaussian(schedule).prior(data(), Rng.of(1, 24))
    end = sample(DDIM(), exact.denoiser, exact.process, ShiftedFlow(3), rng=Rng.of(1, 24), x=x)
    assert torch.allclose(end, x * (DEVIATION / deviation(schedule, 1.0)), rtol=1e-10)


@every_schedule
def test_teacher_step_has_order_two(schedule: Schedule) -> None:
    step, flow = TeacherStep(ExactBelief(schedule), Gaussian(schedule)), ExactFlow(schedule)
    x = Rng.of(3, 5).normal(shape=(3,))
    u = torch.tensor([0.95, 0.8, 0.6, 0.4, 0.2], dtype=torch.float64)
    time = Flow(schedule).time
    errors = []
    for share in (0.1, 0.05, 0.025):
        t, s = time(u), time(u * (1.0 - share))
        errors.append((step(x, t, s, {}) - flow(x, t, s, {})).abs().max().item())
    local = [math.log2(a / b) for a, b in pairwise(errors)]
    assert min(local) > 2.75, "the error of one step of an order-2 rule falls with its third power"


@every_schedule
def test_teacher_step_is_finite_from_pure_noise_to_data(schedule: Schedule) -> None:
    step = TeacherStep(ExactBelief(schedule), Gaussian(schedule))
    one, zero = torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    x = Rng.of(0, 2).normal(shape=(3,))
    assert step(x, one, zero, {}).isfinite().all()
    assert step(x, one, 0.5 * one, {}).isfinite().all()


@every_schedule
def test_aim_is_the_belief_that_leads_there(schedule: Schedule) -> None:
    process, rng = Gaussian(schedule), Rng.of(0, 4)
    x_t, x_s = rng.at("t").normal(shape=(3,)), rng.at("s").normal(shape=(3,))
    t, s = torch.tensor([1.0, 0.9, 0.5, 0.3], dtype=torch.float64), torch.tensor([0.5, 0.0, 0.4, 0.0]).double()
    there = process.transfer(x_t, Posterior(aim(process, x_t, x_s, t, s)), t, s)
    assert torch.allclose(there, x_s, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("grid", [ShiftedFlow(3, shift=1.0), ShiftedFlow(2, shift=3.0), Karras(4)])
@pytest.mark.parametrize("schedule", [RectifiedFlow(), VPLinear(), EDM()], ids=lambda s: type(s).__name__)
def test_segments_hold_the_times_that_sampling_asks_for(schedule: Schedule, grid: ShiftedFlow | Karras) -> None:
    times = grid(schedule)
    segments = Segments.of(times, schedule, cuts=5)
    assert list(segments.times[::5]) == times[::-1]
    assert list(segments.times) == sorted(set(segments.times))
    flow = Flow(schedule)
    for first in range(0, len(segments.times) - 1, 5):
        u = torch.tensor([flow.at(t)[1] for t in segments.times[first : first + 6]], dtype=torch.float64)
        assert torch.allclose(u.diff(), u.diff().mean().expand(5), rtol=1e-9)


def test_quantiles_are_spread_over_all_cuts() -> None:
    segments = Segments.of(ShiftedFlow(2, shift=1.0)(RectifiedFlow()), RectifiedFlow(), cuts=2)
    pieces = segments.at(torch.tensor([0.0, 0.2, 0.3, 0.6, 0.99], dtype=torch.float64))
    assert pieces == Piece(pieces.t, pieces.later, pieces.end)
    assert pieces.t.tolist() == [0.25, 0.25, 0.5, 0.75, 1.0]
    assert pieces.later.tolist() == [0.0, 0.0, 0.25, 0.5, 0.75]
    assert pieces.end.tolist() == [0.0, 0.0, 0.0, 0.5, 0.5]


class Linear(nn.Module):
    """One number times the input; tells at which noise levels it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
        self.levels: list[Tensor] = []

    def forward(self, x: Tensor, level: Tensor, conditions: Conditions) -> Tensor:
        self.levels.append(level)
        return self.gain * x


def learning() -> MultistepConsistency:
    """A student and its teacher, who are one number each."""
    process = Gaussian(RectifiedFlow())
    segments = Segments.of(ShiftedFlow(2, shift=1.0)(process.schedule), process.schedule, cuts=4)
    student, teacher = precondition(Linear(), process, "flow"), precondition(Linear(), process, "flow")
    step = TeacherStep(teacher, process)
    return MultistepConsistency(student, process, step, segments, component("weighting", Named(name="flow")))


def test_gradient_is_that_of_the_distance_to_a_fixed_belief() -> None:
    loss, x0, rng = learning(), data(12), Rng.of(4, 12)
    at = loss.segments.at(torch.arange(12, dtype=torch.float64) / 12)
    loss.at(x0, at, {}, rng).mean().backward()
    got = loss.denoiser.network.gain.grad.clone()
    assert loss.flow.denoiser.network.gain.grad is None

    loss.denoiser.zero_grad()
    x_t = loss.process.corrupt(x0, at.t, rng)
    x_end = consistent_end(loss.process, loss.denoiser, loss.flow, x_t, at, {})
    fixed = aim(loss.process, x_t, x_end, at.t, at.end).detach()
    loss.process.loss(loss.denoiser(x_t, at.t, {}), fixed, x_t, at.t, loss.weight).mean().backward()
    assert torch.allclose(got, loss.denoiser.network.gain.grad, rtol=1e-12)
    assert got.abs() > 1e-3


def test_nobody_is_asked_at_no_noise() -> None:
    loss = learning()
    loss(data(16), {}, Rng.of(0, 16))
    lowest = 0.25 * math.log(0.0625 / 0.9375)  # half-way through the last cut
    for asked in (*loss.denoiser.network.levels, *loss.flow.denoiser.network.levels):
        assert asked.min().item() > lowest - 1e-6


def test_guidance_without_a_flow_is_told() -> None:
    process = Gaussian(RectifiedFlow())
    step = TeacherStep(lambda x, t, c: Posterior(x, anchor=0.5 * x), process)
    with pytest.raises(UnsupportedError, match=CFGpp.__name__.replace("pp", r"\+\+")):
        step(data(2), torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64), {})
