"""Every parametrization, given the target that it names, yields the true x₀; and schedules can be exchanged."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suffuse.denoise import PARAMETRIZATIONS, Preconditioned, reschedule
from suffuse.errors import UnsupportedError
from suffuse.process import EDM, VE, Cosine, Gaussian, RectifiedFlow, Schedule, SubVP, VPLinear
from suffuse.rng import Rng
from suffuse.sampling import Heun, LogSnr, sample
from suffuse.state import over_batch
from tests.oracles import Exact, three_modes

SCHEDULES = [VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP()]


class Told(nn.Module):
    """A network that returns a fixed answer, and keeps what it was asked."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer
        self.asked: tuple[Any, ...] = ()

    def forward(self, x: Tensor, level: Tensor, conditions: Any) -> Tensor:
        self.asked = (x, level)
        return self.answer


def target(predict: str, x0: Tensor, noise: Tensor, alpha: Tensor, sigma: Tensor, data: float) -> Tensor:
    """What each parametrization's network should say, from the definitions."""
    deviation = (alpha**2 * data**2 + sigma**2).sqrt()
    return {
        "x0": x0,
        "eps": noise,
        "v": (alpha * noise - sigma * x0) / (alpha**2 + sigma**2).sqrt(),
        "flow": noise - x0,
        "score": -noise,
        "edm": (deviation**2 * x0 - alpha * data**2 * (alpha * x0 + sigma * noise)) / (sigma * data * deviation),
    }[predict]


@pytest.mark.parametrize("predict", PARAMETRIZATIONS)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("time", [0.4, torch.tensor([0.001, 0.4, 0.97], dtype=torch.float64)], ids=["one", "each"])
def test_true_target_gives_x0(predict: str, schedule: Schedule, time: Any) -> None:
    if PARAMETRIZATIONS[predict].needs_signal and schedule.alpha(1.0) == 0.0:
        with pytest.raises(UnsupportedError, match="predict"):
            Preconditioned(Told(torch.zeros(3, 5)), Gaussian(schedule), predict)
        return
    data = 0.5
    rng = Rng.of(0, 3)
    like = torch.zeros(3, 5, dtype=torch.float64)
    x0, noise = data * rng.at("x0").normal(like), rng.at("corrupt").normal(like)
    t = torch.as_tensor(time, dtype=torch.float64).expand(3)
    alpha, sigma = over_batch(schedule.alpha(t), x0), over_batch(schedule.sigma(t), x0)
    x_t = Gaussian(schedule).corrupt(x0, time, rng)
    network = Told(target(predict, x0, noise, alpha, sigma, data))
    posterior = Preconditioned(network, Gaussian(schedule), predict, data)(x_t, time, {})
    assert isinstance(posterior.mean, Tensor)
    assert torch.allclose(posterior.mean, x0, rtol=1e-9, atol=1e-9)
    asked, level = network.asked
    assert torch.allclose(asked, x_t / (alpha**2 * data**2 + sigma**2).sqrt(), rtol=1e-12)
    assert level.shape == (3,)
    assert level.abs().max() <= 1.5


@pytest.mark.parametrize("predict", ["x0", "v", "flow", "edm"])
def test_pure_noise_is_finite(predict: str) -> None:
    """At t = 1 of rectified flow α is 0 and σ/α infinite."""
    denoiser = Preconditioned(Told(torch.ones(2, 3)), Gaussian(RectifiedFlow()), predict)
    posterior = denoiser(torch.ones(2, 3), 1.0, {})
    assert isinstance(posterior.mean, Tensor)
    assert posterior.mean.isfinite().all()


@pytest.mark.parametrize("trained", SCHEDULES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("asked", SCHEDULES, ids=lambda s: type(s).__name__)
def test_rescheduled_belief_is_the_belief(trained: Schedule, asked: Schedule) -> None:
    """The exact posterior of one schedule, asked under another, is the exact posterior of the other."""
    mixture = three_modes()
    clean = mixture.sample(16)
    x_t = Gaussian(asked).corrupt(clean, 0.4, Rng.of(0, 16))
    borrowed = reschedule(Exact(mixture, trained), trained, asked)(x_t, 0.4, {})
    exact = Exact(mixture, asked)(x_t, 0.4, {})  # type: ignore[arg-type]
    assert isinstance(borrowed.mean, Tensor)
    assert isinstance(exact.mean, Tensor)
    assert torch.allclose(borrowed.mean, exact.mean, rtol=1e-7, atol=1e-7)


def test_samples_agree_across_schedules() -> None:
    """A denoiser trained under VP and sampled under EDM and flow gives the data's distribution."""
    mixture, trained = three_modes(), VPLinear()
    for asked in (EDM(), RectifiedFlow(), Cosine()):
        denoiser = reschedule(Exact(mixture, trained), trained, asked)
        like = torch.zeros(2000, 2, dtype=torch.float64)
        x = sample(Heun(), denoiser, Gaussian(asked), LogSnr(30), rng=Rng.of(0, 2000), like=like)
        assert isinstance(x, Tensor)
        nearest = torch.cdist(x, mixture.means).argmin(1)
        shares = torch.bincount(nearest, minlength=3) / len(x)
        assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.05)
        residual = (x - mixture.means[nearest]).std()
        assert residual.item() == pytest.approx(mixture.std, rel=0.06)


def test_sampling_purer_noise_than_was_seen_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="never trained on noise this pure"):
        reschedule(Exact(three_modes(), EDM(sigma_max=2.0)), EDM(sigma_max=2.0), EDM())  # type: ignore[arg-type]


def test_unknown_parametrization_names_the_nearest() -> None:
    with pytest.raises(UnsupportedError, match="did you mean 'flow'"):
        Preconditioned(Told(torch.zeros(1)), Gaussian(), "flw")
