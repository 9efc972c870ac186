"""Stereoisomers that a molecule leaves open: graphs of atoms and bonds know nothing of centres and double bonds."""

from __future__ import annotations

from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import EnumerateStereoisomers as enumeration

from suffuse_molecules.chemistry import Mol, fault

SEED = 2015
"""Of which isomers are taken, where there are more than are wanted."""

_Options: Any = enumeration.StereoEnumerationOptions
_count: Any = enumeration.GetStereoisomerCount
_enumerate: Any = enumeration.EnumerateStereoisomers


def possible(mol: Mol) -> int | None:
    """How many stereoisomers a molecule may stand for, at most: two to the number of centres and double bonds that are
    left open. Those that are the same by symmetry, or that no ring could hold, count too; ``None`` for a broken one."""
    if fault(mol) is not None:
        return None
    with rdBase.BlockLogs():
        return int(_count(mol, options=_Options(onlyUnassigned=True)))


def isomers(mol: Mol, most: int) -> list[Mol]:
    """Different stereoisomers of a whole molecule, what it tells itself being kept; some of them, if there are more.

    Arguments:
        mol: the molecule.
        most: isomers at most.
    """
    options = _Options(onlyUnassigned=True, unique=True, maxIsomers=most, rand=SEED)
    with rdBase.BlockLogs():
        found = list(_enumerate(mol, options=options))
        return sorted(found, key=Chem.MolToSmiles)
