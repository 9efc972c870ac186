from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.conditions import Condition
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.guidance import Classifier, ClassifierFree, Gradient
from suffuse.posterior import Posterior
from suffuse.process import EDM, Gaussian, Product, RectifiedFlow, Schedule, VPLinear
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Absorbing, Uniform
from suffuse.rng import Rng
from suffuse.sampling import DDIM, DDPM, LogSnr, iterate, sample
from suffuse.state import over_batch
from tests.guidance.oracles import Measurement, Normal, by_mode, label, labels
from tests.oracles import three_modes

SCHEDULES = pytest.mark.parametrize("schedule", [RectifiedFlow(), VPLinear(), EDM()], ids=lambda s: type(s).__name__)


def points(count: int = 6) -> Tensor:
    return Rng.of(0, count).normal(torch.zeros(count, 2, dtype=torch.float64))


def prior(schedule: Schedule) -> Normal:
    return Normal(torch.tensor([0.3, -0.5]).double(), torch.tensor([[1.0, 0.4], [0.4, 0.5]]).double(), schedule)


def measurements() -> list[Measurement]:
    return [
        Measurement(torch.tensor([[1.0, -0.5]]).double(), torch.tensor([[0.3]]).double(), torch.tensor([1.2]).double()),
        Measurement(torch.tensor([[0.2, 2.0]]).double(), torch.tensor([[0.1]]).double(), torch.tensor([-0.4]).double()),
    ]


def as_denoiser(belief: Any) -> Any:
    return lambda x, t, conditions: Posterior(belief(x, t))


@SCHEDULES
@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_linear_gaussian_measurement_is_exact(schedule: Schedule, t: float) -> None:
    """E[x₀ | x_t, y] by Kalman's update; twice, where the first guided denoiser is guided again."""
    process, normal, (first, second) = Gaussian(schedule), prior(schedule), measurements()
    mean, spread = normal(points(), t), normal.posterior_covariance(t)
    guided = Gradient(as_denoiser(normal), process, first.likelihood(spread))
    with torch.inference_mode():
        belief = guided(points(), t, {}).mean
    mean_1, spread_1 = first.update(mean, spread)
    assert torch.allclose(belief, mean_1, atol=1e-9)  # type: ignore[arg-type]
    twice = Gradient(guided, process, second.likelihood(spread_1))
    with torch.inference_mode():
        belief = twice(points(), t, {}).mean
    assert not belief.requires_grad  # type: ignore[union-attr]
    assert torch.allclose(belief, second.update(mean_1, spread_1)[0], atol=1e-9)  # type: ignore[arg-type]


def test_scale_and_times_of_each_sample() -> None:
    """x̂ + scale σ²/α ∇, with the gradient by differences."""
    process, denoiser = Gaussian(RectifiedFlow()), by_mode(RectifiedFlow())
    times, scale, h = torch.tensor([0.2, 0.5, 0.8, 0.3, 0.6, 1.0], dtype=torch.float64), 1.7, 1e-5

    def wanted(x0: Any, conditions: Any) -> Tensor:
        return -(x0 - 1.0).square().sum(-1) - x0[:, 0].sin()

    guided = Gradient(denoiser, process, wanted, scale)(points(), times, labels(6)).mean
    assert denoiser.calls == [6]

    def after(step: Tensor) -> Tensor:
        return wanted(denoiser(points() + step, times, labels(6)).mean, {})

    slope = torch.stack([(after(e) - after(-e)) / (2.0 * h) for e in h * torch.eye(2, dtype=torch.float64)], 1)
    gain = torch.where(times < 1.0, times**2 / (1.0 - times), 0.0)[:, None]
    expected = denoiser(points(), times, labels(6)).mean + scale * gain * slope
    assert torch.allclose(guided, expected, atol=1e-7)  # type: ignore[arg-type]


def test_scale_zero_is_off() -> None:
    process, denoiser = Gaussian(), by_mode(RectifiedFlow())

    def never(*_: Any) -> Tensor:
        raise AssertionError

    for guidance in (Gradient, Classifier):
        belief = guidance(denoiser, process, never, 0.0)(points(), 0.5, labels(6)).mean
        assert torch.equal(belief, by_mode(RectifiedFlow())(points(), 0.5, labels(6)).mean)  # type: ignore[arg-type]
    assert denoiser.calls == [6, 6]


