"""Which generated items are molecules, and how many of these differ from one another and from what was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rdkit import Chem, rdBase

from suffuse_molecules.chemistry import Mol, fault, pieces, smiles
from suffuse_molecules.metrics.repair import repair

FIRST = 1000
"""Valid molecules among which ``unique_at_1000`` counts."""


@dataclass(frozen=True)
class Read:
    """What a set of items says.

    Arguments:
        items: as they came.
        told: the canonical SMILES of each, ``None`` where it is no molecule.
    """

    items: Sequence[Mol]
    told: Sequence[str | None]

    @property
    def valid(self) -> list[str]:
        """The SMILES of those that are molecules, in their order, with repetitions."""
        return [text for text in self.told if text is not None]


def read(items: Sequence[Mol], stereo: bool = True) -> Read:
    """Items as canonical SMILES."""
    return Read(items, [canonical(mol, stereo) for mol in items])


def canonical(mol: Mol, stereo: bool = True) -> str | None:
    """Canonical SMILES that can be read again; ``None`` of what is broken or has no atom."""
    if fault(mol) is not None or mol.GetNumAtoms() == 0:
        return None
    text = smiles(mol, stereo)
    with rdBase.BlockLogs():
        return text if Chem.MolFromSmiles(text) is not None else None


def validity(made: Read, known: Iterable[str]) -> dict[str, float]:
    """How many are molecules; see ``docs/molecule-metrics.md``.

    Arguments:
        made: at least one item.
        known: canonical SMILES of the training part, with stereo if the made ones have it.
    """
    n, valid = len(made.items), made.valid
    distinct = set(valid)
    fresh = distinct.difference(known)
    single = [text is not None and pieces(mol) == 1 for mol, text in zip(made.items, made.told, strict=True)]
    found = {
        "n": float(n),
        "valid": len(valid) / n,
        "connected": sum(single) / n,
        "repaired": sum(repair(mol) is not None for mol in made.items) / n,
        "vun": len(fresh) / n,
    }
    if valid:
        found |= {"unique": len(distinct) / len(valid), "novel": len(fresh) / len(distinct)}
    if len(valid) >= FIRST:
        found["unique_at_1000"] = len(set(valid[:FIRST])) / FIRST
    return found
