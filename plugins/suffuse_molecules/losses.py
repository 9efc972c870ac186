"""What molecules lose when they become states and come back."""

from __future__ import annotations

import logging
from collections import Counter

from rdkit import Chem

from suffuse.domain import Codec
from suffuse.rng import permutation
from suffuse_molecules.chemistry import Mol, flat, smiles
from suffuse_molecules.store import Molecules

logger = logging.getLogger(__name__)

MOST = 2000
"""Molecules that are looked at."""

EXACT = "exact"


def shares(codec: Codec, molecules: Molecules, seed: int = 0) -> dict[str, float]:
    """The shares of molecules that come back exactly (``exact``), and of those that lose something, by what it is: a
    molecule may lose several things.

    Arguments:
        codec: that is asked.
        molecules: of the data set; a sample of :data:`MOST` is looked at.
        seed: draws these.
    """
    chosen = permutation(len(molecules), "molecules", "losses", seed)[:MOST].tolist()
    found = Counter[str]()
    for i in chosen:
        mol = molecules[i]
        found.update(lost(mol, codec.decode(codec.encode([mol]))[0]) or (EXACT,))
    return {name: count / len(chosen) for name, count in found.most_common()}


def lost(mol: Mol, back: Mol) -> tuple[str, ...]:
    """What a molecule had that ``back`` has not, in words; nothing if they are the same."""
    if smiles(mol) == smiles(back):
        return ()
    atoms = list(mol.GetAtoms())
    found = {
        "stereo": any(one.specified == Chem.StereoSpecified.Specified for one in Chem.FindPotentialStereo(mol)),
        "isotopes": any(atom.GetIsotope() for atom in atoms),
        "numbers of atoms": any(atom.GetAtomMapNum() for atom in atoms),
        "radicals": any(atom.GetNumRadicalElectrons() for atom in atoms),
    }
    told = tuple(name for name, is_so in found.items() if is_so)
    return told if told and ("radicals" in told or smiles(flat(mol)) == smiles(back)) else (*told, "something else")


def tell(codec: Codec, molecules: Molecules, engine: str) -> None:
    """Log what graphs, or strings, lose of a data set."""
    found = shares(codec, molecules)
    exact = found.pop(EXACT, 0.0)
    told = "".join(f"; {share:.1%} lose {what}" for what, share in found.items())
    looked = min(MOST, len(molecules))
    logger.info("as %s %.1f%% of the molecules are exact (of %d looked at)%s", engine, 100 * exact, looked, told)
