"""Data sets of molecules: parts, salts, conditions, the cache, and what graphs lose."""

from __future__ import annotations

import logging
import os
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rdkit")

from rdkit.Chem import Descriptors

from suffuse.conditions import Label, Number
from suffuse.errors import DataError, RecipeError
from suffuse_molecules import losses, store
from suffuse_molecules.chemistry import parse, smiles
from suffuse_molecules.codec import GraphCodec
from suffuse_molecules.data import Data
from suffuse_molecules.domain import Molecules
from suffuse_molecules.fitting import representative
from tests.smiles import few, file

SHARED = Path(os.environ.get("SUFFUSE_DATA", "")) / "molecules"
needs_data = pytest.mark.skipif(not (SHARED / "qm9").is_dir(), reason="$SUFFUSE_DATA/molecules is not there")


pytestmark = pytest.mark.usefixtures("own_cache")


def opened(path, **options):
    return Molecules().splits(Data(path=path, **options))


def parts(splits):
    return [[smiles(mol) for mol in part.molecules] for part in (splits.train, splits.validation, splits.test)]


def test_parts_are_disjoint_and_all_there_is(tmp_path):
    path = file(tmp_path, few())
    train, validation, test = parts(opened(path, seed=3))
    assert (len(validation), len(test)) == (28, 28) or (len(validation), len(test)) == (27, 28)
    assert sorted(train + validation + test) == sorted(smiles(parse(text)) for text in few())
    assert parts(opened(path, seed=3)) == [train, validation, test] != parts(opened(path, seed=4))
    assert sum(map(len, parts(opened(path, limit=200)))) == 200


def test_salts_as_the_section_says(tmp_path):
    path = file(tmp_path, [*few(), "CCC(=O)[O-].[Na+]"])
    plain, kept, dropped = ([*chain(*parts(opened(path, fragments=f)))] for f in ("largest", "keep", "drop"))
    assert len(plain) == len(kept) == len(dropped) + 1
    assert sum("." in text for text in kept) == 1 and not any("." in text for text in plain + dropped)
    assert plain.count("CCC(=O)[O-]") == dropped.count("CCC(=O)[O-]") + 1


def test_conditions_are_columns_or_descriptors(tmp_path):
    rows = [f"{text},{i},{'ab'[i % 2]}" for i, text in enumerate(few())]
    path = file(tmp_path, ["smiles,y,sort", *rows], "a.csv")
    splits = opened(path, conditions=["size", "y", "sort", "MolLogP"])
    space = Molecules().conditions(splits)
    assert {name: type(kind) for name, kind in space.items()} == {
        "size": Number, "y": Number, "sort": Label, "MolLogP": Number
    }  # fmt: skip
    known = {smiles(parse(text)): float(i) for i, text in enumerate(few())}
    for i in range(0, len(splits.train), 20):
        example = splits.train[i]
        assert example.conditions["y"] == known[smiles(example.item)]
        assert example.conditions["MolLogP"] == Descriptors.MolLogP(example.item)
        assert example.conditions["size"] == example.item.GetNumHeavyAtoms()
    with pytest.raises(RecipeError, match="did you mean 'sort'"):
        opened(path, conditions="sorte")


def test_atoms_that_no_training_molecule_has_are_left_out_and_told(tmp_path, caplog):
    path = file(tmp_path, [*few(), "C[Se]C", "C[Te]C", "C[As]C"])
    with caplog.at_level(logging.WARNING):
        splits = opened(path, seed=1, validation=0.3, test=0.3)
    codec = GraphCodec.fit(splits.train.molecules)
    for part in (splits.validation, splits.test):
        assert not codec.faults([part[i].item for i in range(len(part))])
    lost = 278 - sum(map(len, parts(splits)))
    assert lost == sum(name not in str(codec.classes) for name in ("Se", "Te", "As")) > 0
    assert "left out" in caplog.text


def test_a_large_file_is_parsed_once(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "KEPT", 100)
    path = file(tmp_path, [*few(), "oops"])
    first = parts(opened(path))
    (kept,) = (tmp_path / "cache" / "molecules").glob("*.arrow")
    monkeypatch.setattr(store, "packed", lambda pieces: pytest.fail("parsed again"))
    assert parts(opened(path)) == first
    assert store.parsed(path)[1].count == 1
    monkeypatch.undo()
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path / "cache"))
    kept.write_bytes(b"broken")
    assert parts(opened(path)) == first
    path.write_text("\n".join(few()[:50]), encoding="utf-8")
    assert sum(map(len, parts(opened(path)))) == 50


def test_what_graphs_lose_is_told():
    told = ["CCO", "C[C@H](F)Cl", "[2H]C", "[CH3]", "F/C=C/F", "[CH3:1]O"]
    codec = GraphCodec.fit([parse(text) for text in told])
    back = [codec.decode(codec.encode([parse(text)]))[0] for text in told]
    found = [losses.lost(parse(text), mol) for text, mol in zip(told, back, strict=True)]
    assert found == [(), ("stereo",), ("isotopes",), ("radicals",), ("stereo",), ("numbers of atoms",)]
    table, _ = store.packed([parse(text) for text in told])
    shares = losses.shares(codec, store.Molecules.all_of(table))
    assert shares["exact"] == pytest.approx(1 / 6) and shares["stereo"] == pytest.approx(2 / 6)


def test_a_sample_to_fit_on_has_every_kind_of_atom(monkeypatch):
    monkeypatch.setattr("suffuse_molecules.fitting.MOST", 40)
    table, _ = store.packed([parse(text) for text in [*few(), "C[Se]C", "CS"]])
    molecules = store.Molecules.all_of(table)
    chosen = representative(molecules)
    assert 40 <= len(chosen) < 60
    assert set(GraphCodec.fit(chosen).classes) == set(GraphCodec.fit(molecules).classes)


def test_molecules_are_a_sequence():
    table, _ = store.packed([parse(text) for text in few()[:10]])
    molecules = store.Molecules.all_of(table)
    assert [smiles(m) for m in molecules.take([3, 1])] == [smiles(molecules[3]), smiles(molecules[1])]
    assert [smiles(m) for m in molecules[2:4][1:]] == [smiles(molecules[3])]
    assert molecules.take([4, 4]).column("size").to_pylist() == [molecules[4].GetNumHeavyAtoms()] * 2


def test_too_few(tmp_path):
    with pytest.raises(DataError, match="too few"):
        opened(file(tmp_path, ["C"]))
    with pytest.raises(DataError, match="is not told"):
        Molecules().splits(Data())


def test_named_sets_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("SUFFUSE_DATA", str(tmp_path))
    for name in ("qm9", "moses", "chembl", "esol"):
        with pytest.raises(DataError, match=f"{name} is not on this machine"):
            Molecules().splits(Data(name=name))
    with pytest.raises(DataError, match="did you mean 'qm9'"):
        Molecules().splits(Data(name="qm8"))


@needs_data
def test_a_named_set_has_its_own_parts():
    splits = Molecules().splits(Data(name="freesolv", conditions=["y", "size"]))
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [514, 64, 64]
    assert np.mean(splits.train.conditions["y"]) == pytest.approx(-3.8, abs=0.4)  # kcal/mol; the whole set's is -3.80
