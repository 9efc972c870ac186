"""Grid networks over states that lack entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suffuse.conditions import Label, encode_conditions
from suffuse.errors import UnsupportedError
from suffuse.features import inner_layer
from suffuse.nn import dit, unet
from suffuse.nn.masked import Masked
from tests.nn.test_networks import DIT, UNET, awake

each_network = pytest.mark.parametrize(("build", "options"), [(unet.build, UNET), (dit.build, DIT)])
SPACE = {"label": Label(("a", "b"))}


def state(axes: int, whole: bool = False) -> dict[str, Tensor]:
    x = torch.randn(3, 2, *(8,) * axes)
    mask = torch.ones_like(x, dtype=torch.bool) if whole else torch.rand_like(x) < 0.7
    return {"values": torch.where(mask, x, 0.0), "mask": mask}


def asked(network: nn.Module, x: dict[str, Tensor]) -> Tensor:
    out = network(x, torch.linspace(-1, 1, 3), encode_conditions(SPACE, {"label": ["a", "b", None]}, 3))
    assert list(out) == ["values"]
    return out["values"]


@each_network
@pytest.mark.parametrize("axes", [1, 2])
def test_the_field_comes_out_and_the_mask_is_seen(
    build: Callable[..., nn.Module], options: dict[str, Any], axes: int
) -> None:
    x = state(axes)
    network = awake(build(x, SPACE, **options))
    assert asked(network, x).shape == x["values"].shape
    filled = {**x, "mask": torch.ones_like(x["mask"])}
    assert not torch.allclose(asked(network, filled), asked(network, x), atol=1e-3), "a gap is no zero"


@each_network
def test_sizes_may_differ_from_the_templates(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    network = awake(build(state(1), SPACE, **options))
    longer = {name: torch.cat((value, value), dim=2) for name, value in state(1).items()}
    assert asked(network, longer).shape == (3, 2, 16)


@each_network
def test_a_mask_may_broadcast(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    """One entry for each point tells as much as the same for each channel."""
    x = state(1)
    network = awake(build(x, SPACE, **options))
    points = x["mask"][:, :1]
    values = torch.where(points, x["values"], 0.0)
    wide = asked(network, {"values": values, "mask": points.expand_as(values)})
    assert torch.allclose(asked(network, {"values": values, "mask": points}), wide)
    channels = torch.tensor([[True, False]] * 3)
    some = torch.where(channels[..., None], x["values"], 0.0)
    full = asked(network, {"values": some, "mask": channels[..., None].expand_as(some)})
    assert torch.allclose(asked(network, {"values": some, "mask": channels}), full)


@each_network
def test_bare_grids_are_as_before_and_other_states_are_refused(
    build: Callable[..., nn.Module], options: dict[str, Any]
) -> None:
    assert not isinstance(build(torch.zeros(1, 2, 8), SPACE, **options), Masked)
    assert isinstance(build(state(1), SPACE, **options), Masked)
    for other in ({"values": torch.zeros(1, 2, 8)}, {**state(1), "more": torch.zeros(3, 2, 8)}):
        with pytest.raises(UnsupportedError, match="grid"):
            build(other, SPACE, **options)


@each_network
def test_features_are_read_from_within(build: Callable[..., nn.Module], options: dict[str, Any]) -> None:
    """The layer is the wrapped network's own, as without a mask."""
    x = state(1)
    bare, network = build(x["values"], SPACE, **options), build(x, SPACE, **options)
    alone = inner_layer(bare, lambda: bare(x["values"], torch.zeros(3), {}))
    assert inner_layer(network, lambda: network(x, torch.zeros(3), {})).startswith("network.")
    assert alone.split(".")[0] in dict(bare.named_children())
