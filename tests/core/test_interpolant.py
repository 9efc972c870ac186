"""Bridges between data, against closed forms: two coupled Gaussians, and the Brownian bridge."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suffuse.denoise import precondition
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.model import load
from suffuse.operators import Downsample
from suffuse.posterior import Posterior, Time
from suffuse.process import Interpolant, Process
from suffuse.process.interpolant import Degraded
from suffuse.registry import isolated
from suffuse.rng import Rng
from suffuse.sampling import DDIM, DDPM, Heun, UniformTime, sample
from suffuse.state import State, over_batch
from suffuse.tasks.bridge import bridge
from suffuse.tasks.train import train
from tests import toy

F64 = torch.float64


@dataclass(frozen=True)
class Linear:
    """x₁ = gain·x₀ + spread·z."""

    gain: float = -0.6
    spread: float = 0.5

    def __call__(self, x0: State, rng: Rng) -> State:
        assert isinstance(x0, Tensor)
        return self.gain * x0 + self.spread * rng.normal(x0)


@dataclass(frozen=True)
class ExactPair:
    """The exact belief where x₀ ~ N(mean, std²) and x₁ is coupled linearly: x₀ and x_t are jointly Gaussian."""

    coupling: Linear
    noise: float
    mean: float = 0.4
    std: float = 0.8

    def moments(self, t: Any) -> tuple[Any, Any, Any]:
        """Mean and variance of x_t, and its covariance with x₀."""
        slope = 1.0 - t + t * self.coupling.gain
        fresh = t * t * self.coupling.spread**2 + self.noise**2 * t * (1.0 - t)
        return slope * self.mean, slope * slope * self.std**2 + fresh, slope * self.std**2

    def __call__(self, x_t: State, t: Time, conditions: Any) -> Posterior:
        assert isinstance(x_t, Tensor)
        mean, variance, shared = (over_batch(torch.as_tensor(m, dtype=F64).reshape(-1), x_t) for m in self.moments(t))
        return Posterior(self.mean + shared / variance * (x_t - mean))

    def ends(self, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        rng = Rng.of(seed, count)
        x0 = self.mean + self.std * rng.at("x0").normal(torch.zeros(count, 4, dtype=F64))
        x1 = self.coupling(x0, rng)
        assert isinstance(x1, Tensor)
        return x0, x1


@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize("t", [0.0, 0.25, 0.8, 1.0])
def test_the_marginals_are_those_of_the_path(noise: float, t: float) -> None:
    pair = ExactPair(Linear(), noise)
    x0, _ = pair.ends(40_000)
    x_t = Interpolant(pair.coupling, noise).corrupt(x0, t, Rng.of(7, len(x0)))
    assert isinstance(x_t, Tensor)
    mean, variance, shared = pair.moments(t)
    assert x_t.mean().item() == pytest.approx(mean, abs=0.01)
    assert x_t.var().item() == pytest.approx(variance, rel=0.02)
    assert ((x_t - x_t.mean()) * (x0 - x0.mean())).mean().item() == pytest.approx(shared, abs=0.01)


def test_between_two_points_it_is_a_brownian_bridge() -> None:
    """Drawn back step by step given x₀: mean, variance and covariance in closed form."""
    process, n = Interpolant(Linear(), 0.9), 100_000
    x0, x1 = (torch.full((n, 1), v, dtype=F64) for v in (0.3, -1.2))
    times = [1.0, 0.75, 0.4, 0.1, 0.0]
    x: State = x1
    seen: dict[float, Tensor] = {}
    for number, (t, s) in enumerate(pairwise(times)):
        x = process.reverse(x, Posterior(x0), t, s, Rng.of(0, n).at(number))
        assert isinstance(x, Tensor)
        seen[s] = x
    for t in (0.75, 0.4, 0.1):
        assert seen[t].mean().item() == pytest.approx((1.0 - t) * 0.3 - t * 1.2, abs=0.01)
        assert seen[t].var().item() == pytest.approx(0.81 * t * (1.0 - t), rel=0.02)
    shared = ((seen[0.75] - seen[0.75].mean()) * (seen[0.4] - seen[0.4].mean())).mean().item()
    assert shared == pytest.approx(0.81 * 0.4 * (1.0 - 0.75), abs=0.005)
    assert torch.equal(seen[0.0], x0)
    direct = process.corrupt_pair(x0, x1, torch.full((n,), 0.4, dtype=F64), Rng.of(1, n))
    assert isinstance(direct, Tensor)
    assert direct.var().item() == pytest.approx(seen[0.4].var().item(), rel=0.03)


@pytest.mark.parametrize(("sampler", "noise"), [(DDPM(), 0.7), (DDIM(), 0.0), (DDPM(), 0.0)], ids=repr)
def test_sampling_from_the_sources_gives_the_data(sampler: Any, noise: float) -> None:
    """Mean and deviation; which source an end comes from is kept only by a belief that is told the source."""
    pair = ExactPair(Linear(), noise)
    _, x1 = pair.ends(12_000)
    process: Process = Interpolant(pair.coupling, noise)
    x = sample(sampler, pair, process, UniformTime(400), rng=Rng.of(9, len(x1)), x=x1)
    assert isinstance(x, Tensor)
    assert x.mean().item() == pytest.approx(pair.mean, abs=0.02)
    assert x.std().item() == pytest.approx(pair.std, rel=0.02 if noise == 0.0 else 0.03)


def test_without_noise_it_is_eulers_rule_on_the_flow() -> None:
    pair = ExactPair(Linear(), 0.0)
    process = Interpolant(pair.coupling)
    _, x = pair.ends(8)
    t, s = 0.7, 0.55
    velocity = (x - pair(x, t, {}).mean) / t  # type: ignore[operator]
    stepped = process.reverse(x, pair(x, t, {}), t, s, Rng.of(0, 8), eta=1.0)
    assert torch.allclose(stepped, x + (s - t) * velocity, atol=1e-14)  # type: ignore[arg-type]


@pytest.mark.parametrize("predict", ["flow", "x0", "v", "edm"])
def test_a_network_can_be_trained_under_it(predict: str) -> None:
    """The best affine network, fitted by the process's loss, is the exact belief."""
    pair = ExactPair(Linear(), 0.7)
    process = Interpolant(pair.coupling, 0.7)
    x0, _ = pair.ends(4000)
    t = 0.6
    x_t = process.corrupt(x0, torch.full((len(x0),), t, dtype=F64), Rng.of(3, len(x0)))

    class Affine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.map = nn.Parameter(torch.zeros(2, dtype=F64))

        def forward(self, x: Tensor, level: Tensor, conditions: Any) -> Tensor:
            return self.map[0] * x + self.map[1]

    denoiser = precondition(Affine(), process, predict)
    optimizer = torch.optim.LBFGS(denoiser.parameters(), max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        loss = process.loss(denoiser(x_t, t), x0, x_t, t).mean()
        loss.backward()
        return float(loss.detach())

    optimizer.step(closure)
    at = torch.linspace(-2, 2, 9, dtype=F64)[:, None]
    found, exact = denoiser(at, t).mean, pair(at, t, {}).mean
    assert isinstance(found, Tensor) and isinstance(exact, Tensor)
    assert torch.allclose(found, exact, atol=0.05)


def test_masks_and_batches() -> None:
    process = Interpolant(lambda x, rng: x, 0.5)
    real = torch.tensor([[True, True, False], [True, False, False]])
    x0 = {"x": torch.where(real[..., None], torch.ones(2, 3, 2), 0.0), "mask": real}
    x_t = process.corrupt(x0, 0.5, Rng.of(0, 2))
    longer = {
        "x": torch.cat([x0["x"], torch.full((2, 2, 2), 9.0)], 1),
        "mask": torch.cat([real, real[:, 1:] & False], 1),
    }
    padded = process.corrupt(longer, 0.5, Rng.of(0, 2))
    assert isinstance(x_t, dict) and isinstance(padded, dict)
    assert torch.equal(padded["x"][:, :3], x_t["x"])
    assert not padded["x"][~padded["mask"]].any()


def test_what_it_lacks_is_told() -> None:
    process = Interpolant(Linear())
    with pytest.raises(UnsupportedError, match="starts from its source"):
        sample(DDPM(), ExactPair(Linear(), 0.0), process, UniformTime(2), rng=Rng.of(0), like=torch.zeros(1, 2))
    with pytest.raises(UnsupportedError, match="Gaussian"):
        sample(Heun(), ExactPair(Linear(), 0.0), process, UniformTime(2), rng=Rng.of(0), x=torch.zeros(1, 2))
    for noise in (-1.0, math.inf):
        with pytest.raises(RecipeError, match=r"Interpolant\.noise"):
            Interpolant(Linear(), noise)


def test_a_degradation_is_a_coupling() -> None:
    coupling = Degraded(Downsample(2))
    x = torch.arange(8.0).reshape(1, 1, 8)
    assert coupling(x, Rng.of(0)).flatten().tolist() == [0.5, 0.5, 2.5, 2.5, 4.5, 4.5, 6.5, 6.5]  # type: ignore[union-attr]
    assert torch.equal(Interpolant(coupling).source(x), coupling(x, Rng.of(0)))  # type: ignore[arg-type]
    assert Interpolant(Linear()).source(x) is x


@pytest.fixture
def domain() -> Iterator[None]:
    with isolated(toy.Plugin()):
        yield


@pytest.mark.usefixtures("domain")
def test_a_recipe_with_a_coupling_trains_a_restorer(tmp_path: Path) -> None:
    """Waves from their means over pairs: nearer to the truth than the means are."""
    whole = toy.recipe(process={"coupling": {"name": "downsample", "factor": 2, "noise": 0.1}})
    whole["train"] |= {"steps": 200, "sample_every": 200, "validate_every": 200, "checkpoint_every": 200}
    train(whole, out=tmp_path)
    model = load(tmp_path)
    assert model.process == Interpolant(Degraded(Downsample(2)), 0.1)
    waves = [toy.Waves(500, 24, True)[i] for i in range(24)]
    items = [wave.item for wave in waves]
    labels = [wave.conditions["label"] for wave in waves]
    made = bridge(model, items, degrade=True, seed=3, conditions={"label": labels}, steps=10)
    low = model.codec.decode(model.process.coupling(model.codec.encode(items), Rng.of(0, 24)))
    truth = torch.tensor(items)
    before, after = ((torch.tensor(x) - truth).square().mean().item() for x in (low, made.items))
    assert after < 0.65 * before
    again = bridge(model, low[5:6], seed=8, conditions={"label": labels[5]}, steps=10).items[0]
    assert again == pytest.approx(made.items[5], abs=1e-4)
    with pytest.raises(UnsupportedError, match=r"Model\.bridge"):
        model.generate(1)


@pytest.mark.usefixtures("domain")
def test_a_model_from_noise_has_no_bridge(tmp_path: Path) -> None:
    whole = toy.recipe()
    whole["train"] |= {"steps": 1, "sample_every": 5}
    train(whole, out=tmp_path)
    with pytest.raises(UnsupportedError, match="was trained from noise"):
        load(tmp_path).bridge([toy.Waves(0, 1, True)[0].item])
