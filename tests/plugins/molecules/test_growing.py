"""Keeping a part of a molecule while the rest is made anew."""

from __future__ import annotations

import pytest

pytest.importorskip("rdkit")
import torch
from rdkit import Chem

from suffuse.errors import DomainInputError
from suffuse.rng import Rng
from suffuse_molecules.chemistry import parse
from suffuse_molecules.codec import ATOMS, BONDS, MASK, PAIRS, GraphCodec
from suffuse_molecules.growing import is_open, kept_part

SEEN = ("CCO", "c1ccccc1", "Cc1ccncc1", "CC(=O)Nc1ccccc1", "O=C(O)c1ccccc1F")


@pytest.fixture(scope="module")
def codec() -> GraphCodec:
    return GraphCodec.fit([parse(text) for text in SEEN])


@pytest.mark.parametrize(
    ("text", "keep", "atoms", "ends"),
    [
        ("*c1ccccc1", None, 6, 1),
        ("*CCO.*c1ccccc1", None, 9, 2),
        ("Cc1ccccc1O", "scaffold", 6, 6),
        ("Cc1ccccc1O", "smarts:cO", 2, 2),
        ("CCO", "atoms:0,2", 2, 2),
        ("CC(C)(C)C", "all", 5, 4),
    ],
)
def test_parts_and_their_ends(text: str, keep: str | None, atoms: int, ends: int) -> None:
    part = kept_part(parse(text), keep)
    assert (len(part.atoms), len(part.ends)) == (atoms, ends)
    assert is_open(parse(text)) == ("*" in text)


@pytest.mark.parametrize(
    ("text", "keep", "said"),
    [
        ("CCO", "smarts:[N+]", "no part"),
        ("CCO", "smarts:((", "no SMARTS"),
        ("CCO", "atoms:7", "no atoms of the molecule"),
        ("CCO", "atoms:0-99999999999999999999", "no atoms of the molecule"),
        ("CCO", "atoms:a-b", "no numbers"),
        ("CCO", "atoms:²", "no numbers"),
        ("CCO", "scafold", "did you mean 'scaffold'"),
        ("CCO", "scaffold", "no part"),
        ("FC(F)(F)F", "all", "no place where anything could be added"),
    ],
)
def test_what_cannot_be_kept_is_named(text: str, keep: str, said: str) -> None:
    with pytest.raises(DomainInputError, match=said):
        kept_part(parse(text), keep)


def test_states_have_the_part_and_room_for_more(codec: GraphCodec) -> None:
    items = [parse("*c1ccncc1")] * 20
    grown = codec.grow(items, None, {}, Rng.of(range(20)))
    assert grown is not None and isinstance(grown.states, dict) and isinstance(grown.known, dict)
    sizes = grown.states[MASK].sum(1)
    assert set(sizes.tolist()) == {7, 10}, "as the larger training molecules"
    known, bonds = grown.known, grown.states[BONDS]
    assert (known[ATOMS][:, :6]).all() and not (known[ATOMS][:, 6:] & grown.states[MASK][:, 6:]).any()
    assert known[ATOMS][~grown.states[MASK]].all() and known[BONDS][~grown.states[PAIRS]].all()
    assert torch.equal(known[BONDS], known[BONDS].transpose(1, 2))
    one = known[BONDS][int(sizes.argmax())]
    assert not one[0, 6:].any() and one[1:6, 6:].all() and not (one[6:, 6:] & grown.states[PAIRS][0][6:, 6:]).any()
    assert (bonds.sum(3) == (known[BONDS] & grown.states[PAIRS]).float()).all()
    assert torch.equal(bonds, bonds.transpose(1, 2))


def test_sizes_may_be_asked_for_and_must_leave_room(codec: GraphCodec) -> None:
    ring = parse("*c1ccccc1")
    grown = codec.grow([ring, ring], None, {"size": [8, 12]}, Rng.of([0, 1]))
    assert grown is not None and isinstance(grown.states, dict)
    assert grown.states[MASK].sum(1).tolist() == [8, 12]
    with pytest.raises(DomainInputError, match="leaves nothing to make"):
        codec.grow([ring], None, {"size": [6]}, Rng.of([0]))
    large = codec.grow([parse("CCCCCCCCCCCC*")], None, {}, Rng.of([0]))
    assert large is not None and isinstance(large.states, dict)
    assert int(large.states[MASK].sum()) > 12, "larger than any that was seen"


def test_whole_molecules_grow_only_when_asked(codec: GraphCodec) -> None:
    assert codec.grow([parse("CCO")], None, {}, Rng.of([0])) is None
    with pytest.raises(DomainInputError, match="Br in "):
        codec.grow([parse("*CBr")], None, {}, Rng.of([0]))
    with pytest.raises(DomainInputError, match="no molecule"):
        codec.grow(["CCO"], "all", {}, Rng.of([0]))
    assert Chem.MolToSmiles(parse("*C")) == "*C"


@pytest.mark.parametrize("texts", [("*CO", "CCO"), ("CCO", "*CO")])
def test_a_mix_of_open_and_whole_molecules_is_refused_in_any_batch(codec: GraphCodec, texts: tuple[str, str]) -> None:
    with pytest.raises(DomainInputError, match="are whole, others are not") as caught:
        codec.grow([parse(text) for text in texts], None, {}, Rng.of([0, 1]))
    assert caught.value.got == f"items[{texts.index('CCO')}]"
    assert codec.grow([parse(text) for text in texts], "all", {}, Rng.of([0, 1])) is not None


def test_what_is_too_large_is_told_before_there_are_states(codec: GraphCodec) -> None:
    for text in ("*" + "NCC(=O)" * 200 + "O", "C" * 256 + "*"):
        with pytest.raises(DomainInputError, match=r"items\[0\]: is too large to grow"):
            codec.grow([parse(text)], None, {}, Rng.of([0]))
    grown = codec.grow([parse("C" * 255 + "*")], None, {}, Rng.of([0]))
    assert grown is not None and isinstance(grown.states, dict) and int(grown.states[MASK].sum()) == 256
    for size in (0, 257, float("nan"), float("inf")):
        with pytest.raises(DomainInputError, match="no number of atoms"):
            codec.grow([parse("*C")], None, {"size": [size]}, Rng.of([0]))
