"""Features off inner layers of any network."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.features import Features, channels_first, inner_layer, pooled, stages
from suffuse.nn.dit import build as dit
from suffuse.nn.unet import build as unet
from suffuse.posterior import Posterior
from suffuse.process import Cosine, Gaussian, VPLinear


class Layers(nn.Module):
    """Three layers on vectors, and one that gives no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.odd = nn.Flatten()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 4)
        self.blocks = nn.ModuleList([nn.Linear(6, 6), nn.Linear(6, 6)])

    def forward(self, x: Tensor, level: Tensor, conditions: Any) -> Tensor:
        h = self.first(x)
        for block in self.blocks:
            h = torch.relu(block(h))
        return self.last(h)


class Denoiser:
    """Calls a network, and remembers what it was asked."""

    def __init__(self, network: nn.Module) -> None:
        self.network, self.seen = network, []

    def __call__(self, x_t: Any, t: Any, conditions: Any) -> Posterior:
        self.seen.append((x_t, t))
        return Posterior(self.network(x_t, torch.zeros(len(x_t)), conditions))


def hooks(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in network.modules())


def test_features_are_the_layer_s() -> None:
    network, process = Layers(), Gaussian(Cosine())
    denoiser = Denoiser(network)
    x = torch.randn(3, 4)
    found = Features(network, denoiser, process, "blocks.1", 0.5)(x, {})
    ((noised, t),) = denoiser.seen
    assert process.schedule.sigma(t) / process.schedule.alpha(t) == pytest.approx(0.5)
    h = network.first(noised)
    expected = network.blocks[1](torch.relu(network.blocks[0](h)))
    assert torch.allclose(found, expected) and not found.requires_grad
    assert hooks(network) == 0


def test_the_pass_ends_at_the_layer() -> None:
    network = Layers()
    network.last = nn.Linear(1, 1)  # would fail
    found = Features(network, Denoiser(network), Gaussian(), "blocks.1")(torch.randn(2, 4), {})
    assert found.shape == (2, 6)


def test_every_state_gets_the_same_noise() -> None:
    network = Layers()
    read = Features(network, Denoiser(network), Gaussian(VPLinear()), "first")
    x = torch.randn(5, 4)
    together = read(x, {})
    assert torch.allclose(read(x[3:4], {}), together[3:4], atol=1e-6)
    assert not torch.allclose(Features(network, Denoiser(network), Gaussian(), "first", seed=1)(x, {}), together)


def test_the_inner_layer_of_any_network() -> None:
    grid, level = torch.zeros(1, 1, 16, 16), torch.zeros(1)
    u = unet(grid, {}, width=16, multipliers=[1, 2], blocks=1, heads=2)
    assert inner_layer(u, lambda: u(grid, level, {}), 0.5) == "middle"
    assert inner_layer(u, lambda: u(grid, level, {})) == "up.1"
    d = dit(grid, {}, width=32, depth=6, heads=2)
    assert [inner_layer(d, lambda: d(grid, level, {}), share) for share in (0.0, 0.5, 0.6)] == [
        "level_embedding.0", "blocks.2", "blocks.3"
    ]  # fmt: skip
    layers = Layers()
    run = lambda: layers(torch.zeros(1, 4), level, {})  # noqa: E731
    assert [name for name, _ in stages(layers)] == ["odd", "first", "last", "blocks.0", "blocks.1"]
    assert [inner_layer(layers, run, share) for share in (0.0, 0.3, 0.6, 1.0)] == [
        "first", "blocks.0", "blocks.1", "last"
    ]  # fmt: skip
    assert hooks(layers) == hooks(u) == hooks(d) == 0
    with pytest.raises(UnsupportedError, match="no inner layers"):
        inner_layer(nn.Identity(), lambda: None)
    with pytest.raises(ZeroDivisionError):
        inner_layer(layers, lambda: 1 // 0)
    assert hooks(layers) == 0


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 5, 4)])
def test_pooling_of_grids_and_of_tokens(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    inner = x.flatten(2)
    expected = torch.cat([inner.mean(2), inner.amax(2), inner.amin(2)], dim=1)
    assert torch.allclose(pooled(x, True, x), expected, atol=1e-6)
    assert torch.allclose(pooled(x.movedim(1, -1), False, x), expected, atol=1e-6)
    assert torch.equal(pooled(x[..., 0, 0] if x.ndim == 4 else x[..., 0], True, x), x.flatten(2)[..., 0])


def test_channels_are_told_by_the_layer() -> None:
    assert channels_first(nn.Sequential(nn.Conv1d(2, 3, 1), nn.ReLU()))
    assert not channels_first(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3)))


def test_padding_does_not_count() -> None:
    real = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
    state = {"a": torch.zeros(3, 3, 2), "mask": real}
    h = torch.randn(3, 3, 4)
    found = pooled(h, False, state)
    assert torch.allclose(found[0], torch.cat([h[0, :2].mean(0), h[0, :2].amax(0), h[0, :2].amin(0)]))
    assert torch.allclose(found[1], torch.cat([h[1, 0]] * 3))
    assert found[2].tolist() == [0.0] * 12
    longer = {"a": torch.zeros(3, 5, 2), "mask": nn.functional.pad(real, (0, 2))}
    assert torch.allclose(pooled(nn.functional.pad(h, (0, 0, 0, 2), value=9.0), False, longer), found)


def test_wrong_requests_are_told() -> None:
    network = Layers()
    with pytest.raises(RecipeError, match=r"did you mean 'blocks\.\d'"):
        Features(network, Denoiser(network), Gaussian(), "block.1")
    with pytest.raises(RecipeError, match="level"):
        Features(network, Denoiser(network), Gaussian(), "first", 0.0)

    class Sideways(Layers):
        def forward(self, x: Tensor, level: Tensor, conditions: Any) -> Tensor:
            return x

    unused = Sideways()
    with pytest.raises(UnsupportedError, match="gives no features"):
        Features(unused, Denoiser(unused), Gaussian(), "first")(torch.zeros(2, 4), {})
