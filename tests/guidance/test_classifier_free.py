from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import DomainInputError, RecipeError
from suffuse.guidance import ClassifierFree
from suffuse.posterior import Posterior
from suffuse.process import Gaussian, RectifiedFlow
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Absorbing, Uniform
from suffuse.rng import Rng
from suffuse.sampling import DDIM, LogSnr, sample
from tests.guidance.oracles import ByLabel, by_mode, label, labels
from tests.oracles import three_modes

FLOW = Gaussian(RectifiedFlow())


def points(count: int = 6) -> Tensor:
    return Rng.of(0, count).normal(torch.zeros(count, 2, dtype=torch.float64))


def test_weight_one_is_off_and_costs_nothing() -> None:
    denoiser = by_mode(FLOW.schedule)
    guided = ClassifierFree(denoiser, FLOW, 1.0)(points(), 0.5, labels(6))
    assert denoiser.calls == [6]
    assert torch.equal(guided.mean, denoiser(points(), 0.5, labels(6)).mean)


def test_no_condition_costs_nothing() -> None:
    denoiser = by_mode(FLOW.schedule)
    guided = ClassifierFree(denoiser, FLOW, 3.0)(points(), 0.5, label(*[None] * 6))
    assert denoiser.calls == [6]
    assert torch.equal(guided.mean, denoiser.free(points(), 0.5))


@pytest.mark.parametrize("t", [0.5, torch.linspace(0.1, 1.0, 6, dtype=torch.float64)], ids=["one", "each"])
def test_formula_in_one_call(t: Any) -> None:
    """Also for a sample without a condition among others that have one."""
    denoiser = by_mode(FLOW.schedule)
    x, asked = points(), label(0, 1, 2, None, 1, 0)
    guided = ClassifierFree(denoiser, FLOW, 3.0)(x, t, asked).mean
    assert denoiser.calls == [12]
    given, free = denoiser(x, t, asked).mean, denoiser.free(x, t)
    assert torch.allclose(guided, free + 3.0 * (given - free), atol=1e-13)


def test_guided_mode_against_its_density() -> None:
    """One mode against the mixture: x̂ = (x + σ² ∇ log q_w)/α with q_w = q(x_t | c)^w q(x_t)^(1-w)."""
    mixture, t, weight = three_modes(), 0.4, 2.5
    alpha, sigma = FLOW.schedule.alpha(t), FLOW.schedule.sigma(t)
    x = points().requires_grad_()
    one = type(mixture)(mixture.means[1:2], mixture.std)
    log_q = weight * one.log_prob(x, alpha, sigma) + (1.0 - weight) * mixture.log_prob(x, alpha, sigma)
    (score,) = torch.autograd.grad(log_q.sum(), x)
    expected = (x + sigma**2 * score) / alpha
    guided = ClassifierFree(by_mode(FLOW.schedule), FLOW, weight)(points(), t, label(*[1] * 6)).mean
    assert torch.allclose(guided, expected, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 6])
def test_negative_conditions_take_the_place_of_none(rows: int) -> None:
    denoiser = by_mode(FLOW.schedule)
    x, asked = points(), label(0, 1, 0, None, 1, 0)
    guided = ClassifierFree(denoiser, FLOW, 3.0, negative=label(*[2] * rows))(x, 0.5, asked).mean
    assert denoiser.calls == [12]
    given, against = denoiser(x, 0.5, asked).mean, denoiser(x, 0.5, label(*[2] * 6)).mean
    assert torch.allclose(guided, against + 3.0 * (given - against), atol=1e-13)


def test_away_from_the_negative_without_a_condition() -> None:
    denoiser = by_mode(FLOW.schedule)
    guided = ClassifierFree(denoiser, FLOW, 2.0, label(2))(points(), 0.5, label(*[None] * 6)).mean
    against = denoiser(points(), 0.5, label(*[2] * 6)).mean
    assert torch.allclose(guided, 2.0 * denoiser.free(points(), 0.5) - against, atol=1e-13)


