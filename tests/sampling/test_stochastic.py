"""Samplers with fresh noise: where they end in distribution, against moments in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import (
    EDM,
    VE,
    Absorbing,
    Categorical,
    Cosine,
    Gaussian,
    Marginal,
    RectifiedFlow,
    Schedule,
    SubVP,
    VPLinear,
    log_snr,
    noise_ratio,
    time_of_ratio,
)
from suffuse.rng import Rng
from suffuse.sampling import (
    DDIM,
    DDPM,
    RK4,
    Consistency,
    DormandPrince,
    EulerAncestral,
    Heun,
    LogSnr,
    PredictorCorrector,
    Restart,
    Sampler,
    Step,
    iterate,
    sample,
)
from suffuse.sampling.corrector import langevin
from suffuse.sampling.renoise import renoise
from tests.oracles import Exact, GaussianMixture, three_modes

SCHEDULES: list[Schedule] = [VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP()]
schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
HIGH, LOW = 4.0, 0.05
COUNT = 40_000


def exact(schedule: Schedule, mixture: GaussianMixture | None = None) -> Denoiser:
    denoiser: Any = Exact(mixture or three_modes(), schedule)
    return denoiser


def one_gaussian() -> GaussianMixture:
    return GaussianMixture(torch.tensor([[0.5, -1.0]], dtype=torch.float64), 0.7)


def levels(schedule: Schedule, steps: int, high: float = HIGH, low: float = LOW) -> list[float]:
    """Times evenly spaced in log σ/α."""
    return [time_of_ratio(schedule, high * (low / high) ** (i / steps)) for i in range(steps + 1)]


def noisy(schedule: Schedule, t: float, count: int = COUNT, mixture: GaussianMixture | None = None) -> Tensor:
    """True states of that time."""
    clean = (mixture or three_modes()).sample(count)
    return schedule.alpha(t) * clean + schedule.sigma(t) * Rng.of(0, count).at("true").normal(clean)


def moments(mixture: GaussianMixture, schedule: Schedule, t: float) -> tuple[Tensor, Tensor]:
    """Mean and covariance of x_t, exactly."""
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    spread = torch.cov(mixture.means.T, correction=0) if len(mixture.means) > 1 else torch.zeros(2, 2).double()
    identity = torch.eye(2, dtype=torch.float64)
    return alpha * mixture.means.mean(0), alpha**2 * (spread + mixture.std**2 * identity) + sigma**2 * identity


def moment_error(x: Tensor, schedule: Schedule, t: float, mixture: GaussianMixture | None = None) -> float:
    """The distance of mean and covariance to the exact ones, in units of the state's standard deviation."""
    mean, covariance = moments(mixture or three_modes(), schedule, t)
    scale = float(covariance.trace() / 2.0)
    off = torch.cat([(x.mean(0) - mean) / math.sqrt(scale), (torch.cov(x.T) - covariance).flatten() / scale])
    return float(off.norm())


CHANCE = 3.0 * math.sqrt(8.0 / COUNT)
"""Three times the error of as many exact samples (two means, four covariances, whose variance is at most double)."""


def run(sampler: Sampler, schedule: Schedule, times: list[float], count: int = COUNT, seed: int = 0) -> Tensor:
    x = noisy(schedule, times[0], count)
    end = sample(sampler, exact(schedule), Gaussian(schedule), times, rng=Rng.of(seed, count), x=x)
    assert isinstance(end, Tensor)
    return end


def test_the_measure_itself() -> None:
    """True states pass, and states of a little more noise do not."""
    schedule, t = RectifiedFlow(), 0.3
    assert moment_error(noisy(schedule, t), schedule, t) < CHANCE
    assert moment_error(noisy(schedule, 0.35), schedule, t) > CHANCE


# Euler's ancestral sampler --------------------------------------------------------------------------------------------


