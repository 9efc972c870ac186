"""Steering by a reward against laws that are known: Gaussian mixtures, exact chains of categories, resampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.process import Absorbing, Categorical, Gaussian, Kernel, Marginal, RectifiedFlow
from suffuse.rng import Rng
from suffuse.sampling import (
    DDPM,
    DEIS,
    IPNDM,
    DPMpp,
    Heun,
    LogSnr,
    Sampler,
    Steering,
    Step,
    UniformTime,
    UniPC,
    iterate,
    sample,
)
from suffuse.sampling.particles import drawn, effective, shares, systematic
from suffuse.sampling.steering import Flock
from suffuse.state import State
from tests.chains import Chain
from tests.oracles import Exact, ExactDiscrete, GaussianMixture, three_modes, three_words

F64 = torch.float64
FLOW = RectifiedFlow()
TOWARDS = torch.tensor([1.0, 0.5], dtype=F64)


def last(steps: Iterator[Step]) -> Tensor:
    *_, end = steps
    assert isinstance(end.x, Tensor)
    return end.x


def steered(steering: Steering, count: int, sampler: Sampler | None = None, steps: int = 64, seed: int = 0) -> Tensor:
    """Outputs ``[count, 2]`` of the mixture of three modes."""
    rng, particles = Rng.of(seed, count), steering.particles
    like = torch.zeros(count * particles, 2, dtype=F64)
    exact, grid = Exact(three_modes(), FLOW), LogSnr(steps)
    run = iterate(sampler or DDPM(), exact, Gaussian(FLOW), grid, rng=rng.split(particles), like=like)
    return last(steering(run, FLOW, rng.at("steering")))


def linear(x: State) -> Tensor:
    assert isinstance(x, Tensor)
    return x @ TOWARDS


def tilted(mixture: GaussianMixture, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of p(x) exp(slope·x): modes moved by std²·slope, of other weights."""
    weights, modes = (mixture.means @ slope).softmax(0), mixture.means + mixture.std**2 * slope
    mean = weights @ modes
    centred = modes - mean
    return mean, (weights[:, None] * centred).T @ centred + mixture.std**2 * torch.eye(2, dtype=F64)


# a Gaussian mixture and a linear reward


@pytest.mark.parametrize("weight", [1.0, -2.0])
def test_many_particles_sample_the_tilted_mixture(weight: float) -> None:
    count = 400
    x = steered(Steering(linear, particles=64, weight=weight, every=4), count, steps=48)
    mean, covariance = tilted(three_modes(), weight * TOWARDS)
    error = x.std(0) / math.sqrt(count)
    plain = three_modes().means.mean(0)
    assert ((x.mean(0) - mean).abs() < 4 * error + 0.05).all()
    assert (plain - mean).norm() > 0.5
    assert torch.allclose(x.T.cov(), covariance, atol=0.2)


def test_more_particles_come_nearer() -> None:
    mean, _ = tilted(three_modes(), 2.0 * TOWARDS)
    reached = [float(linear(steered(Steering(linear, k, 2.0), 200, steps=32)).mean()) for k in (1, 4, 32)]
    assert reached[0] + 0.5 < reached[1] < reached[2] - 0.1 < float(mean @ TOWARDS)


def test_without_weight_every_output_is_one_of_its_particles_as_it_would_have_been() -> None:
    x = steered(Steering(linear, particles=4, weight=0.0), 40, steps=8)
    like = torch.zeros(160, 2, dtype=F64)
    alone = sample(DDPM(), Exact(three_modes(), FLOW), Gaussian(FLOW), LogSnr(8), rng=Rng.of(0, 40).split(4), like=like)
    assert isinstance(alone, Tensor)
    same = (alone.reshape(40, 4, 2) == x[:, None]).all(-1)
    assert (same.sum(1) == 1).all()
    assert (same.sum(0) > 2).all()  # each of the four in turn


def test_one_particle_is_sampling_as_usual() -> None:
    like = torch.zeros(9, 2, dtype=F64)
    usual = sample(DDPM(), Exact(three_modes(), FLOW), Gaussian(FLOW), LogSnr(8), rng=Rng.of(0, 9), like=like)
    assert torch.equal(steered(Steering(linear, particles=1, weight=5.0), 9, steps=8), usual)


def test_an_output_is_the_same_in_any_company() -> None:
    steering = Steering(linear, particles=8, weight=3.0, every=2)
    among, alone = steered(steering, 6, steps=12, seed=10), steered(steering, 1, steps=12, seed=13)
    assert torch.allclose(among[3:4], alone, atol=1e-12)


# an exact chain of categories


def worth(x: State) -> Tensor:
    """What the likeliest words are worth: nothing linear, and NaN where the first is the last class."""
    assert isinstance(x, Tensor)
    word = x.argmax(-1)
    value = (word[:, 0] == word[:, 2]).double() + 0.5 * word[:, 1].double()
    return torch.where(word[:, 0] == 2, torch.nan, value)


