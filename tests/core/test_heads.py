"""What stands between a network and each kind of noise: logits, symmetry, masks, fields of a product."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suffuse.denoise import GaussianHead, Preconditioned, head_of, parametrization
from suffuse.errors import UnsupportedError
from suffuse.process import Absorbing, Categorical, Cosine, Gaussian, Marginal, Product, Uniform
from suffuse.rng import Rng
from suffuse.state import State, only
from suffuse.trained import component
from suffuse.training.objective import Objective, Uncertainty
from tests.mixed import BeadCodec, Chains


class Says(nn.Module):
    """A network that says the same whatever it sees, and keeps what it saw."""

    def __init__(self, answer: State) -> None:
        super().__init__()
        self.answer = answer
        self.weight = nn.Parameter(torch.ones(()))
        self.seen: Any = None

    def forward(self, x: State, level: Tensor, conditions: Any) -> State:
        self.seen = x
        if isinstance(self.answer, Tensor):
            return self.answer
        return {name: value * self.weight for name, value in self.answer.items()}


def onehot(index: list[list[int]], classes: int = 3) -> Tensor:
    return torch.eye(classes)[torch.tensor(index)]


def test_logits_become_probabilities_in_float32() -> None:
    logits = torch.tensor([[[20.0, 20.0625, -60.0]]], dtype=torch.bfloat16)
    x = onehot([[0]])
    network = Says(logits)
    mean = Preconditioned(network, Categorical(Uniform(3)))(x, 0.5).mean
    assert isinstance(mean, Tensor)
    assert mean.dtype == torch.float32
    assert torch.allclose(mean, logits.float().softmax(-1))
    assert mean.sum().item() == pytest.approx(1.0, abs=1e-6)
    assert torch.equal(network.seen, x)
    exact = Preconditioned(Says(logits.double()), Categorical(Uniform(3)))(x.double(), 0.5).mean
    assert torch.allclose(exact, logits.double().softmax(-1), rtol=1e-15)  # type: ignore[arg-type]


def test_what_is_shown_is_known() -> None:
    """Under a mask, and for classes that no data have."""
    x = onehot([[1, 2]])
    x[0, 1] = 0.0
    logits = torch.randn(1, 2, 3)
    mean = Preconditioned(Says(logits), Categorical(Absorbing(3)))(x, 0.5).mean
    assert isinstance(mean, Tensor)
    assert torch.equal(mean[0, 0], x[0, 0])
    assert torch.allclose(mean[0, 1], logits[0, 1].softmax(-1))
    rare = Preconditioned(Says(logits), Categorical(Marginal((0.5, 0.0, 0.5))))(onehot([[1, 2]]), 0.5).mean
    assert isinstance(rare, Tensor)
    assert torch.equal(rare[0, 0], onehot([[1, 2]])[0, 0])


def test_pairs_are_believed_symmetric() -> None:
    logits = torch.randn(2, 4, 4, 3)
    x = torch.zeros(2, 4, 4, 3)
    mean = Preconditioned(Says(logits), Categorical(Uniform(3), symmetric=True))(x + onehot([[0]])[:, None], 0.5).mean
    assert isinstance(mean, Tensor)
    assert torch.allclose(mean, (0.5 * (logits + logits.transpose(1, 2))).softmax(-1))
    assert torch.equal(mean, mean.transpose(1, 2))


def test_a_product_is_a_dict_in_and_a_dict_out() -> None:
    members = {"numbers": Gaussian(Cosine()), "words": Categorical(Absorbing(3))}
    real = torch.tensor([[True, True], [True, False]])
    x: dict[str, Tensor] = {"numbers": torch.randn(2, 2, 2), "words": onehot([[0, 1], [2, 0]]), "mask": real}
    x = {k: v if k == "mask" else torch.where(real[..., None], v, 0.0) for k, v in x.items()}
    answer = {"numbers": torch.randn(2, 2, 2), "words": torch.randn(2, 2, 3)}
    network = Says(answer)
    whole = Preconditioned(network, Product(members), "v", 0.5)
    for t in (0.4, torch.tensor([0.1, 0.9], dtype=torch.float64)):
        mean = whole(x, t).mean
        assert isinstance(mean, dict)
        assert list(mean) == ["numbers", "words", "mask"]
        for name, member in members.items():
            alone = Preconditioned(Says({name: answer[name]}), member, "v", 0.5)(only(x, name), t).mean
            assert torch.equal(mean[name], alone[name])  # type: ignore[index]
        assert not mean["numbers"][~real].any() and not mean["words"][~real].any()
        assert torch.equal(network.seen["words"], x["words"])
        assert torch.equal(network.seen["mask"], real)


def test_a_network_that_is_silent_about_a_field_is_told() -> None:
    process = Product({"numbers": Gaussian(), "words": Categorical(Uniform(3))})
    x = {"numbers": torch.zeros(1, 2, 2), "words": onehot([[0, 1]])}
    for answer in ({"numbers": torch.zeros(1, 2, 2)}, torch.zeros(1, 2)):
        with pytest.raises(UnsupportedError, match="says nothing of this field"):
            Preconditioned(Says(answer), process)(x, 0.5)

    class Other:
        schedule = Cosine()

    with pytest.raises(UnsupportedError, match="no network can be trained"):
        head_of(Other(), parametrization("v"))  # type: ignore[arg-type]


def test_names_of_weights_are_the_networks() -> None:
    process = Product({"numbers": Gaussian(), "words": Categorical(Uniform(3))})
    assert list(Preconditioned(Says({}), process).state_dict()) == ["network.weight"]
    assert isinstance(Preconditioned(Says({}), Gaussian()).head, GaussianHead)


@pytest.mark.parametrize("uncertain", [False, True])
def test_the_objective_takes_mixed_states(uncertain: bool) -> None:
    """A gradient for every weight; what padding holds changes neither loss nor gradient."""
    from suffuse.nn import mlp
    from suffuse.recipe import Named

    codec = BeadCodec(5.0, 2.0, (0.5, 0.2, 0.3))
    x0 = codec.encode([Chains(0, 16)[i].item for i in range(16)])
    assert isinstance(x0, dict)
    process = Product({"size": Gaussian(), "kind": Categorical(Absorbing(3))})
    torch.manual_seed(0)
    network = mlp.build(x0, {}, width=16, depth=1)
    objective = Objective(
        Preconditioned(network, process, "flow"),
        component("times", Named(name="logit-normal")),
        component("weighting", Named(name="flow")),
        uncertainty=Uncertainty() if uncertain else None,
    )
    loss = objective(x0, {}, Rng.of(0, 16))
    loss.backward()
    assert loss.isfinite()
    assert network.leave.bias.grad is not None and network.leave.bias.grad.any()
    garbage = {k: v if k == "mask" else torch.where(x0["mask"][..., None], v, 9.0) for k, v in x0.items()}
    assert torch.equal(objective(garbage, {}, Rng.of(0, 16)), loss)
