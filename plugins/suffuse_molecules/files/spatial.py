"""Coordinates in space by ETKDG (Riniker & Landrum 2015; Wang et al. 2020), and why there are none."""

from __future__ import annotations

from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor, rdDistGeom

from suffuse_molecules.chemistry import Mol, fault

SEED = 2015
"""Of the coordinates, which are the same every time."""

SECONDS = 30
"""The most that one molecule may take."""

MOST = 500
"""Heavy atoms of a molecule that is tried: distance geometry grows as their cube."""

OK = "ok"


def embedded(mol: Mol) -> tuple[Mol, str]:
    """A molecule with its hydrogens and coordinates in space, and ``ok``; or drawn in the plane, and why.

    A broken molecule, which has no known hydrogens, is drawn as it is.
    """
    reason = fault(mol)
    if reason is not None:
        return drawn(mol), f"broken: {reason}"
    if mol.GetNumHeavyAtoms() > MOST:
        return drawn(mol), f"more than {MOST} heavy atoms"
    with rdBase.BlockLogs():
        full = Chem.AddHs(mol)
        try:
            failures = _embed(full)
        except (RuntimeError, ValueError) as error:
            return drawn(mol), " ".join(str(error).split())[:200] or type(error).__name__
    return (full, OK) if failures is None else (drawn(mol), failures)


def drawn(mol: Mol) -> Mol:
    """A copy with coordinates in the plane."""
    flat = Chem.Mol(mol)
    flat.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(flat)
    rdDepictor.Compute2DCoords(flat)
    return flat


def _embed(full: Mol) -> str | None:
    """Give a molecule coordinates in place; what stood in the way most often, if none were found."""
    for randomly in (False, True):
        options: Any = rdDistGeom.ETKDGv3()
        options.randomSeed, options.useRandomCoords, options.trackFailures = SEED, randomly, True
        if hasattr(options, "timeout"):  # RDKit 2024.9
            options.timeout = SECONDS // 2
        if rdDistGeom.EmbedMolecule(full, options) >= 0:
            return None
    counts = options.GetFailureCounts()
    causes = rdDistGeom.EmbedFailureCauses.values
    most = max(causes, key=lambda i: counts[i] if i < len(counts) else 0)
    return f"not found: {str(causes[most]).lower().replace('_', ' ')}"
