"""How alike molecules are: Tanimoto's coefficient of Morgan fingerprints (Rogers & Hahn 2010)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import DataStructs
from rdkit.Chem import rdFingerprintGenerator

from suffuse_molecules.chemistry import Mol, fault

RADIUS, BITS = 2, 2048


def tanimoto(items: Sequence[Mol], others: Sequence[Mol]) -> NDArray[np.float64]:
    """The share of common bits among those that either has, float64 ``[n, m]``; NaN where one of the two is broken.

    Fingerprints are of radius 2, folded to 2048 bits, and know no stereo.
    """
    ours, theirs = _fingerprints(items), _fingerprints(others)
    found = np.full((len(items), len(others)), np.nan)
    for i, bits in ours.items():
        found[i, list(theirs)] = DataStructs.BulkTanimotoSimilarity(bits, list(theirs.values()))
    return found


@cache
def generator(bits: int) -> Any:
    """What makes fingerprints of so many bits."""
    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=bits)


def _fingerprints(molecules: Sequence[Mol]) -> dict[int, Any]:
    """Of whole molecules, by their places."""
    return {i: generator(BITS).GetFingerprint(mol) for i, mol in enumerate(molecules) if fault(mol) is None}