@schedules
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_euler_ancestral_is_ddim(eta: float, schedule: Schedule) -> None:
    like = torch.zeros(16, 2, dtype=torch.float64)
    ends = [
        sample(sampler, exact(schedule), Gaussian(schedule), LogSnr(10), rng=Rng.of(0, 16), like=like)
        for sampler in (EulerAncestral(eta), DDIM(eta))
    ]
    assert torch.allclose(*ends, rtol=1e-12, atol=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize(("eta", "noise"), [(0.5, 1.0), (1.0, 1.01), (1.7, 1.0), (100.0, 0.9)])
def test_euler_ancestral_is_k_diffusions(eta: float, noise: float) -> None:
    """``sample_euler_ancestral`` written out, in x = x₀ + σ n."""
    schedule, rng = EDM(80.0), Rng.of(0, 16)
    sigmas = [float(s) for s in torch.linspace(math.log(80.0), math.log(0.01), 12).exp()] + [0.0]
    x = start = sigmas[0] * rng.at("start").normal(torch.zeros(16, 2, dtype=torch.float64))
    for i, (before, after) in enumerate(pairwise(sigmas)):
        denoised = exact(schedule)(x, before / 80.0, {}).mean
        up = min(after, eta * (after**2 * (before**2 - after**2) / before**2) ** 0.5)
        down = (after**2 - up**2) ** 0.5
        x = x + (x - denoised) / before * (down - before)
        x = x + rng.at("step", i, "reverse").normal(x) * noise * up
    times = [s / 80.0 for s in sigmas]
    mine = sample(EulerAncestral(eta, noise), exact(schedule), Gaussian(schedule), times, rng=rng, x=start)
    assert torch.allclose(mine, x, rtol=1e-6, atol=1e-6)  # type: ignore[arg-type]


@schedules
def test_euler_ancestral_with_all_the_noise_is_consistency(schedule: Schedule) -> None:
    """Beyond the fresh noise the two agree: nothing of x_t is carried."""
    process, rng = Gaussian(schedule), Rng.of(0, 16)
    now = Step(noisy(schedule, 0.6, 16), 0.6, total=2)
    for s in (0.4, 0.0):
        rules: list[Sampler] = [EulerAncestral(1e9), Consistency()]
        ends = [rule.step(exact(schedule), process, now, s, rng, {}).x for rule in rules]
        fresh = [schedule.sigma(s) * rng.at(purpose).normal(now.x) for purpose in ("reverse", "corrupt")]  # type: ignore[arg-type]
        assert torch.allclose(ends[0] - fresh[0], ends[1] - fresh[1], atol=1e-12)  # type: ignore[operator]


@pytest.mark.parametrize("sampler", [EulerAncestral(), DDPM()], ids=repr)
def test_the_weak_order_is_one(sampler: Sampler) -> None:
    schedule = RectifiedFlow()
    errors = [
        moment_error(run(sampler, schedule, levels(schedule, n)), schedule, levels(schedule, n)[-1]) for n in (8, 16)
    ]
    assert errors[0] / errors[1] == pytest.approx(2.0, abs=0.25)


# predictor and corrector ----------------------------------------------------------------------------------------------


@schedules
@pytest.mark.parametrize("level", [0.2, 3.0])
def test_langevin_steps_leave_the_marginal(level: float, schedule: Schedule) -> None:
    """The step's own bias, 0.6 % of a variance at most, is below chance; twelve steps would add up what was wrong."""
    t = time_of_ratio(schedule, level)
    x: Any = noisy(schedule, t)
    for number in range(12):
        rng = Rng.of(0, COUNT).at("langevin", number)
        x = langevin(exact(schedule), Gaussian(schedule), x, t, 0.08, rng, {})
    assert moment_error(x, schedule, t) < CHANCE


@pytest.mark.parametrize("snr", [0.16, 0.4])
def test_the_bias_of_a_langevin_step_is_known(snr: float) -> None:
    """For a Gaussian of variance v the stationary variance is v/(1 - ε/2v): x' = (1 - ε/v) x + √(2ε) z."""
    schedule, mixture, t = RectifiedFlow(), one_gaussian(), 0.75
    mean, covariance = moments(mixture, schedule, t)
    v, epsilon = float(covariance[0, 0]), 2.0 * (snr * schedule.sigma(t)) ** 2
    x: Any = noisy(schedule, t, 2 * COUNT, mixture)
    for number in range(40):
        rng = Rng.of(0, 2 * COUNT).at("langevin", number)
        x = langevin(exact(schedule, mixture), Gaussian(schedule), x, t, snr, rng, {})
    left = (1.0 - epsilon / v) ** 80  # of the start's own, exact variance
    stationary = v / (1.0 - epsilon / (2.0 * v))
    expected = left * v + (1.0 - left) * stationary
    assert float((x - mean).square().mean()) == pytest.approx(expected, rel=0.01)
    assert expected > 1.01 * v
    assert stationary < v / (1.0 - snr**2)


def test_langevin_steps_mend_a_wrong_distribution() -> None:
    """Started with too much noise, the corrector brings it down to the level's own."""
    schedule, t = RectifiedFlow(), 0.6
    wrong = noisy(schedule, t) + 0.3
    errors = [moment_error(wrong, schedule, t)]
    x: Any = wrong
    for number in range(30):
        rng = Rng.of(0, COUNT).at("langevin", number)
        x = langevin(exact(schedule), Gaussian(schedule), x, t, 0.16, rng, {})
        errors.append(moment_error(x, schedule, t))
    assert errors[-1] < 0.4 * errors[0]


@schedules
@pytest.mark.parametrize("predictor", [DDPM(), RK4()], ids=["ddpm", "rk4"])
def test_predictor_corrector_ends_in_the_right_distribution(predictor: Sampler, schedule: Schedule) -> None:
    times = levels(schedule, 12)
    sampler = PredictorCorrector(predictor, steps=2, snr=0.05)
    error = moment_error(run(sampler, schedule, times, 10_000), schedule, times[-1])
    assert error < (2.0 * CHANCE if isinstance(predictor, RK4) else 0.25)


def test_corrector_reduces_the_error_of_a_coarse_predictor() -> None:
    schedule = RectifiedFlow()
    times = levels(schedule, 8)
    alone = moment_error(run(DDPM(), schedule, times), schedule, times[-1])
    corrected = moment_error(run(PredictorCorrector(DDPM(), 4, 0.16), schedule, times), schedule, times[-1])
    assert corrected < 0.75 * alone


def test_the_corrector_is_never_asked_at_the_data() -> None:
    asked: list[float] = []

    def counted(x: Any, t: Any, conditions: Any) -> Posterior:
        asked.append(t)
        return exact(RectifiedFlow())(x, t, {})

    like = torch.zeros(2, 2, dtype=torch.float64)
    sample(PredictorCorrector(DDPM(), steps=3), counted, Gaussian(), LogSnr(5), rng=Rng.of(0, 2), like=like)
    assert len(asked) == 5 + 3 * 4
    assert min(asked) > 0.0


def test_without_corrections_the_predictor_is_alone() -> None:
    like = torch.zeros(4, 2, dtype=torch.float64)
    ends = [
        sample(sampler, exact(RectifiedFlow()), Gaussian(), LogSnr(5), rng=Rng.of(0, 4), like=like)
        for sampler in (PredictorCorrector(DDPM(), steps=0), DDPM())
    ]
    assert torch.equal(*ends)  # type: ignore[arg-type]


# restart --------------------------------------------------------------------------------------------------------------


@schedules
@pytest.mark.parametrize(("t", "later"), [(0.1, 0.11), (0.1, 0.9), (0.5, 1.0)])
def test_noise_that_is_added_makes_true_states(t: float, later: float, schedule: Schedule) -> None:
    x = renoise(Gaussian(schedule), noisy(schedule, t), t, later, Rng.of(0, COUNT).at("later"))
    assert isinstance(x, Tensor)
    assert moment_error(x, schedule, later) < CHANCE


@schedules
def test_restarts_leave_the_marginal(schedule: Schedule) -> None:
    """Three times from 0.1 up to 0.8 and down again by an all but exact solver."""
    times = levels(schedule, 4, 1.0, 0.08)
    sampler = Restart(RK4(), low=0.1, high=0.8, times=3, steps=4)
    end = run(sampler, schedule, times, 20_000)
    assert moment_error(end, schedule, times[-1]) < math.sqrt(2.0) * CHANCE


def test_restarts_contract_an_error() -> None:
    """States that are off are less so after each restart (Xu et al. 2023, theorem 1)."""
    schedule, process = RectifiedFlow(), Gaussian(RectifiedFlow())
    t, s = time_of_ratio(schedule, 0.11), time_of_ratio(schedule, 0.1)
    wrong = noisy(schedule, t, 10_000) + 0.3
    errors = [moment_error(wrong, schedule, t)]
    for count in (1, 3):
        sampler = Restart(RK4(), low=0.1, high=2.0, times=count, steps=4)
        after = sampler.step(exact(schedule), process, Step(wrong, t, total=1), s, Rng.of(0, len(wrong)), {})
        errors.append(moment_error(after.x, schedule, s))  # type: ignore[arg-type]
    assert errors[1] < 0.8 * errors[0]
    assert errors[2] < 0.8 * errors[1]


@dataclass(frozen=True)
class Watched:
    """A sampler that tells every step it is asked for."""

    sampler: Sampler
    told: Callable[[Step, float], None]

    def step(self, denoiser: Denoiser, process: Any, now: Step, s: float, rng: Rng, conditions: Any) -> Step:
        self.told(now, s)
        return self.sampler.step(denoiser, process, now, s, rng, conditions)


@schedules
@pytest.mark.parametrize("on_the_grid", [True, False])
def test_a_restart_goes_where_it_was_told(on_the_grid: bool, schedule: Schedule) -> None:
    """The levels passed are those of the grid and of the interval, and the steps count as the grid's."""
    from suffuse.sampling import DPMpp

    steps: list[tuple[float, float]] = []

    def note(now: Step, s: float) -> None:
        """A step looks back on the one before it, or on none where it sets out anew."""
        at, to = noise_ratio(schedule, now.t), noise_ratio(schedule, s)
        anew = not steps or at > steps[-1][1]
        assert [noise_ratio(schedule, past.t) for past in now.history] == ([] if anew else [steps[-1][0]])
        steps.append((at, to))

    low = 0.2 if on_the_grid else 0.3
    times = [time_of_ratio(schedule, level) for level in (2.0, 1.0, 0.4, 0.2, 0.1)] + [0.0]
    like = noisy(schedule, times[0], 8)
    sampler = Restart(Watched(DPMpp(), note), low=low, high=0.9, times=2, steps=3)
    seen = list(iterate(sampler, exact(schedule), Gaussian(schedule), times, rng=Rng.of(0, 8), x=like))
    assert [now.index for now in seen] == [0, 1, 2, 3, 4, 5]
    assert {now.total for now in seen} == {5}
    assert [now.t for now in seen] == times
    inner = [0.9, *((0.9 ** (1 / 7) + i / 3 * (low ** (1 / 7) - 0.9 ** (1 / 7))) ** 7 for i in (1, 2)), low]
    down = list(pairwise(inner))
    rest = [] if on_the_grid else [(0.3, 0.2)]
    expected = [(2.0, 1.0), (1.0, 0.4), (0.4, low), *down, *down, *rest, (0.2, 0.1), (0.1, 0.0)]
    assert [x for pair in steps for x in pair] == pytest.approx([x for pair in expected for x in pair], rel=1e-9)


def test_restarts_nest_and_stop_at_what_the_schedule_has() -> None:
    schedule = EDM(2.0)
    sampler = Restart(Restart(Heun(), low=0.1, high=0.3), low=0.5, high=100.0, steps=4)
    end = run(sampler, schedule, [*levels(schedule, 20, 2.0, 0.01)], 5_000)
    assert moment_error(end, schedule, 0.005) < 4.0 * CHANCE


# consistency ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FlowMap:
    """The consistency function itself: the end of the flow through x_t, solved finely."""

    schedule: Schedule

    def __call__(self, x: Any, t: Time, conditions: Any) -> Posterior:
        process = Gaussian(self.schedule)
        times = [float(t), 0.0]
        solver = DormandPrince(1e-3, 1e-3)
        return Posterior(sample(solver, exact(self.schedule), process, times, rng=Rng.of(0, len(x)), x=x))


@schedules
def test_consistency_is_exact_with_a_consistency_function(schedule: Schedule) -> None:
    """At each level, and at the data."""
    times = [*levels(schedule, 2, 4.0, 0.5), 0.0]
    x = noisy(schedule, times[0], 10_000)
    for now in iterate(Consistency(), FlowMap(schedule), Gaussian(schedule), times, rng=Rng.of(1, 10_000), x=x):
        assert isinstance(now.x, Tensor)
        assert moment_error(now.x, schedule, now.t) < 2.0 * CHANCE


@schedules
def test_consistency_with_the_mean_loses_spread(schedule: Schedule) -> None:
    """A Gaussian's mean varies by α²v²/(α²v + σ²) instead of v: known, and told in the docs."""
    mixture, v = one_gaussian(), 0.49
    t, s = time_of_ratio(schedule, 1.0), time_of_ratio(schedule, 0.3)
    now = Step(noisy(schedule, t, mixture=mixture), t, total=1)
    rng = Rng.of(0, COUNT)
    after = Consistency().step(exact(schedule, mixture), Gaussian(schedule), now, s, rng, {}).x
    assert isinstance(after, Tensor)
    alpha, sigma = schedule.alpha(s), schedule.sigma(s)
    expected = alpha**2 * v**2 / (v + 1.0) + sigma**2
    assert float(after.var(0).mean()) == pytest.approx(expected, rel=0.03)
    assert expected < 0.75 * (alpha**2 * v + sigma**2)


@schedules
def test_ddpm_draws_less_noise_than_consistency(schedule: Schedule) -> None:
    """σ_s √(1 - SNR_t/SNR_s), about the belief of a known x₀."""
    t, s = time_of_ratio(schedule, 1.0), time_of_ratio(schedule, 0.5)
    x0 = torch.zeros(COUNT, 2, dtype=torch.float64)
    now, rng = Step(x0, t, total=1), Rng.of(0, COUNT)

    def known(x: Any, t: Any, conditions: Any) -> Posterior:
        return Posterior(x0)

    spread = [
        float(sampler.step(known, Gaussian(schedule), now, s, rng, {}).x.std())  # type: ignore[union-attr]
        for sampler in (DDPM(), Consistency())
    ]
    kept = 1.0 - math.exp(log_snr(schedule, t) - log_snr(schedule, s))
    assert spread == pytest.approx([schedule.sigma(s) * math.sqrt(kept), schedule.sigma(s)], rel=0.01)
    assert math.sqrt(kept) == pytest.approx(math.sqrt(0.75))


@pytest.mark.parametrize("kernel", [Absorbing(3), Marginal((0.5, 0.2, 0.3))], ids=repr)
def test_consistency_on_classes_draws_from_the_belief_and_noises(kernel: Any) -> None:
    """x_s ~ α_s p + (1 - α_s) π."""
    process, p = Categorical(kernel), torch.tensor([0.2, 0.7, 0.1], dtype=torch.float64)

    def believes(x: Any, t: Any, conditions: Any) -> Posterior:
        return Posterior(p.expand(len(x), 1, 3))

    now = Step(process.prior(torch.zeros(COUNT, 1, 3, dtype=torch.float64), Rng.of(0, COUNT)), 1.0, total=1)
    for s in (0.6, 0.0):
        x = Consistency().step(believes, process, now, s, Rng.of(0, COUNT), {}).x
        assert isinstance(x, Tensor)
        alpha, pi = process.schedule.alpha(s), torch.tensor(kernel.stationary[:3], dtype=torch.float64)
        assert torch.allclose(x.mean((0, 1)), alpha * p + (1.0 - alpha) * pi, atol=4.0 * 0.5 / math.sqrt(COUNT))


# nonsense -------------------------------------------------------------------------------------------------------------

NONSENSE: dict[str, tuple[str, Callable[[], Any]]] = {
    "eta": ("eta", lambda: EulerAncestral(-0.1)),
    "noise": ("noise", lambda: EulerAncestral(noise=-1.0)),
    "snr": ("snr", lambda: PredictorCorrector(snr=0.0)),
    "too much": ("snr", lambda: PredictorCorrector(snr=1.0)),
    "corrections": ("steps", lambda: PredictorCorrector(steps=-1)),
    "predictor": ("predictor", lambda: PredictorCorrector("ddim")),  # type: ignore[arg-type]
    "high": ("high", lambda: Restart(low=0.3, high=0.2)),
    "low": ("high", lambda: Restart(low=0.0)),
    "times": ("times", lambda: Restart(times=0)),
    "steps": ("steps", lambda: Restart(steps=0)),
    "sampler": ("sampler", lambda: Restart(5)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_told(case: str) -> None:
    name, make = NONSENSE[case]
    with pytest.raises(RecipeError) as error:
        make()
    assert error.value.field == name
