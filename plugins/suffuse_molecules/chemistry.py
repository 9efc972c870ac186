"""What molecules are to this plugin: RDKit's, without explicit hydrogens, whole or broken.

What a network makes need not be a molecule: an atom may have too many bonds. Such a graph is kept as it is, an RDKit
molecule that is not sanitized, so that it can be counted, named and shown; :func:`fault` tells it from the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from rdkit import Chem, rdBase

from suffuse.errors import DomainInputError

T = TypeVar("T")

Mol = Chem.Mol
"""A molecule; broken, if :func:`fault` says so."""

ORDERS = (Chem.BondType.ZERO, Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)
"""Kekulised bonds, the first of which is none."""

FAULT = "_suffuse_fault"
"""The property of a broken molecule that says why."""

TEXT = "_suffuse_text"
"""The property of a broken molecule that was told as SMILES: these."""

FRAGMENTS = "is in pieces"

# What is told of a molecule goes with it to another process, which RDKit does not do unasked.
Chem.SetDefaultPickleProperties(int(Chem.PropertyPickleOptions.MolProps) | int(Chem.PropertyPickleOptions.PrivateProps))


def parse(smiles: str) -> Mol:
    """A molecule from SMILES, its hydrogens implicit.

    Raises:
        DomainInputError: it is none; the message has RDKit's own words.
    """
    with rdBase.BlockLogs():
        whole = Chem.MolFromSmiles(smiles)
        if whole is not None:
            return whole
        bare, said = heard(lambda: Chem.MolFromSmiles(smiles, sanitize=False))
        reason = said or "is no SMILES" if bare is None else sanitized(bare)
    raise DomainInputError(reason or "cannot be read", field="molecule", expected="SMILES, as CCO", got=smiles[:80])


def spelled(text: str) -> Mol:
    """A molecule from SMILES that a network made: a broken one, if they are none, which keeps them.

    It is the kekulised graph that they tell, as :func:`assemble` leaves one, or has no atoms where they tell none.
    """
    if not text:
        return broken(Chem.Mol(), text, "is empty")
    try:
        return parse(text)
    except DomainInputError as error:
        return broken(_as_told(text), text, error.message)


def _as_told(text: str) -> Mol:
    """The graph that SMILES tell, without a look at its chemistry."""
    with rdBase.BlockLogs():
        mol: Mol | None = Chem.MolFromSmiles(text, sanitize=False)
        if mol is None:
            return Chem.Mol()
        try:
            Chem.Kekulize(mol, clearAromaticFlags=True)
        except (Chem.KekulizeException, ValueError):
            return Chem.Mol()  # a ring that is aromatic in words alone has no bonds of known orders
        mol.UpdatePropertyCache(strict=False)
    return mol


def broken(mol: Mol, text: str, reason: str) -> Mol:
    """A copy of a molecule that is broken for a reason, and keeps the SMILES that it was told as."""
    made = Chem.Mol(mol)
    made.SetProp(FAULT, reason)
    made.SetProp(TEXT, text)
    return made


def heard(read: Callable[[], T]) -> tuple[T, str]:
    """What RDKit gives, and what it complains of, in a line; its older versions let nobody hear."""
    capture = getattr(rdBase, "CaptureErrorLog", None)
    if capture is None:
        return read(), ""
    with capture() as log:
        made = read()
    lines = [re.sub(r"^\[[\d:]+\] ", "", line).strip() for line in str(log.messages).splitlines()]
    return made, next((line for line in lines if line), "")


def sanitized(mol: Mol) -> str | None:
    """Sanitize a molecule in place; why it cannot be, in a few words, ``None`` if it was.

    A broken one is left as it was.
    """
    with rdBase.BlockLogs():
        before = Chem.Mol(mol)
        problems = Chem.DetectChemistryProblems(before)
        if problems:
            return _told(problems[0].Message())
        try:
            Chem.SanitizeMol(mol)
        except (Chem.MolSanitizeException, RuntimeError, ValueError) as error:
            return _told(str(error))
    return None


def assemble(atoms: Sequence[tuple[str, int]], bonds: Sequence[tuple[int, int, int]]) -> Mol:
    """A molecule from its graph, sanitized if that can be; else as it is, with the property :data:`FAULT`.

    Arguments:
        atoms: element and charge of each.
        bonds: pairs of atoms, and the order of the bond: 1, 2 or 3.
    """
    made = Chem.RWMol()
    for symbol, charge in atoms:
        atom = Chem.Atom(symbol)
        atom.SetFormalCharge(charge)
        made.AddAtom(atom)
    for i, j, order in bonds:
        made.AddBond(i, j, ORDERS[order])
    mol = made.GetMol()
    reason = sanitized(mol)
    if reason is not None:
        mol.SetProp(FAULT, reason)
        mol.UpdatePropertyCache(strict=False)
    return mol


def fault(mol: Mol) -> str | None:
    """Why a molecule is broken; ``None`` if it is whole. One in several pieces is whole: see :func:`pieces`."""
    return str(mol.GetProp(FAULT)) if mol.HasProp(FAULT) else None


def pieces(mol: Mol) -> int:
    """How many fragments a molecule has."""
    return len(Chem.GetMolFrags(mol))


def largest(mol: Mol) -> Mol:
    """The largest fragment: that of the most heavy atoms, of equals the heaviest, then the first by its SMILES."""
    parts = Chem.GetMolFrags(mol, asMols=True)
    if len(parts) < 2:
        return mol

    def rank(part: Mol) -> tuple[int, float, str]:
        return part.GetNumHeavyAtoms(), sum(a.GetMass() for a in part.GetAtoms()), Chem.MolToSmiles(part)

    found: Mol = max(parts, key=rank)
    return found


def smiles(mol: Mol, stereo: bool = True) -> str:
    """Canonical SMILES; of a broken molecule those that it was told as, else those of its graph, not canonical.

    Arguments:
        stereo: whether they tell of stereo centres and double bonds.
    """
    if mol.HasProp(TEXT):
        return str(mol.GetProp(TEXT))
    with rdBase.BlockLogs():
        told = Chem.MolToSmiles(mol, isomericSmiles=stereo, canonical=fault(mol) is None)
    return str(told)


def flat(mol: Mol) -> Mol:
    """A copy without stereo, isotopes, radicals and numbers of atoms in a reaction: what a graph of atoms and bonds can
    say. Heavy hydrogen is implied as the light one is; a molecule without other atoms keeps it."""
    made = Chem.Mol(mol)
    Chem.RemoveStereochemistry(made)
    for atom in made.GetAtoms():
        atom.SetIsotope(0)
        atom.SetAtomMapNum(0)
        if atom.GetNumRadicalElectrons():
            atom.SetNumRadicalElectrons(0)
            atom.SetNoImplicit(False)
            atom.SetNumExplicitHs(0)
    with rdBase.BlockLogs():
        found: Mol = Chem.RemoveHs(made, sanitize=False)
    found.UpdatePropertyCache(strict=False)
    Chem.GetSymmSSSR(found)
    return found


def is_hydrogen(atom: Any) -> bool:
    """Whether an atom is a hydrogen, heavy or not, that its neighbour implies in a graph of atoms and bonds."""
    if atom.GetAtomicNum() != 1 or atom.GetFormalCharge() or atom.GetDegree() != 1:
        return False
    return bool(atom.GetNeighbors()[0].GetAtomicNum() > 1)


def atoms_of(mol: Mol) -> Iterator[Any]:
    """Its atoms, in order; ``mol.GetAtoms()`` takes a multiple of the time."""
    return map(mol.GetAtomWithIdx, range(mol.GetNumAtoms()))


def graph(mol: Mol, field: str = "molecule") -> tuple[list[tuple[str, int]], list[tuple[int, int, int]]]:
    """The atoms and the kekulised bonds of a molecule, as :func:`assemble` takes them; heavy hydrogen is implied.

    Arguments:
        mol: the molecule.
        field: what it is called in errors.

    Raises:
        DomainInputError: a bond is neither single, double nor triple, or the molecule cannot be kekulised.
    """
    plain = flat(mol) if any(map(is_hydrogen, atoms_of(mol))) else Chem.Mol(mol)
    if fault(mol) is None:
        try:
            with rdBase.BlockLogs():
                Chem.Kekulize(plain, clearAromaticFlags=True)
        except (Chem.KekulizeException, ValueError) as error:
            raise DomainInputError(_told(str(error)), field=field, got=smiles(mol)[:80]) from error
    atoms = [(atom.GetSymbol(), atom.GetFormalCharge()) for atom in atoms_of(plain)]
    bonds: list[tuple[int, int, int]] = []
    for bond in map(plain.GetBondWithIdx, range(plain.GetNumBonds())):
        kind: Any = bond.GetBondType()
        if kind not in ORDERS[1:]:
            raise DomainInputError(
                f"has a {str(kind).lower()} bond", field=field, expected="single, double and triple bonds",
                got=smiles(mol)[:80],
            )  # fmt: skip
        bonds.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), ORDERS.index(kind)))
    return atoms, bonds


def _told(message: str) -> str:
    """RDKit's words in a line, without what it says of the call."""
    return " ".join(message.replace("Sanitization error:", "").split()).strip() or "cannot be sanitized"
