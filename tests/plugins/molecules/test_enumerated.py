"""The molecules that suffuse makes itself: sound, all different, the same everywhere, and kept once they are made."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from itertools import product

import pytest

pytest.importorskip("rdkit")

from rdkit import Chem

from suffuse_molecules import enumerated
from suffuse_molecules.chemistry import assemble, fault, graph, parse, pieces, smiles
from suffuse_molecules.codec import GraphCodec
from suffuse_molecules.data import Data
from suffuse_molecules.enumeration import growth
from suffuse_molecules.enumeration.charges import zwitterion
from suffuse_molecules.enumeration.groups import GROUPS, Group
from suffuse_molecules.enumeration.growth import grow
from suffuse_molecules.enumeration.keys import keys
from suffuse_molecules.enumeration.seeds import AZINES, AZOLES, CHAIN, SMALL, replaced, seeds
from suffuse_molecules.enumeration.stability import UNSTABLE, stable

CONTENT = "0c3e62d458668f64"
"""Of the keys of all molecules in their order. Where it changes on purpose, so must ``enumerated.VERSION``."""


@pytest.fixture(scope="module")
def texts() -> tuple[str, ...]:
    return enumerated.made()


@pytest.fixture(scope="module")
def some(texts):
    return [parse(text) for text in texts[::10]]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path))
    return tmp_path


def share(molecules, smarts):
    pattern = Chem.MolFromSmarts(smarts)
    return sum(mol.HasSubstructMatch(pattern) for mol in molecules) / len(molecules)


def test_a_set_of_many_different_molecules(texts):
    assert 20_000 <= len(texts) <= 60_000
    assert len(set(texts)) == len(texts)


def test_the_same_molecules_in_the_same_order_everywhere(texts):
    names = keys([parse(text) for text in texts[:4000]])[0]
    assert hashlib.blake2b(names.numpy().tobytes(), digest_size=8).hexdigest() == CONTENT


def test_there_are_nitro_groups(texts):
    assert sum("[N+](=O)[O-]" in text or "O=[N+]([O-])" in text for text in texts) > 0.001 * len(texts)


def test_most_have_seven_to_nine_atoms_and_none_more(some):
    sizes = Counter(mol.GetNumAtoms() for mol in some)
    assert max(sizes) == 9
    assert sum(sizes[n] for n in (7, 8, 9)) > 0.9 * len(some)
    assert sizes[9] > sizes[8] > sizes[7] > sizes[6]


def test_the_smallest_are_all_there(texts):
    assert {"C", "CC", "CO", "CN", "CF", "CCO", "C1CC1", "CC#N", "CC(=O)O", "c1ccccc1", "c1ccoc1"} <= set(texts)


def test_whole_stable_and_told_by_their_canonical_smiles(texts, some):
    for mol, text in zip(some, texts[::10], strict=True):
        assert fault(mol) is None and pieces(mol) == 1
        assert smiles(mol) == text
        assert smiles(assemble(*graph(mol))) == text
        assert sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()) == 0
        assert zwitterion(mol) is not None or stable(mol) or share([mol], "[+].[O-]-C=O")


def test_the_codec_holds_them_exactly(some):
    codec = GraphCodec.fit(some)
    for start in range(0, len(some), 512):
        part = some[start : start + 512]
        assert [smiles(mol) for mol in codec.decode(codec.encode(part))] == [smiles(mol) for mol in part]


@pytest.mark.parametrize(
    ("smarts", "low", "high"),
    [
        ("[OX2H][CX4]", 0.1, 0.5), ("[OX2]([CX4])[CX4]", 0.05, 0.5), ("[NX3;!$(N-C=O)][CX4]", 0.1, 0.5),
        ("[NX3]C=O", 0.02, 0.3), ("C#N", 0.01, 0.2), ("[#6]C(=O)[#6]", 0.02, 0.3), ("C(=O)[OX2][CX4]", 0.005, 0.2),
        ("C(=O)[OH]", 0.005, 0.2), ("F", 0.02, 0.3), ("Cl", 0.01, 0.2), ("[#16]", 0.02, 0.25),
        ("c1ccccc1", 0.01, 0.3), ("n1ccccc1", 0.005, 0.3), ("[nH]", 0.02, 0.3), ("[r3]", 0.01, 0.2),
        ("[r4]", 0.005, 0.15), ("[R]", 0.5, 0.9), ("[c,n]", 0.2, 0.6), ("[+]", 0.007, 0.03),
        ("[n+][O-]", 0.002, 0.03), ("[N+]([CX4])([CX4])([CX4])[CX4]", 0.0005, 0.02),
    ],
)  # fmt: skip
def test_each_kind_of_chemistry_is_there_in_measure(some, smarts, low, high):
    assert low < share(some, smarts) < high


@pytest.mark.parametrize("smarts", ["[O,S;X2]-[O,S;X2]", "N-N-N", "C=C=C", "[OH]-[CX4]-[OH]", "[OH]-[C]=[C]"])
def test_what_no_chemist_would_believe_is_not_there(some, smarts):
    assert share(some, smarts) == 0


@pytest.mark.parametrize(
    "text",
    [
        "CCO", "CC(C)=O", "CC(=O)O", "COC(C)=O", "NC(N)=O", "CN(C)C=O", "C1COCCN1", "C1CCOC1", "Cc1ccccc1",
        "COc1ccccc1", "Oc1ccccc1", "Nc1ccccn1", "O=[N+]([O-])c1ccccc1", "c1ccc2[nH]ccc2c1", "c1c[nH]cn1", "O=C1CCCCCN1",
        "CC(=O)Nc1ccc(O)cc1", "NC(=O)c1cccnc1", "C[N+](C)(C)CCO", "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "CC#N", "C=CC#N",
        "CC(C)(C)O", "FC(F)(F)c1ccccc1", "Clc1ccccc1", "CSC", "NS(=O)(=O)c1ccccc1", "C1OCCO1", "[O-][n+]1ccccc1",
        "CC(=O)C=C", "CC(C)=NO", "c1ccsc1",
    ],
)  # fmt: skip
def test_what_stands_on_every_shelf_is_stable(text):
    assert stable(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "COOC", "NN(C)N", "NCO", "OCO", "C=CO", "C=C=C", "CC(=O)F", "CC(=O)OC(C)=O", "OC(=O)NC", "CC=N", "O=C1CC1",
        "NCC=O", "ClCCN", "OC1OC1", "NF", "CC(O)C#N", "C1=CC1", "CNC=C", "Oc1ccccn1", "ClCOC",
    ],
)  # fmt: skip
def test_what_would_not_last_is_not(text):
    assert not stable(parse(text))


def test_rules_look_where_their_patterns_are(monkeypatch):
    """A molecule that a rule does not look at has none of its patterns."""
    monkeypatch.setattr(growth, "stable", lambda mol: True)
    for frames in (CHAIN, SMALL, AZOLES):
        for level in grow(seeds(frames), {3: 20, 4: 60, 5: 100, 6: 150}).values():
            for mol, rule in product(level.values(), UNSTABLE):
                seen = any(mol.HasSubstructMatch(pattern) for pattern in rule._queries[1])
                assert rule.broken(mol) == seen, (smiles(mol), rule.reason)


def test_growth_by_carbon_alone_counts_the_alkanes(monkeypatch):
    """Their isomers (OEIS A000602)."""
    monkeypatch.setattr(growth, "GROUPS", (Group("C", "[C;!H0]", 10.0),))
    levels = grow([parse("C")], dict.fromkeys(range(1, 10), 10_000))
    assert [len(levels[n]) for n in range(1, 10)] == [1, 1, 1, 2, 3, 5, 9, 18, 35]


def test_growth_stops_at_the_number_asked_for_and_keeps_its_seeds():
    levels = grow(seeds(AZOLES + AZINES), {5: 1, 6: 40, 7: 70})
    assert len(levels[7]) == 70 and len(levels[6]) == 40
    assert {"c1cncnc1", "c1ccncc1"} <= set(levels[6])
    assert {"c1ccsc1", "c1cc[nH]c1", "c1cnoc1"} <= set(levels[5])


def test_every_group_is_put_on_somewhere(some):
    assert all(any(group.sites(mol) for mol in some) for group in GROUPS)


@pytest.mark.parametrize(
    ("group", "onto", "made"),
    [
        (Group("C", "[nH]", 1.0), "c1cc[nH]c1", "Cn1cccc1"), (Group("O", "[CH3]", 1.0, order=2), "CO", "O=CO"),
        (Group("[N+](=O)[O-]", "[cH]", 1.0), "c1ccccc1", "O=[N+]([O-])c1ccccc1"),
        (Group("C", "[NX3](C)(C)C", 1.0, charge=1), "CN(C)C", "C[N+](C)(C)C"),
    ],
)  # fmt: skip
def test_groups_take_the_place_of_hydrogens(group, onto, made):
    mol = parse(onto)
    assert smiles(group.onto(mol, group.sites(mol)[0])) == made


def test_atoms_of_a_frame_are_replaced_in_every_way():
    assert set(replaced("C1CC1", "NO", 1)) == {"C1CC1", "N1CC1", "C1NC1", "C1CN1", "O1CC1", "C1OC1", "C1CO1"}
    assert len(list(replaced("c1ccccc1", "n", 2))) == 1 + 6 + 15


def test_keys_do_not_depend_on_the_order_of_atoms(some):
    turned = [Chem.RenumberAtoms(mol, list(reversed(range(mol.GetNumAtoms())))) for mol in some]
    names = keys(some)[0]
    assert keys(turned)[0].tolist() == names.tolist()
    assert len(set(names.tolist())) > 0.999 * len(some)
    assert keys(some[:1])[0].item() == names[0].item()
    assert keys([parse("C"), *some[:9]])[0].tolist()[1:] == names[:9].tolist()


def test_equal_atoms_have_equal_keys(some):
    """RDKit's symmetry classes, except where only the shape of rings tells atoms apart."""
    colours = keys(some[:500])[1].tolist()
    same = 0
    for mol, colour in zip(some[:500], colours, strict=True):
        ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
        n = mol.GetNumAtoms()
        same += len(set(zip(ranks, colour[:n], strict=True))) == len(set(ranks)) == len(set(colour[:n]))
    assert same >= 495