# The exact noisy classifier of a mixture: log p(mode | x_t).


def classifier(schedule: Schedule) -> Any:
    def log_likelihood(x: Any, t: Any, conditions: Any) -> Tensor:
        alpha, sigma = (
            over_batch(torch.as_tensor(f(t)).double().reshape(-1), x) for f in (schedule.alpha, schedule.sigma)
        )
        chances, _ = three_modes().responsibilities(x, alpha, sigma)
        return chances.log()[torch.arange(len(x)), conditions["label"].value]

    return log_likelihood


@SCHEDULES
@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_exact_noisy_classifier_gives_the_conditional_belief(schedule: Schedule, t: float) -> None:
    exact, free = by_mode(schedule), by_mode(schedule)

    def unconditional(x: Any, t: Any, conditions: Any) -> Posterior:
        return free(x, t, label(*[None] * len(x)))

    guided = Classifier(unconditional, Gaussian(schedule), classifier(schedule))
    with torch.inference_mode():
        belief = guided(points(), t, labels(6)).mean
    assert free.calls == [6]
    assert torch.allclose(belief, exact(points(), t, labels(6)).mean, atol=1e-9)  # type: ignore[arg-type]


@pytest.mark.parametrize(("sampler", "steps"), [(DDIM(), 60), (DDPM(), 100)], ids=["ddim", "ddpm"])
def test_samples_follow_the_conditional_distribution(sampler: Any, steps: int) -> None:
    """From pure noise on, where α = 0 and the first belief is not guided: mean and covariance of the asked mode."""
    schedule, count = RectifiedFlow(), 2000
    free = by_mode(schedule)
    guided = Classifier(lambda x, t, c: free(x, t, label(*[None] * len(x))), Gaussian(schedule), classifier(schedule))
    like = torch.zeros(count, 2, dtype=torch.float64)
    asked = label(*[1] * count)
    x = sample(sampler, guided, Gaussian(schedule), LogSnr(steps), rng=Rng.of(0, count), like=like, conditions=asked)
    assert isinstance(x, Tensor)
    mixture = three_modes()
    assert torch.allclose(x.mean(0), mixture.means[1], atol=0.03)
    assert torch.allclose(x.T.cov(), mixture.std**2 * torch.eye(2, dtype=torch.float64), atol=0.015)


def test_within_the_loop_gradients_are_of_the_state_alone() -> None:
    """The loop runs in inference mode; what it yields records nothing, and parameters get no gradient."""
    network = torch.nn.Linear(2, 2).double()

    def denoiser(x: Any, t: Any, conditions: Any) -> Posterior:
        return Posterior(network(x) + conditions["shift"].value[:, None])

    guided = Gradient(denoiser, Gaussian(), lambda x0, c: -(x0 - c["shift"].value[:, None]).square().sum(-1))
    shift = {"shift": Condition(torch.ones(3, dtype=torch.float64), torch.ones(3, dtype=torch.bool))}
    like = torch.zeros(3, 2, dtype=torch.float64)
    for step in iterate(DDIM(), guided, Gaussian(), LogSnr(4), rng=Rng.of(0, 3), like=like, conditions=shift):
        assert not step.x.requires_grad  # type: ignore[union-attr]
    assert network.weight.grad is None


def test_gradient_of_a_classifier_free_denoiser_and_the_reverse() -> None:
    """Both orders in inference mode: the gradient passes through both evaluations, or both are tilted."""
    process, schedule, t = Gaussian(), RectifiedFlow(), 0.5

    def wanted(x0: Any, conditions: Any) -> Tensor:
        return x0[:, 0] * x0[:, 1]

    def tilted(belief: Any) -> Tensor:
        x = points().requires_grad_()
        mean = belief(x)
        (slope,) = torch.autograd.grad(wanted(mean, {}).sum(), x)
        return mean.detach() + t**2 / (1.0 - t) * slope

    exact = by_mode(schedule)

    def given(x: Tensor) -> Tensor:
        return exact(x, t, labels(6)).mean

    def free(x: Tensor) -> Tensor:
        return exact.free(x, t)

    one, other = by_mode(schedule), by_mode(schedule)
    with torch.inference_mode():
        outer = Gradient(ClassifierFree(one, process, 3.0), process, wanted)(points(), t, labels(6)).mean
        inner = ClassifierFree(Gradient(other, process, wanted), process, 3.0)(points(), t, labels(6)).mean
    assert one.calls == other.calls == [12]
    assert torch.allclose(outer, tilted(lambda x: 3.0 * given(x) - 2.0 * free(x)), atol=1e-12)  # type: ignore[arg-type]
    assert torch.allclose(inner, 3.0 * tilted(given) - 2.0 * tilted(free), atol=1e-12)  # type: ignore[arg-type]


