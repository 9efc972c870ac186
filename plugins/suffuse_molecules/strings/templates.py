"""A part of a molecule that is kept, as a text with a ``*`` for each run of tokens that is to be made.

A piece is written from one of the places where it goes on, ``*c1ccc(*)nc1``: what is new begins the text, or fills a
branch. Several pieces stand one after the other, all but the last in brackets, so that what is new links them:
``*(CCO)*c1ccccc1``. The numbers of rings are those that RDKit gives: a network has seen such texts, and would not know
what to make of numbers that no other text has. A run that closes a ring of the kept part makes a broken molecule, as
:func:`faulty` finds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rdkit import Chem, rdBase

from suffuse.errors import DomainInputError
from suffuse_molecules.chemistry import Mol, smiles
from suffuse_molecules.growing import DUMMY, chosen_atoms, is_open
from suffuse_molecules.strings.alphabet import PIECES

RUN = "*"
"""Stands for a run that is to be made."""

OPEN = re.compile(r"\[\d*\*(?::\d+)?\]")
"""A ``*`` with a number, as tools that cut molecules leave them."""

LOST = "does not hold the part that is kept"


def template(mol: Mol, keep: str | None, share: float, field: str = "keep") -> tuple[str, int]:
    """The text of the kept part, and how many heavy atoms it has.

    Arguments:
        mol: a whole molecule, or one with dummy atoms.
        keep: in words, see :mod:`suffuse_molecules.growing`; ``None``: all but the dummy atoms.
        share: chooses in [0, 1) where a part goes on that tells no place.
        field: what is kept is called so, where it is refused.

    Raises:
        DomainInputError: there is no such part, nothing can be bound to it, or it cuts a ring's aromatic bonds.
    """
    chosen = chosen_atoms(mol, keep, field)
    parts = [part for part in _parts(mol, chosen) if any(atom.GetAtomicNum() != DUMMY for atom in part.GetAtoms())]
    opened = [part if is_open(part) else _opened(part, share, field) for part in parts]
    texts = [_written(part) for part in opened]
    return "".join(f"{RUN}({text})" for text in texts[:-1]) + RUN + texts[-1], len(chosen)


def _parts(mol: Mol, chosen: Sequence[int]) -> list[Mol]:
    """The pieces of some atoms, a dummy atom wherever a bond was cut."""
    inside = set(chosen)
    dummies = {atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() == DUMMY}
    ends = [(bond, bond.GetBeginAtomIdx() in inside, bond.GetEndAtomIdx() in inside) for bond in mol.GetBonds()]
    near = {i for bond, a, b in ends if a != b for i in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())} & dummies
    cut = [bond for bond, a, b in ends if a != b and not {bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()} & near]
    if any(bond.GetIsAromatic() for bond in cut):
        raise DomainInputError(
            "cuts an aromatic ring, which no string can go on from", field="keep", got=smiles(mol)[:80],
            expected="whole aromatic rings",
        )  # fmt: skip
    whole = mol if not cut else Chem.FragmentOnBonds(mol, [bond.GetIdx() for bond in cut])
    made = Chem.GetMolFrags(whole, asMols=True)
    members = Chem.GetMolFrags(whole)
    return [part for part, atoms in zip(made, members, strict=True) if inside & set(atoms)]


def _opened(part: Mol, share: float, field: str) -> Mol:
    """A whole piece with a dummy atom in the place of a hydrogen."""
    places = [atom.GetIdx() for atom in part.GetAtoms() if atom.GetTotalNumHs() > 0]
    if not places:
        raise DomainInputError(
            "has no place where anything could be added", field=field, got=smiles(part)[:80],
            expected="an atom with hydrogens, or a * where something is wanted",
        )  # fmt: skip
    place = places[int(share * len(places))]
    made = Chem.RWMol(part)
    atom = made.GetAtomWithIdx(place)
    if atom.GetNumExplicitHs():
        atom.SetNumExplicitHs(atom.GetNumExplicitHs() - 1)
    made.AddBond(place, made.AddAtom(Chem.Atom(DUMMY)), Chem.BondType.SINGLE)
    mol = made.GetMol()
    Chem.SanitizeMol(mol)
    return mol


def _written(part: Mol) -> str:
    """The text of a piece from the first of its dummy atoms on, without that one."""
    plain = Chem.Mol(part)
    for atom in plain.GetAtoms():
        if atom.GetAtomicNum() == DUMMY:
            atom.SetIsotope(0)
            atom.SetAtomMapNum(0)
    single = [atom.GetIdx() for atom in plain.GetAtoms() if atom.GetAtomicNum() == DUMMY]
    first = min(single, key=lambda i: (plain.GetAtomWithIdx(i).GetDegree(), i))
    with rdBase.BlockLogs():
        text = OPEN.sub(RUN, Chem.MolToSmiles(plain, rootedAtAtom=first))
    return text.removeprefix(RUN)


def faulty(text: str, known: Sequence[bool]) -> str | None:
    """Why a text does not hold what was kept, atom by atom and bond by bond; ``None`` if it does.

    Arguments:
        text: SMILES that can be read.
        known: of each of its characters whether it was kept.

    Of a part of a text that tells no part of a molecule, as half a ring's, nothing can be said.
    """
    before = "".join(
        character if is_known else RUN if i == 0 or known[i - 1] else ""
        for i, (character, is_known) in enumerate(zip(text, known, strict=True))
    )
    with rdBase.BlockLogs():
        made, alone = (Chem.MolFromSmiles(told, sanitize=False) for told in (text, before))
    if alone is None:
        return None  # what was kept of the text is no part of a molecule, and is in the text all the same
    held = [number for number, (place, piece) in enumerate(_atoms(text)) if all(known[place : place + len(piece)])]
    given = [number for number, (_, piece) in enumerate(_atoms(before)) if piece != RUN]
    return None if _bonds(made, held) == _bonds(alone, given) else LOST


def _atoms(text: str) -> list[tuple[int, str]]:
    """Where the atoms of a text are, in their order, and how each is written."""
    found = [(match.start(), match.group()) for match in PIECES.finditer(text)]
    return [(place, piece) for place, piece in found if piece[0] == "[" or piece[0].isalpha() or piece == RUN]


def _bonds(mol: Mol, atoms: Sequence[int]) -> tuple[list[str], set[tuple[int, int, Chem.BondType]]]:
    """The elements of some atoms, and the bonds between them, by their places among these."""
    place = {index: i for i, index in enumerate(atoms)}
    found = set()
    for bond in mol.GetBonds():
        ends = sorted(place.get(i, -1) for i in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
        if ends[0] >= 0:
            found.add((ends[0], ends[1], bond.GetBondType()))
    return [mol.GetAtomWithIdx(i).GetSymbol() for i in atoms], found