def test_negative_conditions_that_do_not_fit() -> None:
    for negative, said in (({"lable": label(0)["label"]}, "did you mean 'label'"), (label(0, 1, 0, 1), "1 or 6")):
        with pytest.raises(DomainInputError, match=said):
            ClassifierFree(by_mode(FLOW.schedule), FLOW, 2.0, negative)(points(), 0.5, labels(6))


def test_guidance_draws_samples_into_their_class() -> None:
    """With labels every sample ends at its component, and with weight the farther from the others."""
    like = torch.zeros(300, 2, dtype=torch.float64)
    spread = []
    for weight in (1.0, 2.0):
        guided = ClassifierFree(by_mode(FLOW.schedule), FLOW, weight)
        x = sample(DDIM(), guided, FLOW, LogSnr(40), rng=Rng.of(0, 300), like=like, conditions=labels(300))
        assert isinstance(x, Tensor)
        distance = torch.cdist(x, three_modes().means)
        assert (distance.argmin(1) == torch.arange(300) % 3).float().mean() > 0.95
        spread.append(x.norm(dim=1).mean().item())
    assert spread[1] > spread[0] + 0.05


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_nonsense_is_told(weight: float) -> None:
    with pytest.raises(RecipeError, match="guidance"):
        ClassifierFree(by_mode(FLOW.schedule), FLOW, weight)


# Chains of two entries with three classes, told by the table p(x₀) [3, 3] of each label.

CLASSES = 3


def table(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(CLASSES, CLASSES, generator=generator, dtype=torch.float64).pow(3).reshape(-1).softmax(0)


def chain(process: Categorical, joint: Tensor) -> Any:
    """E[x₀ | x_t] by enumeration of all x₀."""

    def belief(x: Tensor, t: float) -> Tensor:
        total = torch.zeros_like(x)
        for (a, b), p in zip(itertools.product(range(CLASSES), repeat=2), joint.tolist(), strict=True):
            x0 = torch.nn.functional.one_hot(torch.tensor([a, b]), CLASSES).double().expand(len(x), -1, -1)
            outcomes = process.marginal(x0, t)
            assert isinstance(outcomes, Tensor)
            shown = torch.cat([x, (x == 0).all(-1, keepdim=True).double()], -1) if process.absorbing else x
            total = total + p * (outcomes * shown).sum(-1).prod(1)[:, None, None] * x0
        return total / total.sum(-1, keepdim=True)

    return belief


@pytest.mark.parametrize("kernel", [Uniform(CLASSES), Absorbing(CLASSES)], ids=["uniform", "absorbing"])
@pytest.mark.parametrize("weight", [0.0, 0.5, 3.0])
def test_categorical_beliefs_in_log_space(kernel: Any, weight: float) -> None:
    """p ∝ p_c^w p_u^(1-w), entry by entry; where both rule a class out, so does the result."""
    process = Categorical(kernel)
    given = [table(1), table(2)]
    denoiser = ByLabel(chain(process, 0.5 * (given[0] + given[1])), [chain(process, g) for g in given])
    x0 = torch.eye(CLASSES).double()[(CLASSES * Rng.of(3, 8).uniform(shape=(2,))).long()]
    x, asked = process.corrupt(x0, 0.6, Rng.of(0, 8)), label(*[0, 1] * 4)
    guided = ClassifierFree(denoiser, process, weight)(x, 0.6, asked).mean
    p, u = denoiser(x, 0.6, asked).mean, denoiser.free(x, 0.6)
    expected = torch.where(u > 0.0, p**weight * u ** (1.0 - weight), 0.0)
    expected = expected / expected.sum(-1, keepdim=True)
    assert torch.allclose(guided, expected, atol=1e-12)
    assert denoiser.calls[0] == 16


def test_anchors_are_guided_alike() -> None:
    """A denoiser with an anchor of its own keeps one."""

    def anchored(x: Tensor, t: Any, conditions: Any) -> Posterior:
        belief = by_mode(FLOW.schedule)(x, t, conditions).mean
        return Posterior(belief, anchor=2.0 * belief)

    guided = ClassifierFree(anchored, FLOW, 3.0)(points(), 0.5, labels(6))
    assert torch.allclose(guided.noise_mean, 2.0 * guided.mean)
