"""SDF files: structures with tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rdkit import Chem, rdBase

from suffuse_molecules.chemistry import Mol, heard, sanitized
from suffuse_molecules.files.records import MOST, Piece, too_large, unreadable

END = "$$$$"


def read_structures(file: TextIO, source: str, column: str | None = None) -> Iterator[Piece]:
    """A molecule a record; its tags are its properties, its title its name.

    Arguments:
        file: the text.
        source: what it is called.
        column: not used: records have no columns.
    """
    lines: list[str] = []
    first = 1
    for number, line in enumerate(file, start=1):
        lines.append(line)
        if line.startswith(END):
            yield _molecule("".join(lines), f"{source}, line {first}")
            lines, first = [], number + 1
    if any(line.strip() for line in lines):
        yield _molecule("".join([*lines, "\n", END, "\n"]), f"{source}, line {first}")


def _molecule(record: str, place: str) -> Piece:
    large = None if record.count("\n") <= MOST else too_large(lambda: _read(record, sanitize=False)[0])
    if large is not None:
        return unreadable(large, place, _title(record))
    with rdBase.BlockLogs():
        whole, _ = _read(record, sanitize=True)
        if whole is not None:
            wrong = _incomplete(whole)
            return whole if wrong is None else unreadable(wrong, place, _title(record))
        bare, said = _read(record, sanitize=False)
        reason = said or "is no structure" if bare is None else sanitized(bare)
    return unreadable(reason or "cannot be read", place, _title(record))


def _incomplete(mol: Mol) -> str | None:
    """Why a structure stands for no one molecule."""
    if not mol.GetNumAtoms():
        return "has no atom"
    return "has atoms that stand for several elements" if any(atom.HasQuery() for atom in mol.GetAtoms()) else None


def _read(record: str, sanitize: bool) -> tuple[Mol | None, str]:
    """The first molecule of a record, and what RDKit complains of."""

    def read() -> Mol | None:
        supplier = Chem.SDMolSupplier()
        supplier.SetData(record, sanitize=sanitize, removeHs=sanitize)
        return next(iter(supplier), None)

    return heard(read)


def _title(record: str) -> str:
    return record.partition("\n")[0].strip()
