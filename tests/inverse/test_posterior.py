"""Sampling under linear measurements, against posteriors known in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.inverse import DPS, MMPS, DiffPIR, Measured, PiGDM, Run
from suffuse.inverse.method import diffpir, dps, mmps, pigdm, repaint
from suffuse.operators import BandLimit, Blur, Downsample, Identity, Mask, Operator
from suffuse.posterior import Posterior, Time
from suffuse.process import EDM, VE, Cosine, Gaussian, Process, RectifiedFlow, Schedule, VPLinear
from suffuse.rng import Rng
from suffuse.sampling import DDIM, DDPM, DPMpp, LogSnr, Sampler, sample
from tests.oracles import Exact, ExactGaussian, FullGaussian, GaussianMixture, smooth_signal

COUNT = 1000
POINTS = 6
KNOWN = torch.tensor([True, False, True, False, False, True])
TRUTH = torch.tensor([1.0, 0.2, -0.6, -0.8, 0.1, 1.0], dtype=torch.float64)
OPERATORS: list[tuple[Operator, float]] = [
    (Mask(KNOWN), 0.0),
    (Mask(KNOWN), 0.3),
    (Blur(1.0), 0.3),
    (Downsample(2), 0.0),
    (BandLimit(0.5), 0.2),
    (Identity(), 0.3),
]
operators = pytest.mark.parametrize(
    ("operator", "noise"), OPERATORS, ids=lambda v: type(v).__name__ if isinstance(v, Operator) else str(v)
)
schedules = pytest.mark.parametrize(
    "schedule", [RectifiedFlow(), VPLinear(), EDM(), VE(), Cosine()], ids=lambda s: type(s).__name__
)


def matrix(operator: Operator) -> Tensor:
    """A as a matrix, without the rows of what is not measured."""
    columns = operator(torch.eye(POINTS, dtype=torch.float64)[:, None])
    assert isinstance(columns, Tensor)
    rows = columns.flatten(1).T
    return rows[rows.abs().sum(1) > 0.0]


def measured(operator: Operator, noise: float, count: int = COUNT) -> tuple[Measured, FullGaussian]:
    """A measurement of one truth, with a fixed error, for many samples; and what then is known, exactly."""
    y = operator(TRUTH[None, None])
    assert isinstance(y, Tensor)
    error = noise * torch.tensor([0.9, -0.7, 0.3, -1.1, 0.5, 0.2], dtype=torch.float64)[: y.shape[-1]]
    y = operator(error[None, None]) + y if isinstance(operator, Mask) else y + error  # type: ignore[operator]
    rows = y.flatten()[KNOWN] if isinstance(operator, Mask) else y.flatten()
    prior = smooth_signal(POINTS)
    exact = prior.given(matrix(operator), rows, max(noise, 1e-6)) if len(rows) == len(matrix(operator)) else None
    assert exact is not None
    return Measured(operator, y.expand(count, -1, -1), noise), exact


def draw(schedule: Schedule, known: Measured, method: Any, sampler: Sampler | None = None, steps: int = 25) -> Tensor:
    process: Process = Gaussian(schedule)
    denoiser: Any = ExactGaussian(smooth_signal(POINTS), schedule)
    run = Run(denoiser, process, sampler or DDPM(), LogSnr(steps)(schedule))
    run = run if method is None else method(run, known)
    like = torch.zeros(COUNT, 1, POINTS, dtype=torch.float64)
    x = sample(run.sampler, run.denoiser, process, run.times, rng=Rng.of(0, COUNT), like=like)
    assert isinstance(x, Tensor)
    return x.flatten(1)


def errors(x: Tensor, exact: FullGaussian) -> tuple[float, float]:
    """Of the mean, relative to it, and of the covariance, relative to that of the data."""
    off = (x.mean(0) - exact.mean).norm() / exact.mean.norm()
    spread = (torch.cov(x.T) - exact.covariance).norm() / smooth_signal(POINTS).covariance.norm()
    return float(off), float(spread)


@operators
@schedules
@pytest.mark.parametrize("t", [1.0, 0.9, 0.5, 0.1, 1e-3])
def test_mmps_is_the_posterior_mean(schedule: Schedule, operator: Operator, noise: float, t: float) -> None:
    """E[x₀ | x_t, y] is what the exact denoiser of p(x₀ | y) believes. Pure noise stands for σ/α = 100 at t = 1."""
    known, exact = measured(operator, noise, 5)
    prior, process = smooth_signal(POINTS), Gaussian(schedule)
    guided = MMPS(ExactGaussian(prior, schedule), process, operator, known.value, noise, iterations=POINTS)  # type: ignore[arg-type]
    x = process.corrupt(TRUTH.expand(5, 1, -1), t, Rng.of(3, 5))
    expected = ExactGaussian(exact, schedule)(x, t, {}).mean  # type: ignore[arg-type]
    believed = guided(x, t, {}).mean
    tolerance = 0.06 if schedule.alpha(t) < 0.01 * schedule.sigma(t) else 1e-6
    assert torch.allclose(believed, expected, atol=tolerance)  # type: ignore[arg-type]
    every = torch.full((5,), t, dtype=torch.float64)
    if schedule == RectifiedFlow():
        assert torch.allclose(guided_at(guided, x, every), believed, atol=1e-10)  # type: ignore[arg-type]


def guided_at(guided: MMPS, x: Tensor, times: Tensor) -> Tensor:
    """The belief where each sample has a time of its own; the oracle knows one time only."""
    exact: Any = guided.denoiser

    def one_time(x_t: Tensor, t: Time, conditions: Any) -> Posterior:
        return exact(x_t, float(t.flatten()[0]) if isinstance(t, Tensor) else t, conditions)

    return MMPS(one_time, guided.process, guided.operator, guided.measurement, guided.noise, guided.iterations)(
        x, times, {}
    ).mean  # type: ignore[return-value, arg-type]


@operators
def test_mmps_samples_the_posterior(operator: Operator, noise: float) -> None:
    """To sampling error: 1,000 samples tell a mean to 0.03 deviations, and a covariance to 0.05."""
    known, exact = measured(operator, noise)
    for sampler in (DDPM(), DPMpp())[: 2 if noise == 0.0 else 1]:
        off, spread = errors(draw(RectifiedFlow(), known, mmps(POINTS), sampler), exact)
        assert off < 0.05
        assert spread < 0.08


BIASED = {
    "pigdm": (pigdm(), 0.18, 0.05),
    "dps": (dps(), 0.45, 0.15),
    "diffpir": (diffpir(), 0.20, 0.15),
}
"""Approximate methods, and the most that mean and covariance may be off."""


@operators
@pytest.mark.parametrize("name", BIASED)
def test_approximate_methods_come_near(name: str, operator: Operator, noise: float) -> None:
    method, most_off, most_spread = BIASED[name]
    known, exact = measured(operator, noise)
    off, spread = errors(draw(RectifiedFlow(), known, method), exact)
    assert off < most_off
    assert spread < most_spread
    blind_off, blind_spread = errors(draw(RectifiedFlow(), known, None), exact)
    assert off < 0.45 * blind_off
    assert spread < 0.25 * blind_spread


def test_independent_entries_leave_no_bias_to_pigdm() -> None:
    """Where the data are N(0, 1), ΠGDM's covariance is the true one."""
    white = FullGaussian(torch.zeros(POINTS, dtype=torch.float64), torch.eye(POINTS, dtype=torch.float64))
    known, _ = measured(Blur(1.0), 0.3, 5)
    exact = white.given(matrix(Blur(1.0)), known.value[0].flatten(), 0.3)  # type: ignore[index, call-overload, union-attr]
    process = Gaussian(VPLinear())
    x = process.corrupt(TRUTH.expand(5, 1, -1), 0.4, Rng.of(0, 5))
    guided = PiGDM(ExactGaussian(white, process.schedule), process, Blur(1.0), known.value, 0.3)  # type: ignore[arg-type]
    expected = ExactGaussian(exact, process.schedule)(x, 0.4, {}).mean  # type: ignore[arg-type]
    assert torch.allclose(guided(x, 0.4, {}).mean, expected, atol=1e-4)  # type: ignore[arg-type]