@pytest.mark.parametrize("kernel", [Marginal((0.5, 0.2, 0.3)), Absorbing(3)], ids=repr)
def test_many_particles_sample_the_tilted_chain(kernel: Kernel) -> None:
    """The law of eight steps is known, hence that of eight steps steered, rewards that are none included."""
    joint, process, count, particles, weight = three_words(), Categorical(kernel), 500, 48, 1.5
    rng = Rng.of(0, count)
    like = torch.zeros(count * particles, 3, 3, dtype=F64)
    run = iterate(DDPM(), ExactDiscrete(joint, process), process, UniformTime(8), rng=rng.split(particles), like=like)
    x = last(Steering(worth, particles, weight, every=1)(run, process.schedule, rng.at("steering")))
    found = torch.einsum("bnk,snk->bs", x, joint.states).eq(3.0).double().mean(0)
    law, value = Chain(joint, kernel, DDPM()).law(8), worth(joint.states)
    wanted = law * torch.where(value.isnan(), 0.0, (weight * value).exp())
    wanted = wanted / wanted.sum()
    assert 0.5 * float((law - wanted).abs().sum()) > 0.3
    assert 0.5 * float((found - wanted).abs().sum()) < 0.06
    assert float(found[value.isnan()].sum()) == 0.0


# resampling and weights


def test_systematic_resampling_is_unbiased_and_of_least_variance() -> None:
    weights = torch.tensor([[0.05, 0.0, 0.55, 0.3, 0.1]], dtype=F64)
    u = (torch.arange(20_000, dtype=F64) + 0.5) / 20_000
    copied = systematic(weights.expand(len(u), -1), u)
    counts = torch.nn.functional.one_hot(copied, 5).sum(1).double()
    assert torch.allclose(counts.mean(0), 5 * weights[0], atol=1e-3)
    assert ((counts - 5 * weights[0]).abs() < 1.0).all()
    assert (copied.diff(dim=1) >= 0).all()


def test_one_is_drawn_by_weight_and_one_without_weight_never() -> None:
    weights = torch.tensor([[0.0, 3.0, 1.0, 0.0]], dtype=F64)
    u = (torch.arange(10_000, dtype=F64) + 0.5) / 10_000
    found = drawn(weights.expand(len(u), -1), u).bincount(minlength=4).double() / len(u)
    assert torch.allclose(found, torch.tensor([0.0, 0.75, 0.25, 0.0], dtype=F64), atol=1e-3)


def test_effective_number_and_shares() -> None:
    log = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, -800.0, -900.0, -math.inf], [-math.inf] * 4], dtype=F64)
    assert torch.allclose(effective(shares(log)), torch.tensor([4.0, 1.0, 4.0], dtype=F64))
    assert torch.allclose(shares(log).sum(1), torch.ones(3, dtype=F64))


def test_potentials_are_paid_back_after_resampling() -> None:
    """Whatever is foretold, a path's weights multiply to the exponential of the last potential."""
    flock = Flock.start(1, 4).weighed(torch.tensor([3.0, 0.0, 0.0, 0.0], dtype=F64), last=False)
    assert flock.few.all()
    flock, parents = flock.resampled(torch.tensor([0.5], dtype=F64))
    assert parents.tolist() == [0, 0, 0, 1]
    end = torch.tensor([1.0, 2.0, 0.0, math.nan], dtype=F64)
    assert torch.allclose(flock.weighed(end, last=True).weights[0, :3].log().diff(), end[:3].diff())
    assert float(flock.weighed(end, last=True).weights[0, 3]) == 0.0


def test_a_bad_forecast_counts_as_the_least_of_its_own_particles() -> None:
    seen = torch.tensor([2.0, math.nan, 1.0, math.nan, math.nan, math.nan], dtype=F64)
    flock = Flock.start(2, 3).weighed(seen, last=False)
    assert flock.potential.tolist() == [[2.0, 1.0, 1.0], [0.0, 0.0, 0.0]] and flock.told


# what is sent back


@pytest.mark.parametrize("sampler", [DPMpp(3), UniPC(), DEIS(), IPNDM(), Heun()], ids=repr)
def test_a_sampler_goes_on_from_what_is_sent_back(sampler: Sampler) -> None:
    """All that a solver remembers is in the step: its samples can change places on the way."""
    x = three_modes().sample(5, seed=1)
    call: dict[str, Any] = {"rng": Rng.of(0, 5), "x": x}
    steps = iterate(sampler, Exact(three_modes(), FLOW), Gaussian(FLOW), LogSnr(8), **call)
    order = torch.tensor([3, 0, 4, 1, 1])
    now = next(steps)
    while now.index < now.total:
        now = steps.send(now.take(order) if now.index == 4 else now)
    whole = sample(sampler, Exact(three_modes(), FLOW), Gaussian(FLOW), LogSnr(8), **call)
    assert isinstance(now.x, Tensor) and isinstance(whole, Tensor)
    assert torch.allclose(now.x, whole[order], atol=1e-12)


# what is refused


@pytest.mark.parametrize(
    ("options", "word"),
    [({"particles": 0}, "particles"), ({"every": 0}, "every"), ({"weight": math.nan}, "weight")],
)
def test_options_out_of_range(options: dict[str, Any], word: str) -> None:
    with pytest.raises(RecipeError, match=word):
        Steering(linear, **options)


def test_a_reward_that_never_is_a_number() -> None:
    with pytest.raises(RecipeError, match="taste: gave no number"):
        steered(Steering(lambda x: linear(x) * torch.nan, name="taste"), 2, steps=4)


def test_a_sampler_without_beliefs() -> None:
    class Blind:
        def step(self, denoiser: Any, process: Any, now: Step, s: float, rng: Rng, conditions: Any) -> Step:
            return Step(now.x, s, now.index + 1, now.total)

    make: Callable[[], Tensor] = lambda: steered(Steering(linear, every=1), 2, Blind(), steps=4)  # noqa: E731
    with pytest.raises(UnsupportedError, match="belief"):
        make()