# Discrete: where the log-likelihood is linear in the one-hot vectors, the expansion is exact.

THETA = torch.tensor([[1.0, -0.5, 0.2], [0.0, 2.0, -1.0]], dtype=torch.float64)
SHARES = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]], dtype=torch.float64)


def independent(process: Categorical, shares: Tensor) -> Any:
    """E[x₀ | x_t] of independent entries with these shares ``[entries, classes]``."""

    def belief(x: Tensor, t: float, conditions: Any = None) -> Posterior:
        shown = torch.cat([x, (x == 0).all(-1, keepdim=True).double()], -1) if process.absorbing else x
        rows = []
        for k in range(shares.shape[-1]):
            x0 = torch.nn.functional.one_hot(torch.full(x.shape[:-1], k), shares.shape[-1]).double()
            outcomes = process.marginal(x0, t)
            assert isinstance(outcomes, Tensor)
            rows.append(shares[:, k] * (outcomes * shown).sum(-1))
        p = torch.stack(rows, -1)
        return Posterior(p / p.sum(-1, keepdim=True))

    return belief


def tilted_shares() -> Tensor:
    """Of p(x₀ | y) for log p(y | x₀) = Σ θ·x₀."""
    p = SHARES * THETA.exp()
    return p / p.sum(-1, keepdim=True)


def noisy(process: Categorical, t: float, count: int = 12) -> Tensor:
    x0 = torch.eye(3).double()[(3 * Rng.of(9, count).uniform(shape=(2,))).long()]
    x = process.corrupt(x0, t, Rng.of(0, count))
    assert isinstance(x, Tensor)
    return x


@pytest.mark.parametrize("kernel", [Uniform(3), Absorbing(3)], ids=["uniform", "absorbing"])
def test_a_linear_log_likelihood_of_classes_is_exact(kernel: Any) -> None:
    process, t = Categorical(kernel), 0.6
    x = noisy(process, t)
    guided = Gradient(independent(process, SHARES), process, lambda x0, c: (THETA * x0).sum((1, 2)))
    with torch.inference_mode():
        belief = guided(x, t, {}).mean
    assert torch.allclose(belief, independent(process, tilted_shares())(x, t).mean, atol=1e-12)  # type: ignore[arg-type]


def test_an_exact_classifier_of_masked_entries_is_exact() -> None:
    """log p(y | x_t) sums θ where an entry shows, and the log of its mean effect where it is masked."""
    process, t = Categorical(Absorbing(3)), 0.6
    x = noisy(process, t)
    assert (x == 0).all(-1).any()

    def log_likelihood(x: Any, t: Any, conditions: Any) -> Tensor:
        masked = (SHARES * THETA.exp()).sum(-1).log()
        return ((THETA * x).sum(-1) + (1.0 - x.sum(-1)) * masked).sum(-1)

    guided = Classifier(independent(process, SHARES), process, log_likelihood)
    with torch.inference_mode():
        belief = guided(x, t, {}).mean
    assert torch.allclose(belief, independent(process, tilted_shares())(x, t).mean, atol=1e-12)  # type: ignore[arg-type]


def test_samples_of_a_tilted_chain() -> None:
    """Ancestral sampling under the gradient has the tilted shares."""
    process, count = Categorical(Absorbing(3)), 20000
    guided = Gradient(independent(process, SHARES), process, lambda x0, c: (THETA * x0).sum((1, 2)))
    times = [1.0, 0.6, 0.3, 0.0]
    x = sample(DDPM(), guided, process, times, rng=Rng.of(0, count), like=torch.zeros(count, 2, 3).double())
    assert isinstance(x, Tensor)
    assert torch.allclose(x.mean(0), tilted_shares(), atol=4.0 * 0.5 / math.sqrt(count))


