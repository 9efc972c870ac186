"""Whatever a file holds, it is handled or named, and nothing is lost."""

from __future__ import annotations

import csv
import gzip
import json
import logging
import pickle

import pytest

pytest.importorskip("rdkit")

from rdkit import Chem

import suffuse
from suffuse.domain import Unreadable
from suffuse.errors import DataError, DomainInputError
from suffuse.tasks.items import read_items
from suffuse.tasks.score import make_scorer
from suffuse.tasks.scoring.files import quarantine_of, score_files
from suffuse.tasks.scoring.sources import find_sources
from suffuse_molecules import files
from suffuse_molecules.chemistry import parse, smiles
from suffuse_molecules.codec import GraphCodec
from suffuse_molecules.data import Data
from suffuse_molecules.domain import Molecules
from suffuse_molecules.growing import chosen_atoms
from suffuse_molecules.taking import taken as taken_of
from tests.smiles import few, file

BAD = {"C1CC": "unclosed ring", "C(C)(C)(C)(C)C": "valence", "c1cccc1": "kekulize", "xyz": "syntax error"}


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_line_in_the_middle_keeps_its_place(tmp_path, bad):
    path = file(tmp_path, ["CCO", bad, "CC"])
    first, wrong, last = next(Molecules().batches(path, 8))
    assert (smiles(first), smiles(last)) == ("CCO", "CC") and isinstance(wrong, Unreadable)
    assert wrong.error.field == f"{path}, line 2" and BAD[bad] in str(wrong.error) and bad in str(wrong.error)
    with pytest.raises(DataError, match="line 2"):
        Molecules().read(path)


