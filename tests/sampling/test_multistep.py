"""Linear multistep rules: their weights, their first and last steps, and what they are special cases of.

Their orders are in ``test_order.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from scipy.integrate import quad
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.posterior import Posterior
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
    DDPM,
    DEIS,
    IPNDM,
    AdamsBashforth,
    DPMpp,
    DPMppSDE,
    LogSnr,
    OneEvaluation,
    Past,
    Sampler,
    Step,
    UniformTime,
    UniPC,
    sample,
)
from suffuse.sampling.adams import EQUAL_STEPS
from suffuse.sampling.deis import VARIABLES
from suffuse.sampling.multistep import exponential_moments, power_moments, weights
from suffuse.state import State
from tests.oracles import Exact, GaussianMixture, three_modes

Rule = OneEvaluation[Gaussian]
SCHEDULES: list[Schedule] = [VPLinear(), Cosine(), VE(), EDM(4.0), RectifiedFlow(), SubVP()]
schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
INTO_ZERO_BY_THE_BELIEF: list[Rule] = [DPMpp(3), UniPC(3), UniPC(2, "bh1"), DEIS(3, "log-rho")]
FINITE_AT_ZERO: list[Rule] = [DEIS(4, "t"), DEIS(3, "rho"), IPNDM(4), AdamsBashforth(4)]
RULES = INTO_ZERO_BY_THE_BELIEF + FINITE_AT_ZERO
rules = pytest.mark.parametrize("rule", RULES, ids=repr)


def draw(rule: Sampler, schedule: Schedule, times: Sequence[float], dtype: torch.dtype = torch.float64) -> Tensor:
    rng = Rng.of(0, 8)
    x = schedule.sigma(times[0]) * rng.normal(torch.zeros(8, 2, dtype=dtype))
    denoiser: Any = Exact(three_modes(), schedule)
    end = sample(rule, denoiser, Gaussian(schedule), times, rng=rng, x=x)
    assert isinstance(end, Tensor)
    return end


def normal(purpose: str) -> Tensor:
    return Rng.of(0, 8).at(purpose).normal(torch.zeros(8, 2, dtype=torch.float64))


# weights --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_weights_are_exact_for_every_power(count: int) -> None:
    nodes, moments = [0.0, -0.7, -1.1, 1.0][:count], [1.0, 0.3, 0.8, -0.2]
    found = weights(nodes, moments)
    assert [sum(w * r**k for w, r in zip(found, nodes, strict=True)) for k in range(count)] == pytest.approx(
        moments[:count], rel=1e-13, abs=1e-13
    )


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_coefficients_of_equal_steps(order: int) -> None:
    found = weights([-float(j) for j in range(order)], power_moments(order))
    assert found == pytest.approx([1.0 - sum(EQUAL_STEPS[order - 1]), *EQUAL_STEPS[order - 1]], rel=1e-13)


@pytest.mark.parametrize("z", [1e-9, 0.01, 0.3, 0.999, 1.0, 1.001, 4.0, 30.0, 900.0, -1e-6, -0.5, -1.0, -3.0, -20.0])
def test_exponential_moments(z: float) -> None:
    places = [1.0 - 30.0 / z] if z > 40.0 else None

    def integral(k: int) -> float:
        return float(
            quad(lambda u: math.exp(z * (u - 1.0)) * u**k, 0.0, 1.0, epsabs=0.0, epsrel=1e-13, points=places)[0]
        )

    assert exponential_moments(z, 4) == pytest.approx([integral(k) / integral(0) for k in range(4)], rel=1e-11)


@pytest.mark.parametrize("step", [(80.0, 40.0), (5.0, 0.1), (0.5, 0.49), (0.05, 0.0), (0.5, 0.0)])
@pytest.mark.parametrize("name", VARIABLES)
def test_moments_of_deis(name: str, step: tuple[float, float]) -> None:
    """Against adaptive quadrature; the step to ρ = 0 has no end in log ρ, and is not asked for."""
    variable, (start, end) = VARIABLES[name], step
    if name == "log-rho" and end == 0.0:
        assert math.isinf(variable.of(end))
        return
    for k, found in enumerate(variable.moments(start, end, 4)):
        integral, _ = quad(lambda r, k=k: (variable.of(r) - variable.of(start)) ** k, start, end, epsrel=1e-12)
        assert found == pytest.approx(integral / (end - start), rel=5e-7)


# both ends ------------------------------------------------------------------------------------------------------------


@rules
@schedules
def test_the_first_step_is_ddims(rule: Rule, schedule: Schedule) -> None:
    """Out of pure noise too, where α = 0."""
    process, x, belief = Gaussian(schedule), normal("x"), Posterior(normal("belief"))
    first = rule.advance(process, Step(x, 1.0), belief, 0.7, Rng.of(0))
    expected = process.reverse(x, belief, 1.0, 0.7, Rng.of(0), eta=0.0)
    assert torch.allclose(first, expected, rtol=1e-13, atol=1e-13)  # type: ignore[arg-type]


@rules
def test_pure_noise_is_looked_back_on_where_that_is_finite(rule: Rule) -> None:
    """The second step from α = 0, which some coordinates have no place for; all steps are finite, in float32 too."""
    schedule = RectifiedFlow()
    for dtype in (torch.float32, torch.float64):
        assert draw(rule, schedule, [1.0, 0.8, 0.5, 0.3, 0.0], dtype).isfinite().all()
    process, x, belief = Gaussian(schedule), normal("x"), Posterior(normal("belief"))
    second = Step(x, 0.8, 1, 3, history=(Past(1.0, normal("start"), Posterior(normal("first"))),))
    found = rule.advance(process, replace(second, x=rule.correct(process, second, belief)), belief, 0.5, Rng.of(0))
    same = torch.allclose(found, process.transfer(x, belief, 0.8, 0.5), atol=1e-12)  # type: ignore[arg-type]
    assert same == (not isinstance(rule, IPNDM | AdamsBashforth))


@pytest.mark.parametrize("rule", INTO_ZERO_BY_THE_BELIEF, ids=repr)
@schedules
def test_the_last_step_ends_at_the_belief(rule: Rule, schedule: Schedule) -> None:
    past = tuple(Past(t, normal(f"x {t}"), Posterior(normal(f"belief {t}"))) for t in (0.3, 0.4, 0.5))
    belief = Posterior(normal("belief"))
    end = rule.advance(Gaussian(schedule), Step(normal("x"), 0.2, history=past), belief, 0.0, Rng.of(0))
    assert torch.allclose(end, belief.mean, rtol=1e-13)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", FINITE_AT_ZERO, ids=repr)
def test_the_last_step_keeps_its_order_where_that_is_finite(rule: Rule) -> None:
    """A step to σ = 0 is the limit of steps to less and less noise."""
    end, limit = (draw(rule, EDM(), [0.1, 0.07, 0.05, 0.02, last]) for last in (0.0, 1e-9))
    assert torch.allclose(end, limit, atol=1e-6)
    assert not torch.allclose(end, draw(replace(rule, order=1), EDM(), [0.1, 0.07, 0.05, 0.02, 0.0]), atol=1e-4)  # type: ignore[type-var]


# special cases --------------------------------------------------------------------------------------------------------


@schedules
@pytest.mark.parametrize(
    ("rule", "same"),
    [
        (DPMpp(1), DDIM()),
        (DEIS(1), DDIM()),
        (IPNDM(1), DDIM()),
        (AdamsBashforth(1), DDIM()),
        (UniPC(1, corrector=False), DDIM()),
        (UniPC(2, corrector=False), DPMpp(2)),
        (DPMppSDE(1), DDPM()),
        (DPMppSDE(2, eta=0.0), DPMpp(2)),
        (DPMppSDE(3, eta=0.0), DPMpp(3)),
    ],
    ids=repr,
)
def test_a_rule_is_another(rule: Sampler, same: Sampler, schedule: Schedule) -> None:
    for grid in (LogSnr(8), UniformTime(5)):
        end, expected = (draw(one, schedule, grid(schedule)) for one in (rule, same))
        assert torch.allclose(end, expected, rtol=1e-11, atol=1e-11)


def test_on_equal_steps_fixed_coefficients_are_the_exact_ones() -> None:
    times = [1.0 - i / 12 for i in range(13)]
    assert torch.allclose(draw(IPNDM(4), EDM(), times), draw(DEIS(4, "rho"), EDM(), times), atol=1e-11)


def test_dpmpp_of_order_three_is_unip() -> None:
    """Once both have their past: UniP's second step takes the slope half-way."""
    process = Gaussian(VPLinear())
    past = tuple(Past(t, normal(f"x {t}"), Posterior(normal(f"belief {t}"))) for t in (0.55, 0.62))
    now, belief = Step(normal("x"), 0.5, history=past), Posterior(normal("belief"))
    pair: list[Rule] = [DPMpp(3), UniPC(3, corrector=False)]
    end, expected = (rule.advance(process, now, belief, 0.41, Rng.of(0)) for rule in pair)
    assert torch.allclose(end, expected, rtol=1e-12)  # type: ignore[arg-type]


