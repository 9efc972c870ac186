"""Molecules as strings: tokens, merges, states and back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

pytest.importorskip("rdkit")
import torch
from rdkit import Chem

import suffuse
from suffuse.errors import DataError, DomainInputError, RecipeError
from suffuse.recipe import load_recipe
from suffuse.rng import Rng
from suffuse.tasks.filtering.same import unique
from suffuse_molecules.chemistry import fault, parse, smiles, spelled
from suffuse_molecules.domain import Molecules
from suffuse_molecules.files import write
from suffuse_molecules.metrics.repair import repair
from suffuse_molecules.strings.alphabet import CHARACTERS, Alphabet, pieces
from suffuse_molecules.strings.codec import MASK, TOKENS, StringCodec
from suffuse_molecules.strings.merging import learnt
from tests.smiles import few

DRUGS = (
    "CNC(=O)[C@H](Cc1ccc2ccccc2c1)NC(=O)[C@H](CCCN=C(N)N)NC(C)=O",
    "C/C(=N\\NC(=O)c1ccc(Br)cc1)c1cc(Cl)c([O-])c[nH+]1",
    "O=C1c2ccccc2C(=O)N1CC[N+](C)(C)C.[Cl-]",
    "C[C@]12CC[C@H]3[C@@H](CCc4cc(O)ccc43)[C@@H]1CC[C@@H]2O",
    "FC(F)(F)c1nnc2n1CCN(C(=O)C[C@H](N)Cc1cc(F)c(F)cc1F)C2",
    "[13CH3]OP(=S)(OC)SCN1N=Nc2ccccc2C1=O",
)
STRANGE = (
    "[Se]1C=CC=C1", "[2H]C([2H])([2H])O", "CC(=O)[O-].[Na+]", "C1CC1[Si](C)(C)C", "[CH2:7]C", "F[P-](F)(F)(F)(F)F",
    "[OH-].[Fe+2]", "C[N+]#[C-]",
)  # fmt: skip


@pytest.fixture(scope="module")
def codec() -> StringCodec:
    return StringCodec.fit([parse(text) for text in (*DRUGS, *few())], merges=60)


def reference(texts: list[list[str]], count: int) -> list[str]:
    """Byte-pair merges as they are told: count all pairs anew each time."""
    words, made = [list(text) for text in texts], []
    for _ in range(count):
        pairs = Counter(pair for word in words for pair in pairwise(word))
        most = max(pairs.values(), default=0)
        if most < 2:
            break
        best = min(pair for pair, n in pairs.items() if n == most)
        made.append("".join(best))
        for word in words:
            place = 0
            while place + 1 < len(word):
                if (word[place], word[place + 1]) == best:
                    word[place : place + 2] = ["".join(best)]
                place += 1
    return list(dict.fromkeys(made))


@pytest.mark.parametrize("count", [1, 7, 60, 5000])
def test_merges_are_those_of_a_slow_reference(count: int) -> None:
    texts = [pieces(text) for text in (*DRUGS, *few())]
    assert learnt(texts, count) == reference(texts, count)


def test_pieces_are_atoms_bonds_and_rings() -> None:
    assert pieces("C[C@@H](Cl)c%12[nH+]/N=Br") == [
        "C", "[C@@H]", "(", "Cl", ")", "c", "%12", "[nH+]", "/", "N", "=", "Br",
    ]  # fmt: skip
    assert all("".join(pieces(text)) == text for text in (*DRUGS, *STRANGE))


def test_the_longest_known_run_is_taken_and_atoms_are_never_cut() -> None:
    alphabet = Alphabet((*CHARACTERS, "Cl", "CC", "CCC", "CO"))
    told = [alphabet.tokens[n] for n in alphabet.numbers("CCCCOCCl[Na+]")]
    assert told == ["CCC", "CO", "C", "Cl", "[", "N", "a", "+", "]"]


@pytest.mark.parametrize("text", [*DRUGS, *STRANGE])
def test_molecules_come_back_exactly(codec: StringCodec, text: str) -> None:
    """Also those of atoms, charges, isotopes and stereo that no training molecule has."""
    (back,) = codec.decode(codec.encode([parse(text)]))
    assert smiles(back) == smiles(parse(text)) and fault(back) is None


def test_rings_of_two_digits_come_back(codec: StringCodec) -> None:
    cage = parse(
        "c12c3c4c5c1c6c7c8c2c9c1c3c2c3c4c4c%10c5c5c6c6c7c7c%11c8c9c8c9c1c2c1c2c3c4c3c4c%10c5c5c6c6c7c7c%11c8c8c9c1c1c2c3c2c4c5"
        "c6c3c7c8c1c23"
    )
    assert "%" in smiles(cage)
    assert smiles(codec.decode(codec.encode([cage]))[0]) == smiles(cage)


def test_what_is_fitted(codec: StringCodec) -> None:
    assert sum(codec.frequencies) == pytest.approx(1.0) and len(codec.frequencies) == len(codec.tokens)
    assert set(CHARACTERS) < set(codec.tokens) and "c1ccccc1" in codec.tokens
    assert sum(sum(counts.values()) for counts in codec.lengths.values()) == len(DRUGS) + len(few())
    again = StringCodec.from_json(codec.to_json())
    assert again == codec and Molecules().load_codec(codec.to_json()) == codec
    lengths = [
        int(StringCodec.fit(map(parse, few()), n).encode([parse("CC(=O)Nc1ccccc1")])[MASK].sum()) for n in (0, 60)
    ]
    assert lengths[0] == 15 and lengths[1] < 8
    with pytest.raises(DataError, match="no molecule"):
        StringCodec.fit([], 3)


def test_states_are_one_hot_and_masked(codec: StringCodec) -> None:
    state = codec.encode([parse(DRUGS[0]), parse("C")])
    assert torch.equal(state[TOKENS].sum(2), state[MASK].float()) and state[MASK][1].sum() == 1


@pytest.mark.parametrize(
    ("text", "said", "atoms"),
    [("C1CC", "unclosed ring", 0), ("CC(", "syntax", 0), ("CC(C)(C)(C)C", "valence", 6), ("c1cccc1C", "kekulize", 0)],
)
def test_a_string_that_is_no_molecule_is_kept_and_says_why(text: str, said: str, atoms: int, tmp_path) -> None:
    codec = StringCodec(tuple(CHARACTERS), (1.0,) * len(CHARACTERS), {1: {1: 1}})
    numbers = codec.alphabet.numbers(text)
    state = codec.empty([len(numbers)])
    state[TOKENS][0, range(len(numbers)), numbers] = 1.0
    (made,) = codec.decode(state)
    assert said in str(fault(made)) and smiles(made) == text and made.GetNumAtoms() == atoms
    assert (repair(made) is None) == (atoms == 0)
    for suffix in (".smi", ".csv", ".sdf"):
        write([made, parse("CO")], tmp_path / f"a{suffix}")
        assert text in (tmp_path / f"a{suffix}").read_text()
    Molecules().picture([made])
    assert codec.faults([made]) == {}, "it is a string as any other"
    assert torch.equal(codec.encode([made])[TOKENS], state[TOKENS])


def test_what_cannot_be_encoded_is_named(codec: StringCodec) -> None:
    items = [parse("CC"), "CCO", Chem.Mol(), parse("C" * 300)]
    found = codec.faults(items)
    assert [found[i].message for i in (1, 2, 3)] == ["is no molecule", "has no atom", "is too large"] and len(
        found
    ) == 3
    for item in items[1:]:
        with pytest.raises(DomainInputError):
            codec.encode([item])
    with pytest.raises(DomainInputError, match="is empty"):
        codec.encode([])


def test_lengths_are_drawn_as_they_were_seen(codec: StringCodec) -> None:
    seen = Counter(int(n) for text in (*DRUGS, *few()) for n in codec.encode([parse(text)])[MASK].sum(1))
    drawn = codec.like(8000, Rng.of(range(8000)))[MASK].sum(1)
    for length, count in seen.most_common(3):
        assert (drawn == length).double().mean().item() == pytest.approx(count / seen.total(), abs=0.02)
    assert int(codec.like(1)[MASK].sum()) == max(seen)
    asked = codec.like_under({"size": [4, None, 60]}, 3, Rng.of(range(3)))[MASK].sum(1).tolist()
    assert asked[0] in codec.lengths[4] and asked[2] > max(seen)
    with pytest.raises(DomainInputError, match="no number of atoms"):
        codec.like_under({"size": [0]}, 1, Rng.of([0]))


def test_the_engine_is_chosen_in_a_recipe() -> None:
    assert load_recipe("strings", ["data.path=a.smi"]).codec == {"engine": "strings", "merges": 300}
    with pytest.raises(RecipeError, match="no merges"):
        load_recipe("molecules", ["data.path=a.smi", "codec.merges=3"])


def test_stereo_counts_where_it_is_kept() -> None:
    assert spelled("C[C@H](O)F").GetAtomWithIdx(1).GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED


def test_what_is_the_same_depends_on_what_the_codec_holds(codec: StringCodec) -> None:
    model = suffuse.load("molecules")
    left, right = parse("C[C@H](O)F"), parse("C[C@@H](O)F")
    _, reasons = unique(replace(model, codec=codec)).judge([left, right, left])
    assert reasons == [None, None, "was made before"]
    _, reasons = unique(model).judge([left, right, parse("CC(O)F")])
    assert reasons == [None, "was made before", "was made before"]
