"""Whatever a file holds, it is handled or named, and nothing is lost."""

from __future__ import annotations

import gzip
import logging

import pytest

pytest.importorskip("rdkit")

import suffuse
from suffuse.domain import Unreadable
from suffuse.errors import DataError, DomainInputError
from suffuse.tasks.items import read_items
from suffuse_molecules import files
from suffuse_molecules.chemistry import smiles
from suffuse_molecules.codec import GraphCodec
from suffuse_molecules.data import Data
from suffuse_molecules.domain import Molecules
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
    protein, dative = "NCC(=O)" * 2500 + "O", "[NH3]->[Pt](Cl)(Cl)<-[NH3]"
    with caplog.at_level(logging.WARNING):
        splits = Molecules().splits(Data(path=file(tmp_path, [*few(), protein, dative])))
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == len(few())
    assert "1 with more than 256 atoms" in caplog.text and "1 with dative bonds" in caplog.text
    codec = GraphCodec.fit(splits.train.molecules)
    read = Molecules().read(file(tmp_path, [protein, dative, "CCO"]))
    assert set(codec.faults(read)) == {0, 1}
    with pytest.raises(DomainInputError, match="too large"):
        codec.encode(read[:1])


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
    assert [smiles(mol) for mol in back] == ["[Fe+2]", "[H]C([H])[H]", "C", "[Cl-].[Na+]"]


def test_verbs_leave_broken_lines_out_and_tell_them(tmp_path, caplog):
    model = suffuse.load("molecules")
    path = file(tmp_path, ["CCO", "C1CC", "CCN"])
    with caplog.at_level(logging.WARNING):
        items, names = read_items(model, [path])
    assert [smiles(mol) for mol in items] == ["CCO", "CCN"] and names == [f"{path}:0", f"{path}:2"]
    assert "1 of 3 items cannot be read" in caplog.text and "line 2" in caplog.text
    with pytest.raises(DataError, match="line 1"):
        read_items(model, [file(tmp_path, ["C1CC", "xyz"], "b.smi")])
