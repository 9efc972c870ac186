from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.guidance import CFGpp, ClassifierFree, Within
from suffuse.process import EDM, Gaussian, Product, RectifiedFlow, Schedule, VPLinear, noise_ratio, time_of_ratio
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Uniform
from suffuse.rng import Rng
from tests.guidance.oracles import by_mode, labels


def points(count: int = 6) -> Tensor:
    return Rng.of(0, count).normal(torch.zeros(count, 2, dtype=torch.float64))


@pytest.mark.parametrize("schedule", [RectifiedFlow(), VPLinear(), EDM()], ids=lambda s: type(s).__name__)
def test_outside_the_interval_the_second_evaluation_is_not_made(schedule: Schedule) -> None:
    """The same noise levels σ/α under every schedule, both ends included."""
    process, denoiser = Gaussian(schedule), by_mode(schedule)
    plain = by_mode(schedule)
    guidance = ClassifierFree(denoiser, process, 3.0)
    for level, acts in ((9.0, False), (2.01, False), (1.99, True), (1.0, True), (0.51, True), (0.49, False)):
        t = time_of_ratio(schedule, level)
        belief = Within(guidance, denoiser, process, (0.5, 2.0))(points(), t, labels(6)).mean
        assert denoiser.calls == [12 if acts else 6], level
        denoiser.calls.clear()
        expected = (ClassifierFree(plain, process, 3.0) if acts else plain)(points(), t, labels(6)).mean
        assert torch.equal(belief, expected)  # type: ignore[arg-type]


def test_both_ends_belong_to_it() -> None:
    process = Gaussian()
    denoiser = by_mode(process.schedule)
    ends = noise_ratio(process.schedule, 0.25), noise_ratio(process.schedule, 0.75)
    guided = Within(ClassifierFree(denoiser, process, 3.0), denoiser, process, ends)
    for t in (0.25, 0.75):
        guided(points(), t, labels(6))
    assert denoiser.calls == [12, 12]


def test_pure_noise_is_within_an_open_interval() -> None:
    process = Gaussian()
    denoiser = by_mode(process.schedule)
    Within(ClassifierFree(denoiser, process, 3.0), denoiser, process, (0.5, float("inf")))(points(), 1.0, labels(6))
    assert denoiser.calls == [12]


@pytest.mark.parametrize("guidance", [ClassifierFree, CFGpp])
def test_each_sample_by_its_own_time(guidance: Any) -> None:
    process = Gaussian()
    denoiser = by_mode(process.schedule)
    guided, plain = guidance(denoiser, process, 3.0), by_mode(process.schedule)
    within = Within(guided, denoiser, process, (0.5, 2.0))
    times = torch.tensor([0.9, 0.5, 0.1, 0.4, 0.6, 0.95], dtype=torch.float64)
    belief = within(points(), times, labels(6))
    assert denoiser.calls == [12, 6]
    for i, acts in enumerate([False, True, False, True, True, False]):
        one = {"label": labels(6)["label"].map(lambda x, i=i: x[i : i + 1])}
        expected = (guidance(plain, process, 3.0) if acts else plain)(points()[i : i + 1], float(times[i]), one)
        assert torch.allclose(belief.mean[i], expected.mean[0], atol=1e-13)  # type: ignore[index]
        assert torch.allclose(belief.noise_mean[i], expected.noise_mean[0], atol=1e-13)  # type: ignore[index]
    for times, calls in ((torch.full((6,), 0.9).double(), [6]), (torch.full((6,), 0.5).double(), [12])):
        denoiser.calls.clear()
        within(points(), times, labels(6))
        assert denoiser.calls == calls


def test_a_product_has_one_clock() -> None:
    process = Product({"colour": Categorical(Uniform(2), RectifiedFlow()), "size": Gaussian(VPLinear())})
    level = noise_ratio(VPLinear(), 0.5)
    asked: list[str] = []

    def named(name: str) -> Any:
        return lambda x, t, conditions: asked.append(name)

    within = Within(named("guided"), named("plain"), process, (0.99 * level, 1.01 * level))
    within({"size": points()}, 0.5, {})
    within({"size": points()}, 0.45, {})
    assert asked == ["guided", "plain"]


@pytest.mark.parametrize("interval", [(3.0, 1.0), (-1.0, 1.0), (1.0, 1.0), (float("nan"), 1.0)])
def test_nonsense_is_told(interval: tuple[float, float]) -> None:
    denoiser = by_mode(RectifiedFlow())
    with pytest.raises(RecipeError, match=r"guidance\.interval"):
        Within(denoiser, denoiser, Gaussian(), interval)