def test_amino_acids_are_zwitterions():
    assert smiles(zwitterion(parse("NCC(=O)O"))) == "[NH3+]CC(=O)[O-]"
    assert smiles(zwitterion(parse("C[N+](C)(C)CC(=O)O"))) == "C[N+](C)(C)CC(=O)[O-]"
    assert zwitterion(parse("NCC(=O)OC")) is None
    assert zwitterion(parse("CC(=O)O")) is None


def test_made_once_and_then_read_from_the_cache(cache, monkeypatch):
    monkeypatch.setattr(enumerated, "made", lambda: ("C", "CO", "CCO"))
    assert enumerated.molecules() == ("C", "CO", "CCO")
    monkeypatch.setattr(enumerated, "made", lambda: pytest.fail("made again"))
    assert enumerated.molecules() == ("C", "CO", "CCO")
    assert gzip.decompress(enumerated.kept().read_bytes()) == b"C\nCO\nCCO\n"


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"C\nCC\n", mtime=0)[:-6], b""])
def test_a_broken_file_of_the_cache_is_made_anew(cache, monkeypatch, content):
    monkeypatch.setattr(enumerated, "made", lambda: ("C", "CO"))
    enumerated.kept().parent.mkdir(parents=True)
    enumerated.kept().write_bytes(content)
    assert enumerated.molecules() == ("C", "CO")
    assert gzip.decompress(enumerated.kept().read_bytes()) == b"C\nCO\n"


def test_without_a_cache_the_molecules_are_made_and_not_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(enumerated, "made", lambda: tuple("C" * n for n in range(1, 40)))
    splits = enumerated.enumerated(Data(name="enumerated"))
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 39


def test_parts_of_the_data_set_share_nothing(cache, texts, monkeypatch):
    monkeypatch.setattr(enumerated, "made", lambda: texts[:2000])
    splits = enumerated.enumerated(Data(name="enumerated"))
    parts = [
        {smiles(part[i].item) for i in range(len(part))} for part in (splits.train, splits.validation, splits.test)
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 2000
    assert [len(part) for part in parts] == [1600, 200, 200]
    assert splits.name == "enumerated"
