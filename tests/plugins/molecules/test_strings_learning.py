"""A model of strings learns, by learning: far more of what it makes is a molecule than of tokens drawn by frequency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("rdkit")
import torch

from suffuse.model import Model
from suffuse.process import Categorical, Marginal
from suffuse.recipe import validate
from suffuse.rng import Rng
from suffuse.state import State
from suffuse.tasks.fit import fit
from suffuse_molecules.chemistry import fault, parse, smiles
from suffuse_molecules.data import Data, of_smiles, parts_of
from suffuse_molecules.strings.codec import MASK, TOKENS, StringCodec
from tests.smiles import few


@pytest.fixture(scope="module")
def model() -> Model:
    data = Data()
    molecules = of_smiles(data, "few", few())
    recipe = validate({
        "domain": "molecules", "data": {"name": "enumerated"}, "codec": {"engine": "strings", "merges": 0},
        "process": {"kernel": "absorbing", "masked_loss": "count"}, "objective": {"times": "uniform"},
        "network": {"name": "graph-transformer", "width": 32, "depth": 2, "positions": "sinusoidal"},
        "optimizer": {"learning_rate": 1e-2, "warmup": 20},
        "train": {"steps": 250, "batch": 64, "precision": "no", "keep": True},
    })  # fmt: skip
    return Model(**vars(fit(recipe, parts_of(data, "few", molecules, molecules, molecules))))


def test_what_it_makes_are_molecules_as_tokens_by_their_frequencies_are_not(model: Model) -> None:
    codec = model.codec
    assert isinstance(codec, StringCodec)
    made = model.generate(300, steps=20, sampler="ddpm", seed=0)
    known = {smiles(item) for item in codec.decode(codec.encode([parse(text) for text in few()]))}
    drawn = codec.decode(_by_frequency(codec, 300))
    learnt, chance = (sum(smiles(mol) in known for mol in items) for items in (made, drawn))
    assert _valid(made) > 3 * _valid(drawn) and learnt > 3 * chance, (_valid(made), _valid(drawn), learnt, chance)


def _valid(items: Sequence[Any]) -> float:
    return sum(fault(item) is None for item in items) / len(items)


def _by_frequency(codec: StringCodec, count: int) -> State:
    """Texts of the right lengths, each token drawn by how often it is."""
    rng = Rng.of(range(count))
    state = codec.like(count, rng)
    assert isinstance(state, dict)
    believed = state[TOKENS] + torch.tensor(codec.frequencies)
    return Categorical(Marginal(codec.frequencies)).draw({TOKENS: believed, MASK: state[MASK]}, rng.at("drawn"))