def test_dps_descends_the_norm_of_the_residual() -> None:
    """Its shift is σ²/α times its multiple of the norm's gradient."""
    known, _ = measured(Blur(1.0), 0.3, 3)
    process = Gaussian(RectifiedFlow())
    oracle: Any = ExactGaussian(smooth_signal(POINTS), process.schedule)
    x = process.corrupt(TRUTH.expand(3, 1, -1), 0.4, Rng.of(0, 3))
    assert isinstance(x, Tensor)
    leaf = x.clone().requires_grad_()
    norms = (known.value - Blur(1.0)(oracle(leaf, 0.4, {}).mean)).flatten(1).norm(dim=1)  # type: ignore[operator, union-attr]
    (gradient,) = torch.autograd.grad(norms.sum(), leaf)
    alpha, sigma = 0.6, 0.4
    factor = 0.7 * (POINTS / (0.3**2 + sigma**2 / (alpha**2 + sigma**2))) ** 0.5
    expected = oracle(x, 0.4, {}).mean - sigma**2 / alpha * factor * gradient
    guided = DPS(oracle, process, Blur(1.0), known.value, 0.3, strength=0.7)
    assert torch.allclose(guided(x, 0.4, {}).mean, expected, rtol=1e-9)  # type: ignore[arg-type]


