"""Which part of a molecule is kept while the rest is made anew, and where it may go on.

A molecule tells it by itself, by dummy atoms, ``*``, where something is wanted: ``*c1ccccc1`` (an R-group),
``*CCO.*c1ccccc1`` (a linker). Of a whole molecule a part is told in words: ``smarts:PATTERN``, the first match;
``atoms:0-5,8``, by number, as RDKit counts them; ``scaffold``, the rings and what links them (Bemis & Murcko 1996); or
``all``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rdkit import Chem, rdBase
from rdkit.Chem.Scaffolds import MurckoScaffold

from suffuse.domain import Item
from suffuse.errors import DomainInputError, unknown_name
from suffuse_molecules.chemistry import Mol, flat, graph, is_hydrogen, smiles

DUMMY = 0
"""The atomic number of ``*``."""

NUMBER = "_suffuse_number"
"""The property of an atom that is its number in the molecule that was read."""


@dataclass(frozen=True)
class Kept:
    """A part of a molecule.

    Arguments:
        atoms: element and charge of each that is kept.
        bonds: between these: two places among them, and the order.
        ends: the places of those that may be bound to what is made.
    """

    atoms: tuple[tuple[str, int], ...]
    bonds: tuple[tuple[int, int, int], ...]
    ends: tuple[int, ...]


def is_open(mol: Mol) -> bool:
    """Whether a molecule tells by dummy atoms where it goes on."""
    return any(atom.GetAtomicNum() == DUMMY for atom in mol.GetAtoms())


def all_open(items: Sequence[Item]) -> bool:
    """Whether molecules tell by themselves where they go on.

    Raises:
        DomainInputError: some do, others do not.
    """
    opened = [isinstance(item, Mol) and is_open(item) for item in items]
    if any(opened) and not all(opened):
        first = opened.index(False)
        raise DomainInputError(
            "are whole, others are not", field="items", expected="a * in each molecule, or in none",
            got=f"items[{first}]", fix="tell of all what is kept, as by keep='all', or put a * where each goes on",
        )  # fmt: skip
    return any(opened)


def kept_part(mol: Mol, keep: str | None, field: str = "keep") -> Kept:
    """The part of a molecule that is kept.

    Arguments:
        mol: a whole molecule, or one with dummy atoms.
        keep: in words, see this module; ``None``: all but the dummy atoms.

    Raises:
        DomainInputError: there is no such part, or nothing can be bound to it.
    """
    asked, real = chosen_atoms(mol, keep, field), [a.GetIdx() for a in mol.GetAtoms() if not is_hydrogen(a)]
    mol, number = flat(mol), {index: i for i, index in enumerate(real)}
    chosen = [number[index] for index in asked if index in number]
    place = {index: i for i, index in enumerate(chosen)}
    atoms, bonds = graph(mol, field)
    inner = tuple((place[i], place[j], order) for i, j, order in bonds if i in place and j in place)
    told = is_open(mol)
    ends = [place[i] for i in chosen if _goes_on(mol.GetAtomWithIdx(i), place, told)]
    if not ends:
        raise DomainInputError(
            "has no place where anything could be added", field=field, got=_told(mol, keep),
            expected="an atom with hydrogens or with neighbours that are not kept, or a * where something is wanted",
        )  # fmt: skip
    return Kept(tuple(atoms[i] for i in chosen), inner, tuple(ends))


def chosen_atoms(mol: Mol, keep: str | None, field: str = "keep") -> list[int]:
    """The atoms of the part that is kept, in their order; as :func:`kept_part`."""
    real = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() != DUMMY]
    chosen = real if keep is None else sorted(set(_chosen(mol, keep)) & set(real))
    if not chosen:
        raise DomainInputError(
            "is no part of the molecule", field=field, expected="some of its atoms", got=_told(mol, keep)
        )
    return chosen


def _goes_on(atom: Chem.Atom, kept: Mapping[int, int], told: bool) -> bool:
    """Whether anything may be bound to an atom: where dummies tell it, at these alone."""
    others = [other for other in atom.GetNeighbors() if other.GetIdx() not in kept]
    if told:
        return any(other.GetAtomicNum() == DUMMY for other in others)
    return bool(others) or atom.GetTotalNumHs() > 0


def _chosen(mol: Mol, keep: str) -> list[int]:
    """The atoms that the words tell."""
    word, _, rest = keep.partition(":")
    if word not in WORDS:
        raise unknown_name("way to tell a part", word, WORDS, DomainInputError, field="keep")
    return WORDS[word](mol, rest)


def _match(mol: Mol, text: str) -> list[int]:
    with rdBase.BlockLogs():
        pattern = Chem.MolFromSmarts(text)
    if pattern is None or not pattern.GetNumAtoms():
        raise DomainInputError("is no SMARTS", field="keep", expected="as smarts:c1ccccc1", got=text)
    return list(mol.GetSubstructMatch(pattern))


def numbered(mol: Mol) -> Mol:
    """A copy whose atoms remember their numbers, by which they are told when others are left off."""
    made = Chem.Mol(mol)
    for atom in made.GetAtoms():
        atom.SetIntProp(NUMBER, atom.GetIdx())
    return made


def _numbered(mol: Mol, text: str) -> list[int]:
    """The atoms of some numbers: those of the molecule as it was read."""
    places = {a.GetIntProp(NUMBER) if a.HasProp(NUMBER) else a.GetIdx(): a.GetIdx() for a in mol.GetAtoms()}
    found: list[int] = []
    for span in text.split(","):
        first, _, last = span.partition("-")
        if not first.strip().isdecimal() or (last and not last.strip().isdecimal()):
            raise DomainInputError("are no numbers of atoms", field="keep", expected="as atoms:0-5,8", got=text)
        numbers = range(int(first), int(last or first) + 1)
        if numbers.stop - numbers.start > len(places) or not places.keys() >= set(numbers):
            raise DomainInputError(
                "are no atoms of the molecule", field="keep", expected=f"some of {_spans(sorted(places))}", got=text
            )
        found += map(places.__getitem__, numbers)
    return found


def _spans(numbers: Sequence[int]) -> str:
    """Rising numbers in few words, as ``0-5, 8``."""
    firsts = [n for i, n in enumerate(numbers) if i == 0 or numbers[i - 1] != n - 1]
    lasts = [n for i, n in enumerate(numbers) if i == len(numbers) - 1 or numbers[i + 1] != n + 1]
    return ", ".join(f"{a}-{b}" if a < b else str(a) for a, b in zip(firsts, lasts, strict=True))


def _scaffold(mol: Mol, text: str) -> list[int]:
    scaffold: Mol = MurckoScaffold.GetScaffoldForMol(mol)  # type: ignore[no-untyped-call]
    return list(mol.GetSubstructMatch(scaffold))


WORDS: Mapping[str, Callable[[Mol, str], list[int]]] = {
    "smarts": _match,
    "atoms": _numbered,
    "scaffold": _scaffold,
    "all": lambda mol, text: list(range(mol.GetNumAtoms())),
}
"""How a part is told."""


def _told(mol: Mol, keep: str | None) -> str:
    return smiles(mol)[:80] if keep is None else f"{keep} in {smiles(mol)[:80]}"
