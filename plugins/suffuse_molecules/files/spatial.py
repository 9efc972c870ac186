"""Coordinates in space by ETKDG (Riniker & Landrum 2015; Wang et al. 2020), and why there are none."""

from __future__ import annotations

import math
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor, rdDistGeom
from rdkit.Geometry import Point3D
from scipy.spatial.distance import pdist

from suffuse_molecules.chemistry import Mol, fault

SEED = 2015
"""Of the coordinates, which are the same every time."""

SECONDS = 30
"""The most that one molecule may take."""

BOND, CLOSEST = 1.5, 0.3
"""The length of a bond in a drawing, and the least distance of two atoms that can be told apart."""

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
    """A copy with coordinates in the plane; on a circle, where a tangle of bonds leaves atoms no places."""
    flat = Chem.Mol(mol)
    flat.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(flat)
    rdDepictor.Compute2DCoords(flat)
    places = flat.GetConformer().GetPositions()
    if len(places) > 1 and pdist(places).min() < CLOSEST:
        _round(flat)
    return flat


def _round(mol: Mol) -> None:
    """Put the atoms of a molecule on a circle, as far apart as bonds are long."""
    count, conformer = mol.GetNumAtoms(), mol.GetConformer()
    radius = BOND / (2.0 * math.sin(math.pi / max(count, 2)))
    for i in range(count):
        turn = 2.0 * math.pi * i / count
        conformer.SetAtomPosition(i, Point3D(radius * math.cos(turn), radius * math.sin(turn), 0.0))


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
