"""One of several measurements, drawn for each sample by its own stream."""

from __future__ import annotations

import pytest
import torch

from suffuse.errors import RecipeError, UnsupportedError
from suffuse.operators import Clip, Identity, OneOf
from suffuse.process import Interpolant
from suffuse.process.interpolant import Degraded
from suffuse.recipe import load_recipe
from suffuse.registry import make
from suffuse.rng import Rng

COUNT = 400
X = 2.0 + torch.rand(COUNT, 1, 5, generator=torch.Generator().manual_seed(0))


def test_each_sample_gets_one_and_all_are_as_likely() -> None:
    measured = OneOf((Identity(), Clip(1.0), Clip(0.5))).drawn(Rng.of(range(COUNT)))(X)
    kinds = [(measured == expected).flatten(1).all(1) for expected in (X, X.clamp(-1.0, 1.0), X.clamp(-0.5, 0.5))]
    assert torch.stack(kinds).sum(0).eq(1).all()
    assert all(abs(int(kind.sum()) - COUNT / 3) < 4 * (COUNT * 2 / 9) ** 0.5 for kind in kinds)


def test_what_a_sample_gets_does_not_depend_on_its_batch() -> None:
    operator = OneOf((Identity(), Clip(1.0), Clip(0.5)))
    together = operator.drawn(Rng.of(range(COUNT)))(X)
    alone = operator.drawn(Rng.of([7]))(X[7:8])
    assert torch.equal(together[7:8], alone)


def test_it_is_told_in_a_recipe_and_couples_a_bridge() -> None:
    operator = make("operator", "one-of", of=["identity", {"name": "clip", "level": 0.5}])
    assert operator == OneOf((Identity(), Clip(0.5)))
    recipe = load_recipe("digits", ["process={coupling: {name: one-of, of: [identity, {name: clip, level: 0.5}]}}"])
    assert recipe.process.coupling is not None and recipe.process.coupling.name == "one-of"
    ends = Interpolant(Degraded(operator)).corrupt(X, 1.0, Rng.of(range(COUNT)))
    assert ((ends == X).flatten(1).all(1) | (ends == 0.5).flatten(1).all(1)).all()
    with pytest.raises(RecipeError, match="clap"):
        load_recipe("digits", ["process={coupling: {name: one-of, of: [clap]}}"])


def test_what_was_not_drawn_or_has_no_members_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="nobody knows"):
        OneOf((Identity(), Clip(0.5)))(X)
    with pytest.raises(RecipeError, match="at least one"):
        OneOf(())
