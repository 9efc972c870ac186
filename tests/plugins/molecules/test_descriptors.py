"""Descriptors are RDKit's own, by any of their names."""

from __future__ import annotations

import pytest

pytest.importorskip("rdkit")

from rdkit.Chem import Descriptors

from suffuse.errors import RecipeError
from suffuse_molecules import descriptors
from suffuse_molecules.chemistry import assemble, parse

ASPIRIN = parse("CC(=O)Oc1ccccc1C(=O)O")


def test_every_descriptor_of_rdkit_in_any_case():
    names = [name for name, _ in Descriptors.descList]
    found = descriptors.compute([name.upper() for name in names], [ASPIRIN])
    for name, function in Descriptors.descList:
        assert found[name.upper()] == pytest.approx([function(ASPIRIN)], nan_ok=True), name


def test_friendly_names():
    found = descriptors.compute(tuple(descriptors.FRIENDLY), [ASPIRIN, parse("[O-]C")])
    assert found["size"] == [13.0, 2.0] and found["rings"] == [1.0, 0.0] and found["charge"] == [0.0, -1.0]
    assert found["logp"][0] == Descriptors.MolLogP(ASPIRIN) and found["tpsa"][0] == Descriptors.TPSA(ASPIRIN)
    assert found["weight"][0] == pytest.approx(180.159, abs=1e-3)  # its molar mass, as chemists know it
    assert found["sa"][0] == pytest.approx(1.58, abs=0.005)  # published with the score, for aspirin
    assert all(0.0 < value < 1.0 for value in found["qed"])


def test_broken_molecules_have_a_size_and_nothing_else():
    broken = assemble([("C", 0)] * 6, [(0, i, 1) for i in range(1, 6)])
    assert descriptors.compute(["size", "logp"], [broken]) == {"size": [6.0], "logp": [None]}


def test_the_nearest_name_is_told():
    with pytest.raises(RecipeError, match="did you mean 'MolLogP'"):
        descriptors.compute(["MolLogPe"], [ASPIRIN])