def test_the_history_keeps_mended_states() -> None:
    schedule = RectifiedFlow()
    denoiser: Any = Exact(three_modes(), schedule)
    process, rule, rng = Gaussian(schedule), UniPC(2), Rng.of(0, 8)
    one = rule.step(denoiser, process, Step(normal("x"), 0.9), 0.7, rng, {})
    two = rule.step(denoiser, process, one, 0.5, rng, {})
    mended = rule.correct(process, one, denoiser(one.x, 0.7, {}))
    assert torch.equal(two.history[0].x, mended)  # type: ignore[arg-type]
    assert not torch.allclose(mended, one.x, atol=1e-4)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_mended_state_is_the_step_made_again(order: int) -> None:
    """UniC's own form (Zhao et al. 2023, eq. 9), where nothing else has changed the state; else that is added."""
    process, rule, belief = Gaussian(VPLinear()), UniPC(order), Posterior(normal("belief"))
    before = Step(normal("x"), 0.5, history=tuple(Past(t, normal("x"), Posterior(normal(f"{t}"))) for t in (0.6, 0.65)))
    first = Posterior(normal("first"))
    now = before.to(rule.advance(process, before, first, 0.4, Rng.of(0)), 0.4, first, depth=rule.depth)
    lambdas = [-math.log(noise_ratio(process.schedule, t)) for t in (0.5, 0.4, 0.6, 0.65)[: order + 1]]
    h = lambdas[1] - lambdas[0]
    moments = [float(quad(lambda u, k=k: math.exp(u - h) * u**k, 0.0, h)[0]) for k in range(order + 1)]
    if order == 1:
        moments[1] = 0.5 * h * (1.0 - math.exp(-h))  # B(h) of bh2
    found = weights([at - lambdas[0] for at in lambdas], moments)
    beliefs = [first, belief, *(past.posterior for past in before.history)]
    expected = process.schedule.sigma(0.4) / process.schedule.sigma(0.5) * before.x  # type: ignore[operator]
    for weight, one in zip(found, beliefs, strict=False):
        expected = expected + process.schedule.alpha(0.4) * weight * one.mean  # type: ignore[operator]
    assert torch.allclose(rule.correct(process, now, belief), expected, rtol=1e-10)  # type: ignore[arg-type]
    moved = replace(now, x=now.x + 1.0)  # type: ignore[operator]
    assert torch.allclose(rule.correct(process, moved, belief), expected + 1.0, rtol=1e-10)  # type: ignore[arg-type]


