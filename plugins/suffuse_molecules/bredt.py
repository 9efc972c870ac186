"""Bredt's rule: a double bond at a bridgehead would be twisted, unless the bridged rings are large.

Two rings that share a path of three atoms or more are a bicycle: three bridges between two bridgeheads. A double bond
from a bridgehead into one of the bridges lies in two rings, cis in one and trans in the other, and is about as stable
as the trans double bond in the larger of these (Wiseman 1967). Of such rings the smallest that can be kept has eight
atoms: bicyclo[3.3.1]non-1-ene is known, bicyclo[2.2.1]hept-1-ene is not.

Rings are those of the smallest set; an aromatic bond counts as double. Fused rings, which share one bond, are not
looked at, nor bridgeheads other than carbon and nitrogen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from rdkit import Chem

from suffuse_molecules.chemistry import Mol

SMALLEST = 8
"""Atoms of the smallest ring that holds a trans double bond."""

DOUBLE = (Chem.BondType.DOUBLE, Chem.BondType.AROMATIC)
ELEMENTS = ("C", "N")


@dataclass(frozen=True)
class Bicycle:
    """Two rings that share a path.

    Arguments:
        heads: the two bridgeheads, by their numbers.
        bridges: the bonds of each of the three bridges, by their numbers.
    """

    heads: frozenset[int]
    bridges: tuple[frozenset[int], frozenset[int], frozenset[int]]

    def larger_ring(self, bridge: int) -> int:
        """Atoms of the larger of the two rings that a bridge takes part in."""
        lengths = [len(bonds) for bonds in self.bridges]
        own = lengths.pop(bridge)
        return own + max(lengths)


def twisted(mol: Mol, smallest: int = SMALLEST) -> bool:
    """Whether a whole molecule has a double bond at a bridgehead that Bredt's rule forbids.

    Arguments:
        mol: the molecule.
        smallest: atoms of the smallest ring that can hold a trans double bond.
    """
    return any(
        bicycle.larger_ring(i) < smallest and any(_at_head(mol, bond, bicycle.heads) for bond in bridge)
        for bicycle in bicycles(mol)
        for i, bridge in enumerate(bicycle.bridges)
    )


def bicycles(mol: Mol) -> Iterator[Bicycle]:
    """Those that any two rings make up, fused ones left out."""
    for one, other in combinations(map(frozenset, mol.GetRingInfo().BondRings()), 2):
        shared = one & other
        ends = _ends(mol, shared)
        if len(shared) > 1 and len(ends) == 2:  # one path, and no two
            yield Bicycle(frozenset(ends), (shared, one - shared, other - shared))


def _ends(mol: Mol, bonds: frozenset[int]) -> list[int]:
    """The atoms that have one of these bonds, and no second."""
    atoms = [
        atom
        for i in bonds
        for bond in [mol.GetBondWithIdx(i)]
        for atom in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
    ]
    return [atom for atom in atoms if atoms.count(atom) == 1]


def _at_head(mol: Mol, bond: int, heads: frozenset[int]) -> bool:
    told = mol.GetBondWithIdx(bond)
    ends = [atom for atom in (told.GetBeginAtom(), told.GetEndAtom()) if atom.GetIdx() in heads]
    return told.GetBondType() in DOUBLE and any(atom.GetSymbol() in ELEMENTS for atom in ends)
