"""What is left of a broken molecule when the bonds that break it are loosened."""

from __future__ import annotations

from rdkit import Chem, rdBase

from suffuse_molecules.chemistry import Mol, assemble, fault, graph, largest


def repair(mol: Mol) -> Mol | None:
    """A whole molecule of one piece from one that need not be; ``None`` where there is none.

    While an atom has too many bonds, the bond of highest order at the first such atom is lowered by one, a single bond
    is dropped; among equals, one whose other atom has too many as well, then the first. Of the pieces the largest is
    kept. A whole molecule keeps all its bonds.
    """
    if mol.GetNumAtoms() == 0:
        return None
    if fault(mol) is None:
        return largest(mol)
    atoms, bonds = graph(mol)
    loosened = _loosened(atoms, bonds)
    return None if loosened is None else largest(loosened)


Atoms = list[tuple[str, int]]
Bonds = list[tuple[int, int, int]]


def _loosened(atoms: Atoms, bonds: Bonds) -> Mol | None:
    for _ in range(1 + sum(order for *_, order in bonds)):
        made = assemble(atoms, bonds)
        if fault(made) is None:
            return made
        crowded = _crowded(made)
        touching = [bond for bond in bonds if crowded and crowded[0] in bond[:2]]
        if not touching:
            return None
        weakest = max(touching, key=lambda bond: (bond[2], set(bond[:2]) <= set(crowded)))
        bonds = [_lower(bond) if bond == weakest else bond for bond in bonds]
        bonds = [bond for bond in bonds if bond[2]]
    return None


def _lower(bond: tuple[int, int, int]) -> tuple[int, int, int]:
    i, j, order = bond
    return i, j, order - 1


def _crowded(mol: Mol) -> list[int]:
    """The atoms of too many bonds, by their places."""
    with rdBase.BlockLogs():
        problems = Chem.DetectChemistryProblems(mol)
    return [problem.GetAtomIdx() for problem in problems if problem.GetType() == "AtomValenceException"]
