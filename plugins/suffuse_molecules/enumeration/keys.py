"""Numbers that name atoms and molecules by their graph alone, so that no version of a library changes an order.

Colour refinement (Weisfeiler & Leman 1968): an atom's number is hashed again and again with those of its neighbours.
Graphs that differ have different numbers but for a few, as decalin and bicyclopentyl, which is enough to draw lots by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from suffuse.rng import mix64
from suffuse_molecules.chemistry import Mol

ROUNDS = 9
"""As far as an atom of the molecules here can be from another, and one more."""


def keys(molecules: Sequence[Mol]) -> tuple[Tensor, Tensor]:
    """Numbers of molecules, int64 ``[n]``, and of their atoms, int64 ``[n, atoms]``; equal atoms have equal ones."""
    most = max((mol.GetNumAtoms() for mol in molecules), default=1)
    colours = torch.zeros(len(molecules), most, dtype=torch.int64)
    bonds = torch.zeros(len(molecules), most, most, dtype=torch.int64)
    atoms = [(m, atom.GetIdx(), _kind(atom)) for m, mol in enumerate(molecules) for atom in mol.GetAtoms()]
    edges = [(m, *_edge(bond)) for m, mol in enumerate(molecules) for bond in mol.GetBonds()]
    if atoms:
        m, i, kind = torch.tensor(atoms).T
        colours[m, i] = kind
    if edges:
        m, i, j, order = torch.tensor(edges).T
        bonds[m, i, j] = bonds[m, j, i] = order
    real = colours != 0
    for _ in range(ROUNDS):
        told = mix64(colours[:, None, :] + (bonds << 32)) * (bonds > 0)
        colours = mix64(3 * colours + told.sum(2)) * real
    return mix64((mix64(colours.clone()) * real).sum(1)), colours


def _kind(atom: Any) -> int:
    """Element, charge, hydrogens and whether it is aromatic; never 0."""
    shell = (atom.GetFormalCharge() + 5) * 20 + atom.GetTotalNumHs() * 2 + atom.GetIsAromatic()
    return int(1000 * atom.GetAtomicNum() + shell)


def _edge(bond: Any) -> tuple[int, int, int]:
    return bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), int(bond.GetBondType())
