"""The distilled belief against a Gaussian mixture's in float64, and against the exact belief that it stands for."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from suffuse.denoise import precondition
from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.nn.centres import Centres, build
from suffuse.nn.memory import AtLevels, Memory
from suffuse.nn.neighbours import build as build_neighbours
from suffuse.process import Gaussian, RectifiedFlow, time_of_ratio
from suffuse.rng import Rng

WIDTH = 4


def rows(seed: int, count: int) -> Tensor:
    """Around a bent line: neighbours are near along it and far across it."""
    noise = Rng.of(seed, count).normal(shape=(WIDTH,)).float()
    angle = noise[:, :1]
    return torch.cat([angle.sin(), angle.cos(), 0.5 * angle, angle.square() - 1.0], 1) + 0.05 * noise


def remembering(states: Tensor | dict[str, Tensor], **options: object) -> Centres:
    like = states[:1] if isinstance(states, Tensor) else {name: x[:1] for name, x in states.items()}
    made = build(like, {}, **options)
    made.remember(states)
    return made


def mixture(net: Centres, u: Tensor, r: float) -> Tensor:
    """The posterior mean of Gaussians about the centres, each by itself."""
    centres, s = net.centres.double(), net.variance.double()
    squares = (u.double()[:, None] - centres).square().sum(2)
    w = (net.shares.double().log() - squares / (2.0 * (s + r * r))).softmax(1)
    each = centres + (s / (s + r * r)) * (u.double()[:, None] - centres)
    return (w[..., None] * each).sum(1)


@pytest.mark.parametrize("r", [0.03, 0.3, 3.0, 50.0])
def test_the_belief_is_that_of_a_mixture(r: float) -> None:
    net, process = remembering(rows(0, 500), count=40), Gaussian(RectifiedFlow())
    u = rows(1000, 60) + r * Rng.of(2000, 60).normal(shape=(WIDTH,)).float()
    t = time_of_ratio(process.schedule, r)
    found = precondition(net, process, "x0")(process.schedule.alpha(t) * u, t).mean
    torch.testing.assert_close(found.double(), mixture(net, u, r), atol=2e-4, rtol=0.0)
    clean = rows(3000, 20)
    (at_once,) = net.at_levels(clean, [r], {})
    torch.testing.assert_close(at_once.double(), mixture(net, clean, r), atol=2e-4, rtol=0.0)


def test_shares_and_variance_are_those_of_the_clouds() -> None:
    x = rows(0, 500)
    net = remembering(x, count=30)
    squares = torch.cdist(x.double(), net.centres.double()).square()
    near, own = squares.min(1)
    assert net.variance.item() == pytest.approx(near.mean().item() / WIDTH, rel=1e-3)
    torch.testing.assert_close(net.shares, own.bincount(minlength=30) / 500, atol=0.005, rtol=0.0)
    spread = (x - x.mean(0)).square().sum(1).mean()
    assert near.mean() < 0.05 * spread


def test_with_a_centre_for_each_state_it_is_the_exact_belief() -> None:
    x, u = rows(0, 200), rows(1000, 50)
    exact = build_neighbours(x[:1], {})
    exact.remember(x)
    net = remembering(x)
    assert net.spacing == pytest.approx(exact.spacing)
    for mine, its in zip(net.at_levels(u, [0.1, 1.0], {}), exact.at_levels(u, [0.1, 1.0], {}), strict=True):
        torch.testing.assert_close(mine, its, atol=1e-4, rtol=0.0)


def test_few_centres_deny_noise_nearly_as_well_as_all_states() -> None:
    """Of unknown states: within 15 % of the exact belief at every level; and better where that only copies."""
    x, clean = rows(0, 4000), rows(9000, 1000)
    net, exact = remembering(x, count=200), build_neighbours(x[:1], {})
    exact.remember(x)
    errors = {}
    for r in (0.02, 0.1, 0.3, 1.0):
        u, level = clean + r * Rng.of(5000, 1000).normal(shape=(WIDTH,)).float(), torch.full((1000,), r)
        asked = u / math.sqrt(1.0 + r * r), 0.25 * level.log(), {}
        errors[r] = tuple((f(*asked) - clean).square().mean().item() for f in (net, exact))
    assert all(mine < 1.15 * its for mine, its in errors.values()), errors
    assert errors[0.02][0] < 0.9 * errors[0.02][1]


def test_what_it_keeps_does_not_grow_with_the_data_and_loads() -> None:
    net = remembering(rows(0, 3000), count=50)
    assert isinstance(net, Memory)
    assert isinstance(net, AtLevels)
    assert sum(x.numel() for x in net.buffers()) == 50 * WIDTH + 50 + 2
    other = build(rows(0, 1), {}, count=50)
    other.load_state_dict(net.state_dict())
    u = rows(1000, 5)
    assert torch.equal(net.at_levels(u, [0.3], {})[0], other.at_levels(u, [0.3], {})[0])


def test_the_same_data_and_seed_give_the_same_centres() -> None:
    a, b = (remembering(rows(0, 400), count=20, most=300).centres for _ in range(2))
    assert torch.equal(a, b)


def test_states_that_repeat_are_one_centre_with_a_larger_share() -> None:
    x = rows(0, 30)
    net = remembering(torch.cat([x, x[:10], x[:10]]), count=35)
    assert net.count == 30
    assert net.variance.item() == 0.0
    assert sorted(net.shares.tolist()) == pytest.approx([1 / 50] * 20 + [3 / 50] * 10)


def test_states_that_are_all_alike() -> None:
    net = remembering(torch.ones(30, WIDTH))
    (found,) = net.at_levels(torch.zeros(1, WIDTH), [0.5], {})
    torch.testing.assert_close(found, torch.ones(1, WIDTH), atol=1e-5, rtol=0.0)
    assert net.spacing == 1.0


def test_states_of_named_fields() -> None:
    x = {"a": rows(0, 50), "b": rows(50, 50)[:, :2]}
    net = remembering(x)
    (found,) = net.at_levels(x, [0.01], {})
    assert isinstance(found, dict)
    assert {name: tuple(v.shape) for name, v in found.items()} == {"a": (50, WIDTH), "b": (50, 2)}
    torch.testing.assert_close(found["b"], x["b"], atol=0.02, rtol=0.0)


def test_bad_input_is_told() -> None:
    with pytest.raises(DomainInputError, match="too few"):
        remembering(rows(0, 1))
    with pytest.raises(UnsupportedError, match="lack entries"):
        build({"values": rows(0, 1), "mask": torch.ones(1, WIDTH, dtype=torch.bool)}, {})
    with pytest.raises(UnsupportedError, match="remembers nothing"):
        build(rows(0, 1), {})(rows(0, 1), torch.zeros(1), {})
    with pytest.raises(RecipeError, match="at least 1"):
        build(rows(0, 1), {}, count=0)
