"""A product of processes: every field as its own process has it, by one clock."""

from __future__ import annotations

import pytest
import torch

from suffuse.errors import DomainInputError, RecipeError
from suffuse.posterior import Posterior
from suffuse.process import Absorbing, Categorical, Cosine, Gaussian, Marginal, Product, RectifiedFlow
from suffuse.rng import Rng
from suffuse.state import only

MEMBERS = {
    "words": Categorical(Absorbing(3)),
    "numbers": Gaussian(Cosine()),
    "bonds": Categorical(Marginal((0.7, 0.3)), symmetric=True),
}
PRODUCT = Product(MEMBERS, {"bonds": 0.25})


def state(count: int = 300) -> dict[str, torch.Tensor]:
    rng = Rng.of(0, count)
    real = torch.arange(4) < torch.tensor([2, 3, 4]).repeat(count // 3)[:, None]
    words = torch.eye(3)[(3 * rng.at("words").uniform(shape=(4,))).long()]
    bonds = torch.eye(2)[(2 * rng.at("bonds").uniform(shape=(4, 4))).long()]
    x = {"words": words, "numbers": rng.normal(torch.zeros(count, 4, 2))}
    x["bonds"] = torch.where(torch.ones(4, 4).triu()[..., None] > 0, bonds, bonds.transpose(1, 2))
    pairs = real[:, :, None] & real[:, None, :]
    masked = {k: torch.where((pairs if k == "bonds" else real)[..., None], v, 0.0) for k, v in x.items()}
    return {**masked, "mask": real, "bonds.mask": pairs}


def test_every_field_goes_its_own_way() -> None:
    x0, rng = state(), Rng.of(5, 300)
    t = torch.linspace(0.01, 1.0, 300, dtype=torch.float64)
    x_t, prior = PRODUCT.corrupt(x0, t, rng), PRODUCT.prior(x0, rng)
    belief = Posterior({**x0, "words": x0["words"] * 0.8, "numbers": x0["numbers"] * 0.5})
    assert isinstance(x_t, dict) and isinstance(prior, dict)
    back = PRODUCT.reverse(x_t, belief, 0.8, 0.5, rng, 0.3)
    assert isinstance(back, dict)
    assert list(x_t) == list(prior) == list(back) == list(x0)
    for name, member in MEMBERS.items():
        own, noise = only(x0, name), rng.at("field", name)
        for made, alone in (
            (x_t, member.corrupt(own, t, noise)),
            (prior, member.prior(own, noise)),
            (back, member.reverse(only(x_t, name), belief.only(name), 0.8, 0.5, noise, 0.3)),
        ):
            assert isinstance(alone, dict)
            assert torch.equal(made[name], alone[name])


def test_the_fields_have_their_marginals() -> None:
    """A third of all entries real in each: the masked share, the noise's variance, the share of redrawn bonds."""
    x0 = {k: v.repeat(40, *(1,) * (v.ndim - 1)) for k, v in state().items()}
    t = 0.6
    x_t = PRODUCT.corrupt(x0, t, Rng.of(0, 12_000))
    assert isinstance(x_t, dict)
    real, pairs = x0["mask"], x0["bonds.mask"]
    assert (x_t["words"].sum(-1) == 0)[real].double().mean().item() == pytest.approx(t, abs=0.01)
    noise = x_t["numbers"] - Cosine().alpha(t) * x0["numbers"]
    assert noise[real].std().item() == pytest.approx(Cosine().sigma(t), rel=0.01)
    for k, frequency in enumerate((0.7, 0.3)):
        was = pairs & (x0["bonds"][..., k] == 1)
        assert x_t["bonds"][was][:, k].mean().item() == pytest.approx(1 - t + t * frequency, abs=0.01)
    assert torch.equal(x_t["bonds"], x_t["bonds"].transpose(1, 2))


def test_the_loss_is_the_weighted_sum() -> None:
    x0 = state(30)
    belief = Posterior(
        {**x0, "words": x0["words"] * 0.6 + 0.1, "numbers": x0["numbers"] * 0.5, "bonds": x0["bonds"] * 0.9}
    )
    x_t = PRODUCT.corrupt(x0, 0.7, Rng.of(0, 30))
    whole = PRODUCT.loss(belief, x0, x_t, 0.7)
    parts = {n: p.loss(belief.only(n), only(x0, n), only(x_t, n), 0.7) for n, p in MEMBERS.items()}
    assert torch.allclose(whole, parts["words"] + parts["numbers"] + 0.25 * parts["bonds"])
    assert all((part > 0.0).any() for part in parts.values())


def test_the_clock_is_the_first_gaussian_fields() -> None:
    assert PRODUCT.schedule == Cosine()
    assert Product({"words": MEMBERS["words"]}).schedule == RectifiedFlow()


def test_other_fields_are_told() -> None:
    x0 = state(3)
    del x0["words"]
    with pytest.raises(DomainInputError, match="other fields"):
        PRODUCT.corrupt(x0, 0.5, Rng.of(0, 3))
    with pytest.raises(DomainInputError, match="bare tensor"):
        PRODUCT.prior(torch.zeros(1, 2), Rng.of(0))
    with pytest.raises(RecipeError, match="did you mean 'bonds'"):
        Product(MEMBERS, {"bond": 1.0})
    with pytest.raises(RecipeError, match="is empty"):
        Product({})