@schedules
@pytest.mark.parametrize("rule", [*RULES, UniPC(3, corrector=False)], ids=repr)
@pytest.mark.parametrize("apart", [False, True], ids=["one mean", "anchored"])
def test_constant_data_and_noise_are_followed_exactly(rule: Rule, apart: bool, schedule: Schedule) -> None:
    """The belief is m, the noise that its anchor n implies is e, now and before: then x_s = α_s m + σ_s e.

    With n ≠ m this is CFG++'s step (Chung et al. 2024, algorithm 2), which takes data from one mean and noise from
    another; a rule that mixed them up would not have it.
    """
    m, e = normal("mean"), normal("noise")
    n = normal("anchor") if apart else m
    belief = Posterior(m, n if apart else None)

    def state(t: float) -> Tensor:
        return schedule.alpha(t) * n + schedule.sigma(t) * e

    past = tuple(Past(t, state(t), belief) for t in (0.47, 0.52, 0.6, 0.64))
    for s in (0.31, 0.0):
        end = rule.advance(Gaussian(schedule), Step(state(0.4), 0.4, history=past), belief, s, Rng.of(0))
        expected = schedule.alpha(s) * m + schedule.sigma(s) * e
        assert torch.allclose(end, expected, rtol=1e-10, atol=1e-10)  # type: ignore[arg-type]
    mended = rule.correct(Gaussian(schedule), Step(state(0.4), 0.4, history=past), belief)
    assert torch.allclose(mended, state(0.4), atol=1e-10)  # type: ignore[arg-type]


NONSENSE: dict[str, list[Callable[[], Sampler]]] = {
    "order": [
        lambda: DPMpp(0),
        lambda: DPMpp(2.0),
        lambda: DPMppSDE(4),
        lambda: UniPC(4),
        lambda: DEIS(5),
        lambda: IPNDM(0),
    ],
    "eta": [lambda: DPMppSDE(eta=-0.1), lambda: DPMppSDE(eta=math.nan)],
    "curvature": [lambda: DPMpp(3, curvature=math.inf), lambda: DPMppSDE(3, curvature=math.nan)],
    "variant": [lambda: UniPC(variant="bh3")],  # type: ignore[arg-type]
    "variable": [lambda: DEIS(variable="u")],  # type: ignore[arg-type]
}