def test_mixed_fields() -> None:
    """The numbers move by the whole derivative, through the classes too; the classes by the partial one."""
    process, t, scale = Product({"size": Gaussian(), "colour": Categorical(Uniform(3))}), 0.4, 0.8
    mix = torch.tensor([[0.5, -1.0, 0.3], [1.0, 0.2, -0.4]], dtype=torch.float64)
    mask = torch.tensor([[True, True], [True, False]])

    def denoiser(x: Any, t: Any, conditions: Any) -> Posterior:
        size = (x["size"] + 0.3 * x["colour"].sum(-1)).tanh()
        colour = (x["colour"] + x["size"][..., None] * mix).softmax(-1)
        return Posterior({"size": size, "colour": colour, "mask": x["mask"]})

    def wanted(x0: Any, conditions: Any) -> Tensor:
        real = x0["mask"].double()
        return (real * (x0["size"].square() + x0["size"] * (x0["colour"] @ mix[0]) + x0["colour"][..., 1] ** 2)).sum(-1)

    colour = torch.nn.functional.one_hot(torch.tensor([[0, 2], [1, 0]]), 3).double()
    x = {"size": torch.tensor([[0.3, -0.8], [1.1, 0.0]]).double(), "colour": colour, "mask": mask}
    with torch.inference_mode():
        guided = Gradient(denoiser, process, wanted, scale)(x, t, {}).mean
    plain = denoiser(x, t, {}).mean
    assert isinstance(guided, dict) and isinstance(plain, dict)
    h, whole = 1e-6, torch.zeros(2, 2, dtype=torch.float64)
    for j in range(2):
        step = h * torch.eye(2, dtype=torch.float64)[j]
        up, down = (wanted(denoiser({**x, "size": x["size"] + s}, t, {}).mean, {}) for s in (step, -step))
        whole[:, j] = (up - down) / (2.0 * h)
    expected = plain["size"] + scale * t**2 / (1.0 - t) * whole
    assert torch.allclose(guided["size"][mask], expected[mask], atol=1e-8)
    partial = plain["size"][..., None] * mix[0]
    partial[..., 1] += 2.0 * plain["colour"][..., 1]
    weighted = plain["colour"] * (scale * partial).exp()
    assert torch.allclose(guided["colour"][mask], (weighted / weighted.sum(-1, keepdim=True))[mask], atol=1e-12)
    assert (guided["size"][~mask] == 0.0).all() and (guided["colour"][~mask] == 0.0).all()


def test_anchors_stay() -> None:
    """A denoiser's own noise direction is not tilted."""

    def anchored(x: Any, t: Any, conditions: Any) -> Posterior:
        return Posterior(x.sin(), anchor=x.cos())

    for guided in (
        Gradient(anchored, Gaussian(), lambda x0, c: x0.sum(-1)),
        Classifier(anchored, Gaussian(), lambda x, t, c: x.sum(-1)),
    ):
        with torch.inference_mode():
            belief = guided(points(), 0.5, {})
        assert torch.equal(belief.anchor, points().cos())  # type: ignore[arg-type]
        assert not torch.allclose(belief.mean, points().sin())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wanted",
    [
        lambda x0, c: x0.sum(),
        lambda x0, c: x0,
        lambda x0, c: torch.as_tensor(x0.detach().numpy().sum(1)),
    ],
    ids=["one number", "a state", "through numpy"],
)
def test_what_cannot_be_differentiated_is_told(wanted: Any) -> None:
    with pytest.raises(UnsupportedError, match="log_likelihood"):
        Gradient(by_mode(RectifiedFlow()), Gaussian(), wanted)(points(), 0.5, labels(6))


def test_nonsense_is_told() -> None:
    for guidance in (Gradient, Classifier):
        with pytest.raises(RecipeError, match="scale"):
            guidance(by_mode(RectifiedFlow()), Gaussian(), lambda *_: torch.zeros(1), math.nan)
