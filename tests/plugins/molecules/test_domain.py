"""The domain of molecules: tables, lines, columns, figures."""

from __future__ import annotations

import pyarrow as pa
import pytest

pytest.importorskip("rdkit")

from suffuse.domain import Unreadable
from suffuse.errors import DomainInputError
from suffuse_molecules.chemistry import parse, smiles
from suffuse_molecules.data import Data
from suffuse_molecules.domain import Molecules, Options
from tests.smiles import few

DOMAIN = Molecules()


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    path = tmp_path_factory.mktemp("few") / "few.smi"
    path.write_text("\n".join(few()), encoding="utf-8")
    return DOMAIN.splits(Data(path=path))


def test_items_of_a_table_keep_their_places():
    table = pa.table({"smiles": ["CCO", None, "C1C"], "name": ["wine", None, "x"], "y": [1.5, 2.0, None]})
    first, *rest = DOMAIN.from_table(table)
    assert smiles(first) == "CCO" and first.GetProp("_Name") == "wine" and first.GetProp("y") == "1.5"
    assert [type(piece) for piece in rest] == [Unreadable, Unreadable] and rest[1].error.field == "row 2"
    with pytest.raises(DomainInputError, match="lacks a column"):
        DOMAIN.from_table(pa.table({"text": ["CCO"]}))


def test_columns_are_of_one_type_whatever_is_told():
    named = parse("CCO")
    named.SetProp("_Name", "wine")
    for items, names in (([parse("CC")], [None]), ([named, parse("C")], ["wine", None])):
        columns = DOMAIN.columns(items)
        assert columns["smiles"].to_pylist() == [smiles(item) for item in items]
        assert columns["name"].to_pylist() == names and columns["name"].type == pa.string()


def test_files_come_in_batches(tmp_path):
    path = tmp_path / "a.smi"
    path.write_text("\n".join(["C"] * 7), encoding="utf-8")
    assert [len(batch) for batch in DOMAIN.batches(path, 3)] == [3, 3, 1]


def test_every_suffix_is_written_and_another_one_is_told(tmp_path):
    items = [parse("CCO"), parse("CC")]
    for suffix in DOMAIN.writes:
        DOMAIN.write(items, tmp_path / f"a{suffix}")
    assert {path.suffix for path in tmp_path.iterdir()} == set(DOMAIN.writes)
    with pytest.raises(DomainInputError, match="cannot be written"):
        DOMAIN.write(items, tmp_path / "a.pdb")


def test_the_fitted_codec_tells_what_is_exact(splits, caplog):
    with caplog.at_level("INFO"):
        codec = DOMAIN.fit_codec(Options(), splits.train)
    assert "100.0% of the molecules are exact" in caplog.text
    assert {("C", 0), ("N", 0), ("O", 0), ("N", 1), ("O", -1)} <= set(codec.classes)
    assert DOMAIN.load_codec(codec.to_json()) == codec


def test_training_molecules_score_as_such(splits):
    items = [splits.train[i].item for i in range(60)]
    figures = DOMAIN.evaluate(items, {"size": [4.0] * 60}, splits, DOMAIN.fit_codec(Options(), splits.train))
    assert figures["valid"] == 1.0 and figures["novel"] == 0.0
    assert figures["error_size"] == pytest.approx(sum(abs(m.GetNumHeavyAtoms() - 4) for m in items) / 60)