def test_diffpir_is_the_proximal_point() -> None:
    """The gradient of what it minimizes is zero there."""
    known, _ = measured(Blur(1.0), 0.3, 3)
    process = Gaussian(RectifiedFlow())
    oracle: Any = ExactGaussian(smooth_signal(POINTS), process.schedule)
    x = process.corrupt(TRUTH.expand(3, 1, -1), 0.4, Rng.of(0, 3))
    guided = DiffPIR(oracle, process, Blur(1.0), known.value, 0.3, strength=2.0, iterations=30)
    moved = guided(x, 0.4, {}).mean
    assert isinstance(moved, Tensor)
    leaf = moved.clone().requires_grad_()
    misfit = (known.value - Blur(1.0)(leaf)).square().sum()  # type: ignore[operator, union-attr]
    belief = 2.0 * 0.3**2 * 0.6**2 / 0.4**2 * (leaf - oracle(x, 0.4, {}).mean).square().sum()
    (gradient,) = torch.autograd.grad(misfit + belief, leaf)
    assert gradient.abs().max() < 1e-4
    assert (moved - oracle(x, 0.4, {}).mean).abs().max() > 0.1


@pytest.mark.parametrize("method", [mmps(6), pigdm(), dps(), diffpir()], ids=["mmps", "pigdm", "dps", "diffpir"])
@schedules
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_finite_at_both_ends(schedule: Schedule, noise: float, method: Any) -> None:
    """Where α = 0 (rectified flow at t = 1) and where σ = 0, in float32 too."""
    process = Gaussian(schedule)
    oracle: Any = ExactGaussian(smooth_signal(POINTS), schedule)
    for dtype in (torch.float32, torch.float64):
        clean = TRUTH.expand(4, 1, -1).to(dtype)
        y = Blur(1.0)(clean)
        run = method(Run(oracle, process, DDPM(), [1.0, 0.0]), Measured(Blur(1.0), y, noise))
        for t in (1.0, 1.0 - 1e-9, 1e-12, 0.0):
            believed = run.denoiser(process.corrupt(clean, t, Rng.of(0, 4)), t, {}).mean
            assert believed.isfinite().all(), t
            assert believed.dtype == dtype
            assert believed.abs().max() < 1e3


