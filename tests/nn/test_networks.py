"""The U-Net and the DiT: what every network over a grid owes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suffuse.conditions import (
    Condition,
    ConditionSpace,
    Label,
    Number,
    StateCondition,
    Text,
    drop,
    encode_conditions,
    take_conditions,
)
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.nn import dit, unet

UNET = {"width": 8, "blocks": 1, "heads": 2}
DIT = {"width": 16, "depth": 2, "heads": 2}
BUILDS: list[tuple[Callable[..., nn.Module], dict[str, Any]]] = [(unet.build, UNET), (dit.build, DIT)]
each_network = pytest.mark.parametrize(("build", "options"), BUILDS, ids=["unet", "dit"])


def space(axes: int) -> ConditionSpace:
    return {
        "label": Label(("a", "b", "c")),
        "number": Number(),
        "text": Text.fit(["a red cat", "a blue dog"]),
        "state": StateCondition((1, *(4,) * axes)),
    }


def given(axes: int, count: int) -> dict[str, Condition]:
    state = torch.linspace(-1, 1, 4**axes).reshape(1, *(4,) * axes)
    values = {
        "label": ["abc"[i % 3] for i in range(count)],
        "number": [0.5 * i - 1 for i in range(count)],
        "text": [("red cat", "", "a blue dog")[i % 3] for i in range(count)],
        "state": [state * (-1) ** i for i in range(count)],
    }
    return encode_conditions(space(axes), values, count)


def levels(count: int) -> Tensor:
    return torch.linspace(-1.5, 1.5, count)


def awake(network: nn.Module) -> nn.Module:
    """The network with every weight perturbed, since what begins at zero hides what lies behind it."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


def made(build: Callable[..., nn.Module], options: dict[str, Any], axes: int, conditional: bool = True) -> nn.Module:
    torch.manual_seed(0)
    return build(torch.zeros(1, 2, *(8,) * axes), space(axes) if conditional else {}, **options)


@each_network
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 5, 28])
@pytest.mark.parametrize("conditional", [False, True])
def test_the_output_is_shaped_like_the_input(
    build: Callable[..., nn.Module], options: dict[str, Any], axes: int, size: int, conditional: bool
) -> None:
    folding = {"fold": 2} if build is unet.build else {"patch": 4}
    network = awake(made(build, options | folding, axes, conditional))
    sizes = (size, *(min(size, 6),) * (axes - 1))
    for count in (1, 2, 7):
        x = torch.randn(count, 2, *sizes)
        with torch.no_grad():
            out = network(x, levels(count), given(axes, count) if conditional else {})
        assert out.shape == x.shape
        assert out.isfinite().all()


