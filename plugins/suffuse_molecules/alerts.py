"""Patterns that chemists would rather not see: the catalogues that RDKit has, and those of MOSES."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from rdkit import Chem
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

from suffuse_molecules.chemistry import Mol

PAINS, BRENK, MCF = "PAINS", "BRENK", "MCF"
"""What disturbs assays (Baell & Holloway 2010); what is toxic, reactive or unstable (Brenk et al. 2008); what chemists
of medicines leave out (Polykovskiy et al. 2020)."""

ELEMENTS = frozenset(("C", "N", "S", "O", "F", "Cl", "Br", "H"))
LONGEST = 7
"""Elements, and atoms of the largest ring, that molecules of MOSES have."""


def catalogues() -> dict[str, Any]:
    """The catalogues that RDKit has, by name."""
    return dict(FilterCatalogParams.FilterCatalogs.names)


def alert(mol: Mol, name: str) -> str | None:
    """A pattern of a catalogue that a whole molecule has.

    Arguments:
        mol: the molecule.
        name: ``MCF``, or one of RDKit's catalogues.
    """
    if name == MCF:
        full = Chem.AddHs(mol)
        return next((told for told, pattern in _mcf() if full.HasSubstructMatch(pattern)), None)
    found = _catalogue(name).GetFirstMatch(mol)
    return None if found is None else str(found.GetDescription())


def plain(mol: Mol) -> bool:
    """Whether a whole molecule has no charge, no other elements than :data:`ELEMENTS`, and no ring of more than
    :data:`LONGEST` atoms: what the filters of MOSES ask for besides that there is no alert of MCF or PAINS."""
    return all(len(ring) <= LONGEST for ring in mol.GetRingInfo().AtomRings()) and all(
        atom.GetFormalCharge() == 0 and atom.GetSymbol() in ELEMENTS for atom in mol.GetAtoms()
    )


@cache
def _catalogue(name: str) -> Any:
    wanted = FilterCatalogParams()
    wanted.AddCatalog(catalogues()[name])
    return FilterCatalog(wanted)


@cache
def _mcf() -> tuple[tuple[str, Mol], ...]:
    """The patterns of MOSES by their names; in the package, with their licence."""
    text = (files(__package__) / "patterns" / "mcf.smarts").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return tuple((name, Chem.MolFromSmarts(smarts)) for name, smarts in lines)
