from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from suffuse.errors import DomainInputError, RecipeError
from suffuse.guidance import ClassifierFree, Composed, Within
from suffuse.process import Gaussian, RectifiedFlow
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Uniform
from suffuse.rng import Rng
from suffuse.sampling import DDIM, LogSnr, sample
from tests.guidance.oracles import Belief, ByLabel, Normal, by_mode, label, labels

FLOW = Gaussian(RectifiedFlow())


def points(count: int = 6) -> Tensor:
    return Rng.of(0, count).normal(torch.zeros(count, 2, dtype=torch.float64))


def normals() -> list[Normal]:
    """The free distribution, and two conditional ones."""
    told = (
        ([0.0, 0.0], [[1.0, 0.2], [0.2, 1.0]]), ([0.5, -0.3], [[0.3, 0.1], [0.1, 0.8]]),
        ([-0.2, 0.6], [[0.7, -0.2], [-0.2, 0.4]]),
    )  # fmt: skip
    return [Normal(torch.tensor(m).double(), torch.tensor(c).double(), FLOW.schedule) for m, c in told]


@pytest.mark.parametrize("weights", [(1.0, 1.0), (2.0, 0.5), (1.0, -0.5)], ids=["and", "weighted", "not"])
def test_the_score_of_a_product_of_densities(weights: tuple[float, float]) -> None:
    """log q = w₁ log p(x_t | 1) + w₂ log p(x_t | 2) + (1 - w₁ - w₂) log p(x_t), by autograd of the densities."""
    free, *given = normals()
    denoiser, t = ByLabel(free, given), 0.4
    guided = Composed(denoiser, FLOW, [(weights[1], label(1))], weights[0])(points(), t, label(*[0] * 6)).mean
    assert denoiser.calls == [18 if sum(weights) != 1.0 else 12]
    alpha, sigma = FLOW.schedule.alpha(t), FLOW.schedule.sigma(t)
    x = points().requires_grad_()
    of_free, *of_given = (n.log_prob(x, t) for n in (free, *given))
    log_q = weights[0] * of_given[0] + weights[1] * of_given[1] + (1.0 - sum(weights)) * of_free
    (score,) = torch.autograd.grad(log_q.sum(), x)
    assert torch.allclose(guided, (x + sigma**2 * score) / alpha, atol=1e-12)  # type: ignore[arg-type]


def test_a_mixture_of_weights_that_add_up_to_one_needs_no_free_belief() -> None:
    free, *given = normals()
    denoiser = ByLabel(free, given)
    guided = Composed(denoiser, FLOW, [(0.5, label(1))], 0.5)(points(), 0.4, label(*[0] * 6)).mean
    assert denoiser.calls == [12]
    assert torch.allclose(guided, 0.5 * (given[0](points(), 0.4) + given[1](points(), 0.4)))  # type: ignore[arg-type]


def test_alone_it_is_classifier_free_guidance() -> None:
    for negative in (None, label(2)):
        one, other = by_mode(FLOW.schedule), by_mode(FLOW.schedule)
        a = Composed(one, FLOW, [], 3.0, negative)(points(), 0.5, labels(6)).mean
        b = ClassifierFree(other, FLOW, 3.0, negative)(points(), 0.5, labels(6)).mean
        assert torch.equal(a, b)  # type: ignore[arg-type]
        assert one.calls == other.calls


def test_terms_without_conditions_of_the_items() -> None:
    denoiser = by_mode(FLOW.schedule)
    guided = Composed(denoiser, FLOW, [(2.0, label(1)), (0.0, label(0))])(points(), 0.5, label(*[None] * 6)).mean
    assert denoiser.calls == [12]
    free, given = denoiser.free(points(), 0.5), denoiser(points(), 0.5, label(*[1] * 6)).mean
    assert torch.allclose(guided, free + 2.0 * (given - free), atol=1e-13)  # type: ignore[arg-type]


def test_outside_the_interval_the_items_own_conditions_are_asked_alone() -> None:
    denoiser = by_mode(FLOW.schedule)
    guided = Within(Composed(denoiser, FLOW, [(1.0, label(1))]), denoiser, FLOW, (0.5, 2.0))
    for t in (0.9, 0.5, 0.1):
        guided(points(), t, labels(6))
    assert denoiser.calls == [6, 18, 6]


def test_and_draws_samples_between_both() -> None:
    """The end of sampling lies where both conditions are likely, and farther from a third that is negated."""
    free, *given = normals()
    like = torch.zeros(200, 2, dtype=torch.float64)

    def mean(terms: list[tuple[float, dict]]) -> Tensor:  # type: ignore[type-arg]
        guided = Composed(ByLabel(free, given), FLOW, terms)
        x = sample(DDIM(), guided, FLOW, LogSnr(30), rng=Rng.of(0, 200), like=like, conditions=label(*[0] * 200))
        assert isinstance(x, Tensor)
        return x.mean(0)

    alone, both, but_not = mean([]), mean([(1.0, label(1))]), mean([(-0.5, label(1))])
    direction = given[1].mean - given[0].mean
    assert (both - alone) @ direction > 0.1 > -0.1 > (but_not - alone) @ direction


def test_categorical_beliefs_in_log_space() -> None:
    u, p, q = (Rng.of(seed).normal(torch.zeros(1, 3, 4, dtype=torch.float64)).softmax(-1) for seed in (0, 10, 20))

    def always(belief: Tensor) -> Belief:
        return lambda x, t: belief.expand(len(x), -1, -1)

    denoiser = ByLabel(always(u), [always(p), always(q)])
    guided = Composed(denoiser, Categorical(Uniform(4)), [(1.0, label(1))])(u, 0.5, label(0)).mean
    expected = p * q / u
    assert torch.allclose(guided, expected / expected.sum(-1, keepdim=True))  # type: ignore[arg-type]


def test_nonsense_is_told() -> None:
    with pytest.raises(RecipeError, match="finite"):
        Composed(by_mode(FLOW.schedule), FLOW, [(math.nan, label(1))])
    with pytest.raises(DomainInputError, match="did you mean 'label'"):
        Composed(by_mode(FLOW.schedule), FLOW, [(1.0, {"labl": label(1)["label"]})])(points(), 0.5, labels(6))
