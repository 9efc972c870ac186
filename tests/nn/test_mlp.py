"""The MLP: what every network owes, on states of one field and of several."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suffuse.conditions import Condition, ConditionSpace, Label, Number, StateCondition, drop, take_conditions
from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.nn import mlp
from suffuse.state import State, map_all

OPTIONS = {"width": 24, "depth": 2}
SPACE: ConditionSpace = {"label": Label(("a", "b")), "number": Number()}
GIVEN = {
    "label": Condition(torch.tensor([0, 1, 1, 0]), torch.ones(4, dtype=torch.bool)),
    "number": Condition(torch.tensor([0.3, -1.0, 2.0, 0.0]), torch.ones(4, dtype=torch.bool)),
}
LEVELS = torch.linspace(-1.5, 1.5, 4)


def state(count: int = 4) -> dict[str, Tensor]:
    mask = torch.tensor([[True, True, True], [True, True, False]]).repeat(2, 1)[:count]
    x = {"numbers": torch.randn(count, 3, 2), "kinds": torch.randn(count, 3, 4)}
    return {**{k: torch.where(mask[..., None], v, 0.0) for k, v in x.items()}, "mask": mask}


def awake(template: State, space: ConditionSpace = SPACE, **options: Any) -> nn.Module:
    network = mlp.build(template, space, **{**OPTIONS, **options})
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return network.eval()


def test_a_dict_in_a_dict_out_and_a_tensor_in_a_tensor_out() -> None:
    x = state()
    out = awake(x)(x, LEVELS, GIVEN)
    assert {k: v.shape for k, v in out.items()} == {"numbers": (4, 3, 2), "kinds": (4, 3, 4)}
    assert awake(torch.zeros(1, 5))(torch.randn(4, 5), LEVELS, {}).shape == (4, 5)
    assert awake(torch.zeros(1, 2, 5))(torch.randn(4, 2, 5), LEVELS, GIVEN).shape == (4, 2, 5)


def test_a_new_network_predicts_zero() -> None:
    x = state()
    assert not any(v.any() for v in mlp.build(x, SPACE, **OPTIONS)(x, LEVELS, GIVEN).values())


def test_fields_masks_level_and_conditions_matter() -> None:
    x = state()
    network = awake(x)
    out = network(x, LEVELS, GIVEN)["kinds"]
    for changed in ({**x, "numbers": x["numbers"] + 0.1}, {**x, "mask": ~x["mask"]}):
        assert (network(changed, LEVELS, GIVEN)["kinds"] - out).abs().amax((1, 2)).min() > 1e-4
    assert (network(x, LEVELS + 0.1, GIVEN)["kinds"] - out).abs().amax((1, 2)).min() > 1e-4
    for name in GIVEN:
        without = network(x, LEVELS, {**GIVEN, **drop({name: GIVEN[name]})})["kinds"]
        assert (without - out).abs().amax((1, 2)).min() > 1e-4
    poisoned = {name: Condition(c.value * 0 + 1, c.present & False) for name, c in GIVEN.items()}
    assert torch.equal(network(x, LEVELS, poisoned)["kinds"], network(x, LEVELS, {})["kinds"])


def test_a_batch_equals_its_samples_one_by_one() -> None:
    x = state()
    network = awake(x)
    whole = network(x, LEVELS, GIVEN)
    for i in range(4):
        one = slice(i, i + 1)
        alone = network(map_all(lambda v, one=one: v[one], x), LEVELS[one], take_conditions(GIVEN, one))
        for name in whole:
            torch.testing.assert_close(alone[name], whole[name][one], atol=1e-5, rtol=1e-5)


def test_every_parameter_learns() -> None:
    x = state()
    network = mlp.build(x, SPACE, **OPTIONS)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    conditions = {**GIVEN, **drop(GIVEN, torch.tensor([True, True, True, False]))}
    for _ in range(3):
        optimizer.zero_grad()
        out = network(x, LEVELS, conditions)
        sum((v - 1.0).square().mean() for v in out.values()).backward()
        optimizer.step()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_weights_of_another_precision() -> None:
    x = state()
    network = awake(x)
    single = network(x, LEVELS, GIVEN)["kinds"]
    wide = {k: v.double() if v.is_floating_point() else v for k, v in x.items()}
    exact = network.double()(wide, LEVELS, GIVEN)["kinds"]
    assert exact.dtype == torch.float64
    torch.testing.assert_close(single, exact.float(), atol=1e-5, rtol=1e-5)


def test_other_sizes_states_as_conditions_and_wrong_options_are_told() -> None:
    network = awake(state())
    with pytest.raises(DomainInputError, match="other sizes"):
        network({**state(), "numbers": torch.zeros(4, 2, 2)}, LEVELS, {})
    with pytest.raises(UnsupportedError, match="takes no state"):
        mlp.build(torch.zeros(1, 3), {"sketch": StateCondition((1, 4))})
    for name, value in (("width", 0), ("depth", 1.5), ("mlp_ratio", -1.0), ("dropout", 1.0), ("heads", 2)):
        with pytest.raises(RecipeError, match=f"network.{name}"):
            mlp.build(torch.zeros(1, 3), {}, **{name: value})