@pytest.mark.parametrize("field", NONSENSE)
def test_nonsense_is_told(field: str) -> None:
    for make in NONSENSE[field]:
        with pytest.raises(RecipeError) as error:
            make()
        assert error.value.field == field


# weak order -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class UnitNoise(Rng):
    """Gives the noise of step k to the k-th of the samples after the first two, and none to the others."""

    def normal_like(self, state: State) -> State:
        assert isinstance(state, Tensor)
        unit, step = torch.zeros_like(state), self.path[1]
        assert isinstance(step, int)
        unit[2 + step] = 1.0
        return unit


def end_moments(rule: Sampler, mixture: GaussianMixture, schedule: Schedule, times: Sequence[float]) -> tuple[Any, Any]:
    """Mean and variance of where a rule ends from one Gaussian, exactly.

    All that happens is linear: the end is a + b₀ x + Σ bₖ zₖ in the start's and the steps' own noise. The first sample
    of the batch has all noise at zero, the others each of them in turn at one.
    """
    count = len(times) + 1
    alpha, sigma = schedule.alpha(times[0]), schedule.sigma(times[0])
    x = (alpha * mixture.means).repeat(count, 1)
    x[1] += math.hypot(alpha * mixture.std, sigma)
    rng = UnitNoise(torch.zeros(count, dtype=torch.int64))
    denoiser: Any = Exact(mixture, schedule)
    end = sample(rule, denoiser, Gaussian(schedule), times, rng=rng, x=x)
    assert isinstance(end, Tensor)
    return end[0], (end[1:] - end[0]).square().sum()


@schedules
@pytest.mark.parametrize("eta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_weak_order_on_one_gaussian(order: int, eta: float, schedule: Schedule) -> None:
    """Of the variance; the mean is exact. From the rules' own start, whose first step is of order 1."""
    mixture, errors = GaussianMixture(torch.tensor([[0.6]], dtype=torch.float64), 0.5), []
    for steps in (64, 128):
        times = [time_of_ratio(schedule, 4.0 * (0.05 / 4.0) ** (i / steps)) for i in range(steps + 1)]
        mean, variance = end_moments(DPMppSDE(order, eta), mixture, schedule, times)
        alpha, sigma = schedule.alpha(times[-1]), schedule.sigma(times[-1])
        assert float(mean) == pytest.approx(alpha * 0.6, rel=1e-9)
        errors.append(abs(float(variance) - alpha**2 * 0.25 - sigma**2))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(min(order, 2), abs=0.15)


def moment_error(order: int, steps: int, count: int = 1 << 16) -> float:
    """The distance of mean and covariance to a mixture's own, at a noise level of 0.05."""
    schedule, mixture, rng = RectifiedFlow(), three_modes(), Rng.of(0, count)
    times = [time_of_ratio(schedule, 4.0 * (0.05 / 4.0) ** (i / steps)) for i in range(steps + 1)]
    clean = mixture.sample(count)
    x = schedule.alpha(times[0]) * clean + schedule.sigma(times[0]) * rng.normal(clean)
    denoiser: Any = Exact(mixture, schedule)
    end: Any = sample(DPMppSDE(order), denoiser, Gaussian(schedule), times, rng=rng, x=x)
    end = end / schedule.alpha(times[-1])
    noise = (mixture.std**2 + noise_ratio(schedule, times[-1]) ** 2) * torch.eye(2)
    covariance = torch.cov(mixture.means.T, correction=0) + noise
    return float(torch.cat([end.mean(0) - mixture.means.mean(0), (torch.cov(end.T) - covariance).flatten()]).norm())


@pytest.mark.parametrize(("order", "expected"), [(1, 1.0), (2, 2.0)])
def test_weak_order_on_a_mixture(order: int, expected: float) -> None:
    """From errors of 0.1 and more to ones that stand clear of chance, which is 0.008."""
    coarse, fine = (moment_error(order, steps) for steps in (8, 16))
    assert fine > 2.0 * 0.008
    assert math.log2(coarse / fine) == pytest.approx(expected, abs=0.3)


def test_order_three_has_the_least_error_on_a_mixture() -> None:
    assert moment_error(3, 16) < 0.6 * moment_error(2, 16)