@each_network
def test_a_new_network_predicts_zero(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    assert not made(build, options, 2)(torch.randn(2, 2, 8, 8), levels(2), {}).any()


@each_network
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_every_parameter_learns(build: Callable[..., nn.Module], options: dict[str, Any], axes: int) -> None:
    network = made(build, options, axes)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    x, target = torch.randn(2, 4, 2, *(8,) * axes)
    full = given(axes, 4)
    conditions = {**full, **drop(full, torch.tensor([True, True, True, False]))}
    for _ in range(3):
        optimizer.zero_grad()
        (network(x, levels(4), conditions) - target).square().mean().backward()
        optimizer.step()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@each_network
def test_the_noise_level_and_every_condition_matter(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    network = awake(made(build, options, 2))
    x, full = torch.randn(3, 2, 8, 8), given(2, 3)
    with torch.no_grad():
        out = network(x, levels(3), full)
        assert (network(x, levels(3) + 0.1, full) - out).abs().flatten(1).amax(1).min() > 1e-3
        for name in full:
            without = network(x, levels(3), {**full, **drop({name: full[name]})})
            assert (without - out).abs().flatten(1).amax(1).min() > 1e-4, name


@each_network
def test_the_tokens_of_a_text_matter(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    """Also apart from the vector that sums the text up."""
    network = awake(made(build, options, 2))
    nn.init.zeros_(network.conditions.texts[0].pooled.weight)
    x, full = torch.randn(3, 2, 8, 8), given(2, 3)
    with torch.no_grad():
        change = network(x, levels(3), full) - network(x, levels(3), {**full, **drop({"text": full["text"]})})
    assert change[0].abs().max() > 1e-4


@each_network
def test_the_value_of_an_absent_condition_does_not_matter(
    build: Callable[..., nn.Module], options: dict[str, Any]
) -> None:
    network = awake(made(build, options, 2))
    x, absent = torch.randn(3, 2, 8, 8), drop(given(2, 3))
    poisoned = {
        name: replace(c, value=torch.full_like(c.value, math.nan if c.value.is_floating_point() else 99))
        for name, c in absent.items()
    }
    with torch.no_grad():
        out = network(x, levels(3), absent)
        torch.testing.assert_close(network(x, levels(3), poisoned), out)
        torch.testing.assert_close(network(x, levels(3), {}), out)


@each_network
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_batch_equals_its_samples_one_by_one(
    build: Callable[..., nn.Module], options: dict[str, Any], axes: int
) -> None:
    network = awake(made(build, options, axes))
    x, conditions = torch.randn(7, 2, *(6,) * axes), given(axes, 7)
    with torch.no_grad():
        whole = network(x, levels(7), conditions)
        for i in range(7):
            one = slice(i, i + 1)
            alone = network(x[one], levels(7)[one], take_conditions(conditions, one))
            torch.testing.assert_close(alone, whole[one], atol=1e-5, rtol=1e-5)


@each_network
def test_weights_survive_a_round_trip(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    network = awake(made(build, options, 2))
    torch.manual_seed(9)
    other = build(torch.zeros(1, 2, 8, 8), space(2), **options).eval()
    other.load_state_dict({name: value.contiguous() for name, value in network.state_dict().items()})
    x, conditions = torch.randn(2, 2, 8, 8), given(2, 2)
    with torch.no_grad():
        expected = network(x, levels(2), conditions)
        torch.testing.assert_close(other(x, levels(2), conditions), expected, rtol=0, atol=0)


@each_network
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_bfloat16_autocast(build: Callable[..., nn.Module], options: dict[str, Any], axes: int) -> None:
    network = awake(made(build, options, axes))
    x, conditions = torch.randn(3, 2, *(8,) * axes), given(axes, 3)
    exact = network(x, levels(3), conditions)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = network(x, levels(3), conditions)
    assert (out.float() - exact).norm() < 0.05 * exact.norm()
    out.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@each_network
def test_weights_of_another_precision(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    network = awake(made(build, options, 2))
    x, conditions = torch.randn(3, 2, 8, 8), given(2, 3)
    single = network(x, levels(3), conditions)
    exact = network.double()(x.double(), levels(3).double(), conditions)
    half = network.bfloat16()(x.bfloat16(), levels(3), conditions)
    assert (exact.dtype, half.dtype) == (torch.float64, torch.bfloat16)
    torch.testing.assert_close(single, exact.float(), atol=1e-5, rtol=1e-5)
    assert (half.double() - exact).norm() < 0.1 * exact.norm()


@each_network
def test_the_global_random_state_is_left_alone(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    network = awake(made(build, options, 2))
    before = torch.get_rng_state()
    network(torch.zeros(2, 2, 8, 8), levels(2), given(2, 2))
    assert torch.equal(torch.get_rng_state(), before)


@each_network
def test_one_batch_is_learned_by_heart(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = build(torch.zeros(1, 1, 8, 8), {"label": Label(tuple("abcd"))}, **options)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    x, target = torch.randn(2, 8, 1, 8, 8)
    x[:4] = x[4:]  # only the label tells these apart
    label = {"label": Condition(torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]), torch.ones(8, dtype=torch.bool))}
    for _ in range(150):
        loss = (network(x, torch.zeros(8), label) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1 * target.var()


@each_network
def test_lists_from_yaml_are_welcome(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    lists = {"multipliers": [1, 1, 2], "fold": [1, 2], "attention": []} if build is unet.build else {"patch": [1, 2]}
    network = build(torch.zeros(1, 2, 8, 8), {}, **options | lists)
    assert network(torch.zeros(1, 2, 7, 9), levels(1), {}).shape == (1, 2, 7, 9)


@pytest.mark.parametrize(
    ("build", "field", "value"),
    [
        (unet.build, "width", 0),
        (unet.build, "width", 9),
        (unet.build, "width", 8.0),
        (unet.build, "multipliers", []),
        (unet.build, "multipliers", [1, -1]),
        (unet.build, "blocks", True),
        (unet.build, "fold", 0),
        (unet.build, "fold", [2, 2, 2]),
        (unet.build, "attention", [2]),
        (unet.build, "attention", "last"),
        (unet.build, "heads", -1),
        (unet.build, "dropout", 1.0),
        (unet.build, "padding_mode", "reflect"),
        (unet.build, "widht", 8),
        (dit.build, "width", 15),
        (dit.build, "depth", 0),
        (dit.build, "heads", 0),
        (dit.build, "patch", [2]),
        (dit.build, "mlp_ratio", math.inf),
        (dit.build, "dropout", "none"),
        (dit.build, "blocks", 2),
    ],
)
def test_wrong_options_are_named(build: Callable[..., nn.Module], field: str, value: Any) -> None:
    with pytest.raises(RecipeError) as caught:
        build(torch.zeros(1, 1, 8, 8), {}, **{field: value})
    assert caught.value.field == f"network.{field}"
    assert caught.value.expected
    assert caught.value.got


@each_network
@pytest.mark.parametrize(
    "template", [{"atoms": torch.zeros(1, 2, 3)}, torch.zeros(1, 2), torch.zeros(1, 1, 1, 1, 1, 1)]
)
def test_other_states_are_refused(build: Callable[..., nn.Module], options: dict[str, Any], template: Any) -> None:
    with pytest.raises(UnsupportedError, match="needs a grid"):
        build(template, {}, **options)


def test_a_masking_unet_multiplies_its_input() -> None:
    network = made(unet.build, UNET | {"mask": True}, 2, conditional=False)
    x = torch.randn(3, 2, 8, 8)
    with torch.no_grad():
        assert not network(x, levels(3), {}).any()
        network.leave.bias[:2] = torch.tensor([0.5, -1.0])
        network.leave.bias[2:] = 3.0
        made_of = network(x, levels(3), {})
    torch.testing.assert_close(made_of, x * torch.tensor([0.5, -1.0])[:, None, None] + 3.0)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_circular_unet_follows_a_shift(axes: int) -> None:
    network = awake(made(unet.build, UNET | {"padding_mode": "circular", "fold": 2}, axes, conditional=False))
    x = torch.randn(1, 2, *(8,) * axes)
    with torch.no_grad():
        moved = network(x.roll(4, -1), levels(1), {})
        torch.testing.assert_close(moved, network(x, levels(1), {}).roll(4, -1), atol=1e-5, rtol=1e-5)


def test_dropout_acts_in_training_only() -> None:
    for build, options in BUILDS:
        network = awake(made(build, options | {"dropout": 0.5}, 1, conditional=False))
        x = torch.randn(1, 2, 8)
        assert torch.equal(network(x, levels(1), {}), network(x, levels(1), {}))
        network.train()
        assert not torch.equal(network(x, levels(1), {}), network(x, levels(1), {}))
