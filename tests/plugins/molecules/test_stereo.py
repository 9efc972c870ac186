"""Stereoisomers that a molecule leaves open, and what is told of molecules in files; how alike molecules are."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rdkit", reason="rdkit is not installed: pip install rdkit")

from rdkit import Chem, DataStructs
from rdkit.Chem import AllChem

from suffuse.errors import RecipeError
from suffuse.recipe import read_section
from suffuse_molecules.alike import tanimoto
from suffuse_molecules.chemistry import Mol, assemble, parse, smiles
from suffuse_molecules.domain import Molecules
from suffuse_molecules.files import Writing, name_of, read
from suffuse_molecules.stereo import isomers, possible

BROKEN = assemble([("N", 0), *[("C", 0)] * 5], [(0, i, 1) for i in range(1, 6)])
"""Nitrogen with five bonds."""


@pytest.mark.parametrize(
    ("molecule", "at_most", "different"),
    [
        ("CCO", 1, 1),
        ("CC(F)Cl", 2, 2),
        ("CC=CC(F)Cl", 4, 4),
        ("C/C=C/C(F)Cl", 2, 2),  # what is told is kept
        ("OC(=O)C(O)C(O)C(=O)O", 4, 3),  # tartaric acid: one of them is its own mirror image
    ],
)
def test_isomers_of_known_molecules(molecule: str, at_most: int, different: int) -> None:
    found = [smiles(isomer) for isomer in isomers(parse(molecule), 16)]
    assert possible(parse(molecule)) == at_most
    assert len(set(found)) == len(found) == different
    assert all(possible(parse(one)) == 1 for one in found)
    flat = {smiles(parse(one), stereo=False) for one in found}
    assert flat == {smiles(parse(molecule), stereo=False)}


@pytest.mark.parametrize("wrong", [0, -1, 10**6])
def test_a_number_of_isomers_out_of_range_is_told(wrong: int) -> None:
    with pytest.raises(RecipeError) as error:
        read_section(Writing, {"stereoisomers": wrong}, "writing")
    assert error.value.field == "writing.stereoisomers" and str(1 if wrong < 1 else 100_000) in str(error.value)


def test_some_of_many_isomers_are_the_same_each_time() -> None:
    sugar = parse("OCC1OC(O)C(O)C(O)C1O")
    found = [[smiles(isomer) for isomer in isomers(sugar, 5)] for _ in range(2)]
    assert found[0] == found[1] and len(set(found[0])) == 5
    assert possible(sugar) == 32 and possible(BROKEN) is None


def written(path: Path, *molecules: Mol, **options: int) -> list[dict[str, str]]:
    """What a table of molecules tells."""
    domain = Molecules()
    told = {"source": ["lead"] * len(molecules), "tanimoto": [0.5, float("nan"), 0.25, 1.0][: len(molecules)]}
    domain.write(domain.to_write(list(molecules), Writing(**options), told), path)
    with path.open() as file:
        return list(csv.DictReader(file))


def test_tables_tell_how_many_isomers_there_are_and_hold_them_on_demand(tmp_path: Path) -> None:
    named = parse("CC(F)Cl")
    named.SetProp("_Name", "lead")
    plain = written(tmp_path / "a.csv", named, BROKEN, parse("OCC1OC(O)C(O)C(O)C1O"), parse("CCO"))
    assert [row["stereoisomers"] for row in plain] == ["2", "", "32", "1"]
    assert [row["tanimoto"] for row in plain] == ["0.5", "", "0.25", "1"] and "stereoisomer" not in plain[0]
    assert not named.HasProp("source")  # what is written is a copy
    rows = written(tmp_path / "b.csv", named, BROKEN, parse("OCC1OC(O)C(O)C(O)C1O"), parse("CCO"), stereoisomers=4)
    assert [row["name"] for row in rows] == ["lead-1", "lead-2", "", "2-1", "2-2", "2-3", "2-4", ""]
    assert [row["stereoisomer"] for row in rows[:4]] == ["1 of 2", "2 of 2", "", "1 of 4, of at most 32"]
    assert rows[-1]["stereoisomer"] == "1 of 1" and rows[-1]["source"] == "lead"
    assert [row["stereoisomers"] for row in rows] == ["1", "1", "", "1", "1", "1", "1", "1"]


def test_structures_of_isomers_are_what_their_names_say(tmp_path: Path) -> None:
    domain = Molecules()
    domain.write(domain.to_write([parse("CC(F)(Cl)Br")], Writing(stereoisomers=8), {}), tmp_path / "a.sdf")
    found = read(tmp_path / "a.sdf")
    assert [name_of(mol) for mol in found] == ["0-1", "0-2"]
    assert [mol.GetProp("stereoisomer") for mol in found] == ["1 of 2", "2 of 2"]
    assert {mol.GetProp("embedding") for mol in found} == {"ok"}
    for mol in found:
        Chem.AssignStereochemistryFrom3D(mol)
    centres = {Chem.FindMolChiralCenters(mol, useLegacyImplementation=False)[0][1] for mol in found}
    assert centres == {"R", "S"}


def test_similarity_is_that_of_rdkit() -> None:
    """Against fingerprints that the older function of RDKit makes."""
    texts = ["CCO", "CCN", "c1ccccc1O", "c1ccccc1N", "CC(=O)Oc1ccccc1C(=O)O", "C[C@H](O)F"]
    molecules = [parse(text) for text in texts]
    measure = Molecules().similarity()
    found = measure.between(molecules, [*molecules[:3], BROKEN])
    bits = [AllChem.GetMorganFingerprintAsBitVect(mol, 2, 2048) for mol in molecules]
    expected = [[DataStructs.TanimotoSimilarity(a, b) for b in bits[:3]] for a in bits]
    assert measure.name == "tanimoto" and found.dtype == np.float64
    assert np.array_equal(found[:, :3], expected) and np.isnan(found[:, 3]).all()
    assert np.isnan(tanimoto([BROKEN], molecules)).all()
    assert tanimoto([parse("C[C@H](O)F")], [parse("C[C@@H](O)F")])[0, 0] == 1.0
    assert measure.beside(molecules[0], []) == []
