from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import UnsupportedError
from suffuse.guidance.beliefs import combine_beliefs, combine_means, tilt
from suffuse.posterior import Posterior
from suffuse.process import EDM, Gaussian, Product, RectifiedFlow, VPLinear
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Uniform
from tests.guidance.oracles import Normal

COLOURS = Categorical(Uniform(3))
MIXED = Product({"size": Gaussian(), "colour": COLOURS})


def probabilities(*rows: list[float]) -> Tensor:
    return torch.tensor([rows], dtype=torch.float64)  # [1, entries, classes]


def test_zeros_stay_finite() -> None:
    p = probabilities([0.0, 0.5, 0.5], [0.0, 0.0, 1.0], [0.25, 0.25, 0.5])
    q = probabilities([0.0, 0.2, 0.8], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0])
    for dtype in (torch.float32, torch.float64):
        mean = combine_means(COLOURS, (4.0, p.to(dtype)), (-3.0, q.to(dtype)))
        assert isinstance(mean, Tensor)
        assert mean.isfinite().all()
        assert torch.allclose(mean.sum(-1), torch.ones(1, 3, dtype=dtype))
        ratio = 0.5**4 / 0.2**3
        first = ratio / (ratio + 0.5**4 / 0.8**3)
        expected = probabilities([0.0, first, 1.0 - first], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0])
        assert torch.allclose(mean, expected.to(dtype), atol=1e-6)


def test_beliefs_that_rule_each_other_out_stay_finite() -> None:
    one, other = probabilities([1.0, 0.0, 0.0]), probabilities([0.0, 1.0, 0.0])
    mean = combine_means(COLOURS, (1.0, one), (1.0, other), (-1.0, probabilities([0.4, 0.4, 0.2])))
    assert torch.allclose(mean, probabilities([0.5, 0.5, 0.0]))  # type: ignore[arg-type]


def test_weight_zero_leaves_a_belief_out_and_one_alone_is_itself() -> None:
    belief = Posterior(torch.ones(1, 2))
    undefined = Posterior(torch.full((1, 2), torch.nan), torch.full((1, 2), torch.nan))
    assert combine_beliefs(Gaussian(), (1.0, belief), (0.0, undefined)) is belief


def test_each_field_in_its_own_way_and_no_padding() -> None:
    real = torch.tensor([[True, True, False]])
    generator = torch.Generator().manual_seed(0)

    def belief() -> dict[str, Tensor]:
        size = torch.randn(1, 3, 2, generator=generator, dtype=torch.float64)
        colour = torch.randn(1, 3, 3, generator=generator, dtype=torch.float64).softmax(-1)
        return {"size": size, "colour": colour, "mask": real}

    a, b = belief(), belief()
    mean = combine_means(MIXED, (2.0, a), (-1.0, b))
    assert isinstance(mean, dict)
    assert torch.allclose(mean["size"][:, :2], (2.0 * a["size"] - b["size"])[:, :2])
    expected = a["colour"] ** 2 / b["colour"]
    assert torch.allclose(mean["colour"][:, :2], (expected / expected.sum(-1, keepdim=True))[:, :2])
    assert mean["mask"] is real
    for name in ("size", "colour"):
        assert (mean[name][:, 2] == 0.0).all()
    slope = {"size": torch.ones(1, 3, 2, dtype=torch.float64), "colour": b["colour"], "mask": real}
    tilted = tilt(MIXED, a, 0.25, slope, 2.0)
    assert isinstance(tilted, dict)
    assert torch.allclose(tilted["size"][:, :2], a["size"][:, :2] + 2.0 * 0.25**2 / 0.75)
    weighted = a["colour"] * (2.0 * b["colour"]).exp()
    assert torch.allclose(tilted["colour"][:, :2], (weighted / weighted.sum(-1, keepdim=True))[:, :2])
    assert all((tilted[name][:, 2] == 0.0).all() for name in ("size", "colour"))


@pytest.mark.parametrize("schedule", [RectifiedFlow(), VPLinear(), EDM()], ids=lambda s: type(s).__name__)
def test_a_tilted_gaussian_moves_by_its_covariance(schedule: Any) -> None:
    """N(m, S) times exp(g·x) is N(m + S g, S); J is the derivative of the exact belief."""
    prior = Normal(
        torch.tensor([0.3, -0.5], dtype=torch.float64),
        torch.tensor([[1.0, 0.4], [0.4, 0.5]], dtype=torch.float64),
        schedule,
    )
    x, g = torch.tensor([[0.2, 1.1], [-2.0, 0.4]], dtype=torch.float64), torch.tensor([1.5, -0.7], dtype=torch.float64)
    for t in (0.05, 0.5, 0.95):
        tilted = tilt(Gaussian(schedule), prior(x, t), t, (prior.gain(t).T @ g).expand(2, -1))
        assert torch.allclose(tilted, prior(x, t) + prior.posterior_covariance(t) @ g, atol=1e-10)  # type: ignore[arg-type]


def test_nothing_moves_where_nothing_is_known() -> None:
    mean, slope = torch.ones(3, 1, dtype=torch.float64), torch.ones(3, 1, dtype=torch.float64)
    assert torch.equal(tilt(Gaussian(), mean, 1.0, slope), mean)  # type: ignore[arg-type]
    times = torch.tensor([1.0, 0.5, 0.2], dtype=torch.float64)
    expected = torch.tensor([[1.0], [1.5], [1.0 + 0.2**2 / 0.8]], dtype=torch.float64)
    assert torch.allclose(tilt(Gaussian(), mean, times, slope), expected)  # type: ignore[arg-type]


def test_other_noise_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="Gaussian"):
        tilt(Product({"x": Other()}), {"x": torch.ones(1, 1)}, 0.5, {"x": torch.ones(1, 1)})  # type: ignore[dict-item]


class Other:
    """A process of which nothing is known."""


def test_an_edge_stands_in_two_places() -> None:
    """Whichever of x_ij and x_ji a log-likelihood looks at, both are tilted by its whole derivative."""
    process = Categorical(Uniform(2), symmetric=True)
    mean = torch.full((1, 2, 2, 2), 0.5, dtype=torch.float64)
    below, above = torch.zeros_like(mean), torch.zeros_like(mean)
    below[0, 1, 0, 0], above[0, 0, 1, 0] = 1.5, 1.5
    expected = torch.tensor([1.5, 0.0], dtype=torch.float64).softmax(-1)
    for slope in (below, above, 0.5 * (below + above)):
        tilted = tilt(process, mean, 0.5, slope)
        assert isinstance(tilted, Tensor)
        assert torch.allclose(tilted[0, 0, 1], expected)
        assert torch.allclose(tilted[0, 1, 0], expected)
        assert torch.equal(tilted[0, 0, 0], mean[0, 0, 0])
    diagonal = torch.zeros_like(mean)
    diagonal[0, 1, 1, 0] = 1.5
    tilted = tilt(process, mean, 0.5, diagonal)
    assert isinstance(tilted, Tensor)
    assert torch.allclose(tilted[0, 1, 1], expected)
