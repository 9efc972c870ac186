"""Amino acids and betaines as they are in water and in crystals: the acid without its proton."""

from __future__ import annotations

from rdkit import Chem

from suffuse_molecules.chemistry import Mol

AMINE = Chem.MolFromSmarts("[NX3;+0;!$(N-[C,S]=[O,N,S]);!$(N-a);!$(N-C=C);!$(N-[!#6])]")
ACID = Chem.MolFromSmarts("[OH]-C=O")


ONIUM = Chem.MolFromSmarts("[N+,n+;!$(*~[O-])]")


def zwitterion(mol: Mol) -> Mol | None:
    """The molecule with an acid's proton on its amine, or, of a quaternary nitrogen, without that proton.

    ``None`` if it has no acid, or neither amine nor quaternary nitrogen.
    """
    acids, amines, oniums = (mol.GetSubstructMatches(what) for what in (ACID, AMINE, ONIUM))
    if not acids or not (amines or oniums):
        return None
    made = Chem.RWMol(mol)
    made.GetAtomWithIdx(acids[0][0]).SetFormalCharge(-1)
    if not oniums:
        made.GetAtomWithIdx(amines[0][0]).SetFormalCharge(1)
    Chem.SanitizeMol(made)
    return made.GetMol()
