"""What a denoiser would change, against closed forms; and who is asked about which entry."""

from __future__ import annotations

import math

import pytest
import torch

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.likelihood import beliefs, entry_profile, profile, residual
from suffuse.likelihood.residual import VIEWS
from suffuse.operators import Identity
from suffuse.posterior import Posterior
from suffuse.process import EDM, Absorbing, Categorical, Gaussian, Interpolant, Product, RectifiedFlow, Uniform
from suffuse.process.interpolant import Degraded
from suffuse.rng import Rng
from suffuse.state import masked_mean

FLOW = RectifiedFlow()
RATIOS = (0.3, 1.0, 2.0)


def unit_gaussian(schedule):
    """The belief about data N(0, 1)."""

    def denoiser(x_t, t, conditions):
        alpha, sigma = schedule.alpha(t), schedule.sigma(t)
        return Posterior(x_t * (alpha / (alpha**2 + sigma**2)))

    return denoiser


@pytest.mark.parametrize("schedule", [FLOW, EDM()], ids=["flow", "edm"])
def test_of_standard_normal_data_it_is_a_share_of_the_state(schedule):
    x = Rng.of(0, 6).normal(shape=(4,))
    process = Gaussian(schedule)
    found = residual(process, x, beliefs(unit_gaussian(schedule), process, x, RATIOS))
    want = [x.square().mean(1).sqrt() * r * r / (1.0 + r * r) for r in RATIOS]
    torch.testing.assert_close(found.figures, torch.stack(want, 1), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(found.squares[1], x.square() / 4.0, atol=1e-6, rtol=1e-5)


def test_padding_adds_nothing():
    x = {"v": Rng.of(0, 5).normal(shape=(4,)), "v.mask": torch.tensor([[True, True, False, False]] * 5)}
    process = Gaussian(FLOW)

    def denoiser(x_t, t, conditions):
        return Posterior({**x_t, "v": torch.zeros_like(x_t["v"]) + 7.0 * ~x_t["v.mask"]})

    (mean,) = beliefs(denoiser, process, x, [0.5])
    found = residual(process, x, [mean])
    torch.testing.assert_close(found.figures[:, 0], x["v"][:, :2].double().square().mean(1).sqrt())
    assert not found.squares[0]["v"][:, 2:].any()


def test_a_class_that_is_seen_is_not_asked_about():
    """Under an absorbing kernel every entry is masked when it is asked about, and few others are."""
    x = torch.eye(3)[torch.arange(20) % 3][None].repeat(2, 1, 1)
    process = Categorical(Absorbing(3), FLOW)
    looks = []

    def denoiser(x_t, t, conditions):
        looks.append((x_t.sum(-1) == 0.0)[0])
        return Posterior(torch.where(x_t.sum(-1, keepdim=True) == 0.0, torch.full_like(x_t, 1 / 3), x_t))

    (mean,) = beliefs(denoiser, process, x, [0.5])
    assert len(looks) == VIEWS
    assert torch.stack(looks).sum(0).tolist() == [1] * 20
    assert max(int(look.sum()) for look in looks) <= math.ceil(20 / VIEWS)
    found = residual(process, x, [mean])
    torch.testing.assert_close(found.squares[0], torch.full((2, 20, 1), 1 / 3))  # ½((2/3)² + 2·(1/3)²)


def test_pairs_are_masked_both_ways_round():
    x = torch.eye(2)[torch.zeros(1, 4, 4, dtype=torch.long)]
    process = Categorical(Absorbing(2), FLOW, symmetric=True)

    def denoiser(x_t, t, conditions):
        hidden = x_t.sum(-1) == 0.0
        assert torch.equal(hidden, hidden.transpose(1, 2))
        return Posterior(torch.full_like(x_t, 0.5))

    beliefs(denoiser, process, x, [0.5])


def test_a_product_goes_field_by_field():
    x = {"n": Rng.of(0, 3).normal(shape=(2,)), "c": torch.eye(2)[[0, 1, 0]], "s": torch.eye(4)[[0, 1, 2]]}
    process = Product({"n": Gaussian(FLOW), "c": Categorical(Absorbing(2), FLOW), "s": Categorical(Uniform(4), FLOW)})
    looks = []

    def denoiser(x_t, t, conditions):
        looks.append(bool((x_t["c"] == 0.0).all()))
        assert torch.equal(x_t["s"], x["s"])
        torch.testing.assert_close(x_t["n"], FLOW.alpha(t) * x["n"])
        blind = looks[-1]
        told = torch.tensor([0.9, 0.1]).expand(3, 2) if blind else x_t["c"]
        return Posterior({"n": torch.full_like(x["n"], 5.0 * blind), "c": told, "s": torch.full((3, 4), 0.25)})

    (mean,) = beliefs(denoiser, process, x, [0.5])
    assert looks == [False, True]
    assert not mean["n"].any()  # numbers are asked about while all classes are seen
    found = residual(process, x, [mean]).squares[0]
    torch.testing.assert_close(found["n"], x["n"].square())
    torch.testing.assert_close(found["c"][:, 0], torch.tensor([0.01, 0.81, 0.01]))
    torch.testing.assert_close(found["s"][:, 0], torch.full((3,), 0.5 * (0.75**2 + 3 * 0.25**2)))


def test_what_entries_add_to_a_profile_is_the_profile():
    x = Rng.of(0, 6).normal(shape=(4,))
    process = Gaussian(FLOW)
    whole = profile(unit_gaussian(FLOW), process, x, levels=5, draws=3, seed=2).errors.mean(1)
    each = entry_profile(unit_gaussian(FLOW), process, x, levels=5, draws=3, seed=2)
    torch.testing.assert_close(masked_mean(each), whole, rtol=1e-5, atol=1e-6)


def test_what_is_wrong_is_named():
    x = torch.zeros(1, 2)
    for ratios in ((), (0.0,), (-1.0,), (math.inf,)):
        with pytest.raises(RecipeError, match="noise levels"):
            beliefs(unit_gaussian(FLOW), Gaussian(FLOW), x, ratios)
    with pytest.raises(UnsupportedError, match="entry by entry"):
        beliefs(unit_gaussian(FLOW), Interpolant(Degraded(Identity())), x, [0.5])
