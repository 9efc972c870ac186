from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.guidance import Autoguidance, ClassifierFree, Within
from suffuse.process import Gaussian, RectifiedFlow
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Uniform
from suffuse.rng import Rng
from tests.guidance.oracles import ByLabel, by_mode, label, labels
from tests.oracles import Exact, GaussianMixture, three_modes

FLOW = Gaussian(RectifiedFlow())


def points(count: int = 6) -> Tensor:
    return Rng.of(0, count).normal(torch.zeros(count, 2, dtype=torch.float64))


def blurred() -> ByLabel:
    """A weaker model: each mode three times as wide."""

    def belief(*modes: int):  # type: ignore[no-untyped-def]
        mixture = GaussianMixture(three_modes().means[list(modes)], 3.0 * three_modes().std)
        return lambda x, t: Exact(mixture, FLOW.schedule)(x, t, {}).mean

    return ByLabel(belief(0, 1, 2), [belief(0), belief(1), belief(2)])


@pytest.mark.parametrize("asked", [labels(6), label(*[None] * 6)], ids=["conditional", "unconditional"])
def test_formula(asked) -> None:  # type: ignore[no-untyped-def]
    better, weaker = by_mode(FLOW.schedule), blurred()
    guided = Autoguidance(better, FLOW, weaker, 2.5)(points(), 0.5, asked).mean
    assert (better.calls, weaker.calls) == ([6], [6])
    strong, weak = better(points(), 0.5, asked).mean, weaker(points(), 0.5, asked).mean
    assert torch.allclose(guided, weak + 2.5 * (strong - weak), atol=1e-13)  # type: ignore[arg-type]


def test_weight_one_is_off() -> None:
    better, weaker = by_mode(FLOW.schedule), blurred()
    guided = Autoguidance(better, FLOW, weaker, 1.0)(points(), 0.5, labels(6))
    assert (better.calls, weaker.calls) == ([6], [])
    assert torch.equal(guided.mean, better(points(), 0.5, labels(6)).mean)  # type: ignore[arg-type]


def test_of_a_classifier_free_denoiser_within_an_interval() -> None:
    """Guidances are denoisers, and so guide one another."""
    better, weaker = by_mode(FLOW.schedule), blurred()
    inner = ClassifierFree(better, FLOW, 1.5)
    guided = Within(Autoguidance(inner, FLOW, weaker, 2.0), inner, FLOW, (0.5, 2.0))
    inside, outside = guided(points(), 0.5, labels(6)).mean, guided(points(), 0.9, labels(6)).mean
    assert (better.calls, weaker.calls) == ([12, 12], [6])
    strong, weak = inner(points(), 0.5, labels(6)).mean, weaker(points(), 0.5, labels(6)).mean
    assert torch.allclose(inside, 2.0 * strong - weak, atol=1e-13)  # type: ignore[operator, arg-type]
    assert torch.equal(outside, inner(points(), 0.9, labels(6)).mean)  # type: ignore[arg-type]


def test_categorical_beliefs_in_log_space() -> None:
    p, q = (Rng.of(seed, 2).normal(torch.zeros(2, 3, 4, dtype=torch.float64)).softmax(-1) for seed in (0, 10))
    same = ByLabel(lambda x, t: p, [lambda x, t: p])
    weak = ByLabel(lambda x, t: q, [lambda x, t: q])
    guided = Autoguidance(same, Categorical(Uniform(4)), weak, 3.0)(p, 0.5, label(0, 0)).mean
    expected = p**3 / q**2
    assert torch.allclose(guided, expected / expected.sum(-1, keepdim=True))  # type: ignore[arg-type]


def test_nonsense_is_told() -> None:
    with pytest.raises(RecipeError, match="weight"):
        Autoguidance(by_mode(FLOW.schedule), FLOW, blurred(), math.nan)
