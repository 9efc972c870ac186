"""Files of molecules: what is written is read again, whatever its kind, its line ends and its zipping."""

from __future__ import annotations

import csv
import gzip

import pytest

pytest.importorskip("rdkit")

from rdkit import Chem

from suffuse.domain import Unreadable
from suffuse.errors import DataError, DomainInputError
from suffuse_molecules import files
from suffuse_molecules.chemistry import assemble, parse, smiles

TEXTS = ("CCO", "c1ccccc1C(=O)[O-].[Na+]", "C[C@H](F)Cl", "F/C=C/F", "[2H]C", "[CH3]", "[Fe]", "C[N+](C)(C)C")
STAR = [(0, i, 1) for i in range(1, 6)]


def broken():
    return assemble([("C", 0)] * 6, STAR)


def told(path):
    return [smiles(mol) for mol in files.read(path)]


@pytest.mark.parametrize("suffix", [".smi", ".txt", ".csv", ".tsv", ".sdf"])
def test_what_is_written_is_read_again(tmp_path, suffix):
    mols = [parse(text) for text in TEXTS]
    mols[0].SetProp("_Name", "spirit of wine")
    files.write(mols, tmp_path / f"a{suffix}")
    back = files.read(tmp_path / f"a{suffix}")
    assert [smiles(mol) for mol in back] == [smiles(mol) for mol in mols]
    assert files.name_of(back[0]) == "spirit of wine"


@pytest.mark.parametrize("suffix", [".smi", ".txt", ".csv", ".tsv", ".sdf"])
def test_zipped_files_with_a_mark_and_windows_line_ends(tmp_path, suffix):
    files.write([parse(text) for text in TEXTS], tmp_path / f"a{suffix}")
    plain = (tmp_path / f"a{suffix}").read_text(encoding="utf-8")
    odd = tmp_path / f"b{suffix}.gz"
    odd.write_bytes(gzip.compress(b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode()))
    assert told(odd) == told(tmp_path / f"a{suffix}")


def test_the_first_word_is_the_molecule_and_the_rest_its_name(tmp_path):
    path = tmp_path / "a.smi"
    path.write_text("SMILES name\n\nCCO  ethyl alcohol \n\nC[C@H](F)Cl |o1:1| either\n", encoding="utf-8")
    found = files.read(path)
    assert [files.name_of(mol) for mol in found] == ["ethyl alcohol", "either"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id,canonical_smiles,y\nA,CCO,1.50\nB,CC,\n"),
        ("a.tsv", "ID\tSMILES\ty\nA\tCCO\t1.50\nB\tCC\t\n"),
        ("a.csv", "id;Smiles;y\nA;CCO;1.50\n\nB;CC\n"),
    ],
)
def test_tables_find_their_column_and_keep_the_others(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    first, second = files.read(tmp_path / name)
    assert (smiles(first), files.name_of(first), files.properties(first)) == ("CCO", "A", {"y": "1.50"})
    assert (smiles(second), files.properties(second)) == ("CC", {})


def test_a_column_can_be_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("smiles,product\nC,CCO\n", encoding="utf-8")
    assert [smiles(mol) for mol in files.pieces(path, "product")] == ["CCO"]
    with pytest.raises(DataError, match="has no column named 'produkt'") as raised:
        list(files.pieces(path, "produkt"))
    assert "'product'" in str(raised.value)


def test_a_table_tells_properties_and_what_is_broken(tmp_path):
    wine = parse("CCO")
    wine.SetProp("boils", "78.4")
    files.write([wine, broken()], tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["valid"], first["size"], first["boils"], first["weight"]) == ("true", "3", "78.4", "46.069")
    assert (second["valid"], second["size"], second["weight"]) == ("false", "6", "")
    assert "valence" in second["reason"]


def test_structures_have_coordinates_in_space_or_tell_why_not(tmp_path):
    files.write([parse("CCO"), broken()], tmp_path / "a.sdf")
    whole, odd = Chem.SDMolSupplier(str(tmp_path / "a.sdf"), sanitize=False, removeHs=False)
    assert whole.GetProp("embedding") == "ok" and whole.GetConformer().Is3D() and whole.GetNumAtoms() == 9
    lengths = [whole.GetConformer().GetPositions()[[b.GetBeginAtomIdx(), b.GetEndAtomIdx()]] for b in whole.GetBonds()]
    assert all(0.9 < float(((a - b) ** 2).sum()) ** 0.5 < 1.6 for a, b in lengths)
    assert odd.GetProp("embedding").startswith("broken") and not odd.GetConformer().Is3D()
    assert odd.GetProp("valid") == "false" and odd.GetNumAtoms() == 6


def test_what_cannot_be_placed_in_space_is_written_all_the_same(tmp_path):
    knot = parse("C12C3C4C1C5C2C3C45")  # cubane goes; a triple bond in a ring of three does not
    strained = parse("C1#CC1")
    files.write([knot, strained], tmp_path / "a.sdf")
    records = list(Chem.SDMolSupplier(str(tmp_path / "a.sdf")))
    assert len(records) == 2 and records[0].GetProp("embedding") == "ok"


def test_json_lines():
    lines = ['{"smiles": "CCO", "name": "wine", "y": 1.5}', "", '"CC"', "{", '{"smiles": 3}', '["C"]', '"\ud800"']
    batches = list(files.parse(lines, 4))
    assert [len(batch) for batch in batches] == [4, 2]
    first, second, *rest = [piece for batch in batches for piece in batch]
    assert (smiles(first), files.name_of(first), files.properties(first)) == ("CCO", "wine", {"y": "1.5"})
    assert smiles(second) == "CC" and all(isinstance(piece, Unreadable) for piece in rest)
    assert rest[0].error.field == "the input, line 4"


def test_folders_and_patterns(tmp_path):
    for name in ("b.smi", "a.csv.gz", "c.md", "inner/d.sdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [p.name for p in files.find(tmp_path)] == ["a.csv.gz", "b.smi", "d.sdf"]
    assert [p.name for p in files.find(str(tmp_path / "*.smi"))] == ["b.smi"]
    with pytest.raises(DataError, match="no such file"):
        files.find(tmp_path / "x.smi")


def test_only_molecules_are_written(tmp_path):
    with pytest.raises(DomainInputError, match=r"items\[1\]: is no molecule"):
        files.write([parse("C"), "CCO"], tmp_path / "a.smi")
    assert not list(tmp_path.iterdir())
