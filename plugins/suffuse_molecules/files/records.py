"""What a line of a file, or a record of several, tells of a molecule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from rdkit import Chem, rdBase

from suffuse.domain import Unreadable
from suffuse.errors import DataError, DomainInputError
from suffuse_molecules.chemistry import Mol, parse

NAME = "_Name"
"""The property of a molecule that is its name, as RDKit has it."""

SMILES = (
    "smiles", "canonical_smiles", "isomeric_smiles", "smiles_canonical", "canonicalsmiles", "isomericsmiles", "smi",
    "rdkit_smiles", "mol", "molecule", "structure",
)  # fmt: skip
"""What columns of SMILES are called, in lower case; the first that a table has is taken."""

MOST = 1024
"""Heavy atoms of what is read. No model holds more than a quarter of these, and proteins cost RDKit many seconds."""

Piece: TypeAlias = Mol | Unreadable
"""What a reader gives for each record, in their order: a molecule, or why it is none."""


def molecule(smiles: str, place: str, name: str = "", told: Mapping[str, str] | None = None) -> Piece:
    """A molecule with what is told of it.

    Arguments:
        smiles: of it.
        place: where it stands, for the error.
        name: what it is called, if anything.
        told: its properties, as texts.
    """
    if not smiles.strip():
        return unreadable("has no SMILES", place, "")
    if not smiles.isascii():
        return unreadable("is no SMILES: it has letters beyond ASCII", place, smiles)
    large = None if len(smiles) <= MOST else too_large(lambda: Chem.MolFromSmiles(smiles, sanitize=False))
    if large is not None:
        return unreadable(large, place, smiles)
    try:
        mol = parse(smiles)
    except DomainInputError as error:
        return unreadable(error.message, place, smiles)
    return labelled(mol, name, told or {}) if mol.GetNumAtoms() else unreadable("has no atom", place, smiles)


def too_large(read: Callable[[], Mol | None]) -> str | None:
    """Why a record is of more atoms than are read, ``None`` if it is not; asked before its chemistry is looked at.

    Arguments:
        read: the record as a graph alone; ``None`` if it is none, which is told later.
    """
    with rdBase.BlockLogs():
        bare = read()
    count = 0 if bare is None else bare.GetNumHeavyAtoms()
    return f"is too large, with {count} atoms" if count > MOST else None


def labelled(mol: Mol, name: str, told: Mapping[str, str]) -> Mol:
    """A molecule, its name and its properties set on it."""
    if name:
        mol.SetProp(NAME, name)
    for key, value in told.items():
        mol.SetProp(key, value)
    return mol


def properties(mol: Mol) -> dict[str, str]:
    """What was told of a molecule, by name, without what RDKit itself notes."""
    return {key: str(mol.GetProp(key)) for key in mol.GetPropNames()}


def name_of(mol: Mol) -> str:
    """What a molecule is called, if anything."""
    return str(mol.GetProp(NAME)) if mol.HasProp(NAME) else ""


def unreadable(reason: str, place: str, got: str) -> Unreadable:
    """Stands for a record that is no molecule."""
    return Unreadable(DataError(reason, field=place, expected="a molecule", got=repr(got[:80])))
