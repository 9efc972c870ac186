"""Molecules to graphs and back."""

from __future__ import annotations

import pytest

pytest.importorskip("rdkit")
import torch
from rdkit import Chem

from suffuse.errors import DataError, DomainInputError
from suffuse.rng import Rng
from suffuse_molecules.chemistry import fault, flat, parse, pieces, smiles
from suffuse_molecules.codec import ATOMS, BONDS, MASK, PAIRS, GraphCodec

SMILES = (
    "C", "O", "CC", "C#N", "CCO", "c1ccccc1", "c1ccncc1", "c1cc[nH]c1", "C[N+](C)(C)C", "CC(=O)[O-]",
    "[O-][N+](=O)c1ccccc1", "C1CC1", "OC1C2CC12", "N#Cc1ccoc1", "O=C1C=CC(=O)N1", "FC(F)(F)C#C",
)  # fmt: skip
MOLECULES = [parse(text) for text in SMILES]


@pytest.fixture(scope="module")
def codec() -> GraphCodec:
    return GraphCodec.fit(MOLECULES)


def test_molecules_come_back_as_they_were(codec: GraphCodec) -> None:
    back = codec.decode(codec.encode(MOLECULES))
    assert [smiles(mol) for mol in back] == [smiles(mol) for mol in MOLECULES]
    assert not any(map(fault, back))


def test_what_is_fitted(codec: GraphCodec) -> None:
    assert codec.classes[0] == ("C", 0) and {("N", 1), ("O", -1), ("F", 0)} <= set(codec.classes)
    assert sum(codec.atoms) == pytest.approx(1.0) and sum(codec.bonds) == pytest.approx(1.0)
    assert sum(codec.sizes.values()) == len(MOLECULES) and codec.sizes[1] == 2
    assert GraphCodec.from_json(codec.to_json()) == codec
    with pytest.raises(DataError, match="no molecule"):
        GraphCodec.fit([])


def test_states_are_one_hot_symmetric_and_masked(codec: GraphCodec) -> None:
    state = codec.encode([parse("CCO"), parse("C#N")])
    assert state[ATOMS].sum(2).tolist() == [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]
    assert torch.equal(state[BONDS], state[BONDS].transpose(1, 2))
    assert torch.equal(state[BONDS].sum(3), state[PAIRS].float())
    assert state[BONDS][1, 0, 1].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert not state[PAIRS][:, range(3), range(3)].any() and state[MASK].sum(1).tolist() == [3, 2]


def test_a_graph_that_is_no_molecule_is_kept_and_says_why(codec: GraphCodec) -> None:
    state = codec.empty([3])
    state[ATOMS][0, :, codec.classes.index(("O", 0))] = 1.0
    state[BONDS][0, ..., 2] = state[PAIRS][0].float()
    (made,) = codec.decode(state)
    assert "valence" in str(fault(made)) and made.GetNumAtoms() == 3
    assert smiles(made).count("=") == 3
    apart = codec.empty([4])
    apart[ATOMS][0, :, 0], apart[BONDS][0, ..., 0] = 1.0, apart[PAIRS][0].float()
    assert pieces(codec.decode(apart)[0]) == 4


def test_sizes_are_drawn_as_they_were_seen_or_asked_for(codec: GraphCodec) -> None:
    drawn = codec.like(4000, Rng.of(range(4000)).at("like"))[MASK].sum(1)
    assert (drawn == 1).double().mean().item() == pytest.approx(2 / len(MOLECULES), abs=0.02)
    assert codec.like(2)[MASK].sum(1).tolist() == [10, 10] or max(codec.sizes) == codec.like(2)[MASK].shape[1]
    asked = codec.like_under({"size": [5.0, None, 30]}, 3, Rng.of([0, 1, 2]))[MASK].sum(1).tolist()
    assert asked[0] == 5 and asked[2] == 30 and asked[1] in codec.sizes
    with pytest.raises(DomainInputError, match="no number of atoms"):
        codec.like_under({"size": [0]}, 1, Rng.of([0]))


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("CCO", "no molecule"),
        (parse("CCBr"), "Br in CCBr"),
        (Chem.Mol(), "no atom"),
        (parse("C" * 300), "too large"),
        (Chem.MolFromSmiles("N->[Fe]", sanitize=False), "dative"),
    ],
)
def test_what_cannot_be_encoded_is_named(codec: GraphCodec, item: object, said: str) -> None:
    items = [MOLECULES[0], item]
    with pytest.raises(DomainInputError, match=said):
        codec.encode(items)
    assert list(codec.faults(items)) == [1]


def test_smiles_that_are_none_are_refused_in_rdkits_words() -> None:
    for text, said in (("C1CC", "SMILES"), ("CC(C)(C)(C)C", "valence"), ("c1cccc1", "kekulize")):
        with pytest.raises(DomainInputError, match=said):
            parse(text)


def test_what_a_graph_cannot_say_is_taken_off() -> None:
    assert smiles(flat(parse("[13CH3][C@H](O)F"))) == "CC(O)F"
    assert smiles(parse("C[C@H](O)F")) != smiles(flat(parse("C[C@H](O)F")))
