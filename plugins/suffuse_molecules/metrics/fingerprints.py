"""How alike molecules are: Tanimoto's coefficient of Morgan fingerprints, radius 2, folded to 1024 bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from suffuse_molecules.alike import generator
from suffuse_molecules.chemistry import Mol

BITS = 1024
"""As MOSES has them."""
ROWS = 1024
"""Rows of a matrix of similarities that are held at once."""


def fingerprints(molecules: Sequence[Mol]) -> Tensor:
    """0 or 1, uint8 ``[n, 1024]``."""
    found = np.zeros((len(molecules), BITS), np.uint8)
    for row, mol in zip(found, molecules, strict=True):
        row[:] = generator(BITS).GetFingerprintAsNumPy(mol)
    return torch.from_numpy(found)


def nearest(bits: Tensor, references: Tensor) -> Tensor:
    """The similarity of each to the most similar reference, ``[n]``, from 0 to 1."""
    return torch.cat([piece.amax(1) for piece in _similarities(bits, references)])


def diversity(bits: Tensor) -> float:
    """One less the mean similarity of all pairs, each with itself among them, as MOSES tells it."""
    return 1.0 - float(torch.cat([piece.mean(1) for piece in _similarities(bits, bits)]).double().mean())


def _similarities(bits: Tensor, references: Tensor) -> Iterator[Tensor]:
    """Tanimoto's coefficients, some rows at a time; 0 where neither has a bit."""
    others = references.float()
    sums = others.sum(1)
    for start in range(0, len(bits), ROWS):
        piece = bits[start : start + ROWS].float()
        shared = piece @ others.T
        yield shared / (piece.sum(1, keepdim=True) + sums - shared).clamp_min(1.0)