@pytest.mark.parametrize(
    "method", [mmps(3), pigdm(), dps(), diffpir(), repaint(3)], ids=["mmps", "pigdm", "dps", "diffpir", "repaint"]
)
def test_a_sample_is_the_same_alone_and_in_the_batch(method: Any) -> None:
    schedule, count = RectifiedFlow(), 9
    oracle: Any = ExactGaussian(smooth_signal(POINTS), schedule)
    values = TRUTH * torch.linspace(0.2, 2.0, count, dtype=torch.float64)[:, None, None]
    values[4] = smooth_signal(POINTS).mean  # one residual is far smaller than the others
    mask = Mask(KNOWN)

    def made(part: slice) -> Tensor:
        run = Run(oracle, Gaussian(schedule), DDPM(), LogSnr(12)(schedule))
        run = method(run, Measured(mask, mask(values[part])))
        x = sample(run.sampler, run.denoiser, run.process, run.times, rng=Rng.of(0, count)[part], like=values[part])
        assert isinstance(x, Tensor)
        return x

    whole = made(slice(0, count))
    for i in (0, 4, 8):
        assert torch.allclose(made(slice(i, i + 1)), whole[i : i + 1], rtol=1e-9, atol=1e-9)


def test_repaint_comes_nearer_the_more_it_resamples() -> None:
    known, exact = measured(Mask(KNOWN), 0.0)
    found = [errors(draw(RectifiedFlow(), known, repaint(r), steps=25), exact)[0] for r in (1, 3, 10)]
    assert found[0] > 0.1
    assert found[1] < 0.75 * found[0]
    assert found[2] < 0.4 * found[0]
    far = errors(draw(RectifiedFlow(), known, repaint(4, jump=5), steps=25), exact)
    assert far[0] < 0.8 * found[0]


def test_repaint_gives_the_known_part_back_exactly() -> None:
    known, _ = measured(Mask(KNOWN), 0.0)
    x = draw(RectifiedFlow(), known, repaint(2), DDIM(), steps=5)
    assert torch.equal(x[:, KNOWN], known.value.flatten(1)[:, KNOWN])  # type: ignore[union-attr]


def two_sides() -> GaussianMixture:
    """Four modes, of which a first coordinate of 1 leaves two, one as likely as the other."""
    means = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 0.7], [-1.0, -0.3]], dtype=torch.float64)
    return GaussianMixture(means, 0.2)


class OverAxes:
    """The exact belief of a mixture about states ``[batch, 1, 2]``."""

    def __call__(self, x: Tensor, t: Time, conditions: Mapping[str, Any]) -> Posterior:
        mean = Exact(two_sides(), RectifiedFlow())(x.flatten(1), t, conditions).mean
        return Posterior(mean.reshape(x.shape))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("method", "most"), [(mmps(2), 0.01), (pigdm(), 0.03), (repaint(8), 0.03)], ids=["mmps", "pigdm", "repaint"]
)
def test_modes_that_the_measurement_leaves(method: Any, most: float) -> None:
    """y = x₁ = 1.1: two modes remain, each half, with their own spread; ``most`` is the share that goes astray."""
    count = 600
    mask = Mask(torch.tensor([True, False]))
    y = torch.tensor([[[1.1, 0.0]]], dtype=torch.float64).expand(count, -1, -1)
    run: Run = method(Run(OverAxes(), Gaussian(), DDPM(), LogSnr(40)(RectifiedFlow())), Measured(mask, y))  # type: ignore[arg-type]
    x = sample(run.sampler, run.denoiser, run.process, run.times, rng=Rng.of(0, count), like=y).flatten(1)  # type: ignore[union-attr]
    distance, nearest = torch.cdist(x, two_sides().means).min(1)
    right = (nearest < 2) & (distance < 1.0)
    assert 1.0 - right.double().mean() <= most
    assert abs(float((x[right, 1] > 0.0).double().mean()) - 0.5) < 0.08
    assert float((x[right, 1].abs() - 1.0).std()) == pytest.approx(0.2, rel=0.25)
    assert torch.allclose(x[right, 0], torch.full_like(x[right, 0], 1.1), atol=0.02)