def test_bad_lines_are_counted_named_and_left_out_of_training(tmp_path, caplog):
    lines = few()
    lines[10:10] = ["oops"] * 7
    with caplog.at_level(logging.WARNING):
        splits = Molecules().splits(Data(path=file(tmp_path, lines)))
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == len(few())
    (told,) = caplog.messages
    assert f"7 of {len(lines)} records" in told and "line 11" in told and "and 2 more" in told


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.smi", b"", "is empty"),
        ("a.smi", b"\r\n\n", "holds no molecules"),
        ("a.csv", b"x,y\n1,2\n", "has no column of SMILES"),
        ("a.csv", b"smiles\n", "holds no molecules"),
        ("a.smi.gz", b"CCO\n", "cannot be read"),
        ("a.smi.gz", gzip.compress(b"CCO\n" * 9999, mtime=0)[:-9], "cannot be read"),
        ("a.pdb", b"ATOM", "is no file of molecules"),
        ("a.sdf", b"no structure\n$$$$\n", "line 1"),
    ],
)
def test_files_that_hold_nothing(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        Molecules().read(tmp_path / name)
    with pytest.raises(DataError):
        Molecules().splits(Data(path=tmp_path / name))


def test_utf16_and_bytes_of_no_text(tmp_path):
    (tmp_path / "a.smi").write_bytes("CCO wine\r\nCC\r\n".encode("utf-16"))
    (tmp_path / "b.smi").write_bytes(b"CCO caf\xe9\nCC\n")
    for name, called in (("a.smi", "wine"), ("b.smi", "caf\\xe9")):
        first, second = Molecules().read(tmp_path / name)
        assert (smiles(first), files.name_of(first), smiles(second)) == ("CCO", called, "CC")


def test_rows_with_too_many_cells_or_none(tmp_path):
    path = file(tmp_path, ["smiles,y", "CCO,1,2", ",5", "CC,1"], "a.csv")
    long, empty, fine = files.pieces(path)
    assert "3 cells" in long.error.message and "no SMILES" in empty.error.message and smiles(fine) == "CC"


def test_what_no_graph_can_hold_is_left_out_and_named(tmp_path, caplog):
    protein, dative = "NCC(=O)" * 100 + "O", "[NH3]->[Pt](Cl)(Cl)<-[NH3]"
    with caplog.at_level(logging.WARNING):
        splits = Molecules().splits(Data(path=file(tmp_path, [*few(), protein, dative])))
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == len(few())
    assert "1 with more than 256 atoms" in caplog.text and "1 with dative bonds" in caplog.text
    codec = GraphCodec.fit(splits.train.molecules)
    read = Molecules().read(file(tmp_path, [protein, dative, "CCO"]))
    assert set(codec.faults(read)) == {0, 1}
    with pytest.raises(DomainInputError, match=r"items\[0\]: is too large"):
        codec.encode(read[:1])
    with pytest.raises(DomainInputError, match=r"items\[1\]: has a dative bond"):
        codec.encode(read[2:] + read[1:2])


def test_what_is_far_too_large_is_refused_before_its_chemistry_is_looked_at(tmp_path, monkeypatch):
    chain = "NCC(=O)" * 2500 + "O"
    block = Chem.MolToMolBlock(
        Chem.MolFromSmiles(chain, sanitize=False), includeStereo=False, kekulize=False, forceV3000=True
    )
    path, structures = file(tmp_path, ["CCO", chain]), file(tmp_path, [f"{block}$$$$"], "a.sdf")
    monkeypatch.setattr(Chem, "SanitizeMol", None)
    monkeypatch.setattr("suffuse_molecules.files.records.parse", lambda text: Chem.MolFromSmiles(text[:9]))
    _, large = files.pieces(path)
    assert large.error.message == "is too large, with 10001 atoms" and large.error.field == f"{path}, line 2"
    (large,) = files.pieces(structures)
    assert large.error.message == "is too large, with 10001 atoms"


def test_structures_that_stand_for_several_are_named(tmp_path):
    block = "x\n\n\n  2  1  0  0  0  0  0  0  0  0999 V2000\n{}M  END\n$$$$\n"
    atoms = "    0.0000    0.0000    0.0000 C   0  0\n    1.0000    0.0000    0.0000 A   0  0\n  1  2  1  0\n"
    (tmp_path / "a.sdf").write_text(block.format(atoms))
    (piece,) = files.pieces(tmp_path / "a.sdf")
    assert "several elements" in piece.error.message


def test_metals_isotopes_radicals_and_salts_are_read(tmp_path):
    odd = ["[Fe+2]", "[2H]C([2H])[2H]", "[CH3]", "[Na+].[Cl-]"]
    found = Molecules().read(file(tmp_path, odd))
    back = GraphCodec.fit(found).decode(GraphCodec.fit(found).encode(found))
    assert [smiles(mol) for mol in back] == ["[Fe+2]", "C", "C", "[Cl-].[Na+]"]


LEFT = {
    "OCC.Cl": ("CCO", "smaller pieces"),
    "[2H]C([2H])O": ("CO", "isotopes"),
    "[3H]c1ccccc1": ("c1ccccc1", "isotopes"),
    "C[CH]C": ("CCC", "radicals"),
    "[CH3:7]CO": ("CCO", "numbers of atoms"),
    "C/C=C/[C@H](O)F": ("CC=CC(O)F", "stereo"),
    "[2H][C@](C)(O)F.[Na+].[Cl-]": ("CC(O)F", "smaller pieces, stereo, isotopes"),
}
"""What graphs take of molecules, and what they leave off."""


def test_what_a_model_leaves_off_is_told(tmp_path, caplog):
    model = suffuse.load("molecules")
    path = file(tmp_path, ["CCO plain", *(f"{told} lead" for told in LEFT)])
    with caplog.at_level(logging.WARNING):
        items, _ = read_items(model, [path])
    assert [smiles(mol) for mol in items] == ["CCO", *(taken for taken, _ in LEFT.values())]
    assert [mol.HasProp("left_off") and mol.GetProp("left_off") for mol in items] == [
        False, *(left for _, left in LEFT.values())
    ]  # fmt: skip
    assert [files.name_of(mol) for mol in items] == ["plain"] + ["lead"] * 7
    assert "of 7 of 8 items something is left off" in caplog.text and "isotopes (2)" in caplog.text
    assert smiles(model.vary(items[-1:], 0.0, count=1)[0]) == "CC(O)F"


def test_sizes_beyond_those_of_training_are_told_once(caplog):
    model = suffuse.load("molecules")
    most = max(model.codec.sizes)
    with caplog.at_level(logging.WARNING):
        model.generate(2, size=[most + 5, most], steps=2, batch=1)
    assert caplog.messages == [
        f"size: {most + 5} is asked for, and training items had {min(model.codec.sizes)} to {most}; "
        "what comes out is a guess"
    ]  # fmt: skip


def test_what_is_told_of_a_molecule_goes_with_it_to_another_process():
    mol = files.molecule("CCO", "line 1", "lead", {"y": "1"})
    back = pickle.loads(pickle.dumps(mol))
    assert files.name_of(back) == "lead" and files.properties(back) == {"y": "1"}


def test_atoms_are_told_by_their_numbers_in_what_was_read(tmp_path):
    """Whatever is left off before them."""
    model = suffuse.load("molecules")
    (item,), _ = read_items(model, [file(tmp_path, ["[Na+].[2H]OCC1CC1"])])
    assert smiles(item) == "OCC1CC1"
    assert chosen_atoms(item, "atoms:2,4-6") == [0, 2, 3, 4]
    for wrong in ("0", "1", "7"):
        with pytest.raises(DomainInputError, match="some of 2-6"):
            chosen_atoms(item, f"atoms:2,{wrong}")


def test_pieces_are_taken_as_the_data_say():
    salt, linker = parse("OCC.Cl"), parse("*CC.*CO")
    for fragments, taken in (("largest", "CCO"), ("keep", "CCO.Cl")):
        (one, other) = taken_of([salt, linker], fragments, graphs=True).items
        assert smiles(one) == taken and other is linker
    dropped = taken_of([salt, parse("CC")], "drop", graphs=True)
    assert isinstance(dropped.items[0], Unreadable) and "fragments=drop" in dropped.items[0].error.message
    assert not dropped.left
    kept = parse("[2H][C@](C)(O)F")
    assert taken_of([kept], "largest", graphs=False).items == [kept]  # strings tell all of it


def test_scores_tell_what_was_read_and_the_users_own_columns(tmp_path):
    model = suffuse.load("molecules")
    rows = ["id,smiles,y,note", "a,OCC,1,", "b,OCC.[Na+].[Cl-],2,wet", "c,[NH3]->[Cu],3,", "d,OCC,,", "e,[Cu+2],5,"]
    told = file(tmp_path, rows, "a.csv")
    out = tmp_path / "scored.csv"
    scorer = make_scorer(model, statistic="profile", levels=2, draws=1)
    summary = score_files(scorer, find_sources(model, [told]), out, batch=2)
    with out.open() as lines:
        scored = list(csv.DictReader(lines))
    assert [(row["name"], row["smiles"], row["y"], row["note"], row["left_off"]) for row in scored] == [
        ("a", "CCO", "1", "", ""), ("b", "CCO.[Cl-].[Na+]", "2", "wet", "smaller pieces"), ("d", "CCO", "", "", ""),
    ]  # fmt: skip
    assert scored[0]["score"] == scored[1]["score"]  # it is the same molecule that is scored
    dative, metal = map(json.loads, quarantine_of(out).read_text().splitlines())
    assert "has a dative bond" in dative["reason"] and dative["item"]["y"] == "3"
    assert "does not know" in metal["reason"] and "Cu+2" in metal["reason"]
    assert summary.rows == 3 and summary.quarantined == 2


def test_verbs_leave_broken_lines_out_and_tell_them(tmp_path, caplog):
    model = suffuse.load("molecules")
    path = file(tmp_path, ["CCO", "C1CC", "CCN"])
    with caplog.at_level(logging.WARNING):
        items, names = read_items(model, [path])
    assert [smiles(mol) for mol in items] == ["CCO", "CCN"] and names == [f"{path}:0", f"{path}:2"]
    assert "1 of 3 items cannot be read" in caplog.text and "line 2" in caplog.text
    with pytest.raises(DataError, match="line 1"):
        read_items(model, [file(tmp_path, ["C1CC", "xyz"], "b.smi")])
