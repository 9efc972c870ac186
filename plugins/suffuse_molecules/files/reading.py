"""Molecules from files of any kind, whole or some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from suffuse.datasets import files_among
from suffuse.domain import Unreadable
from suffuse.errors import DataError
from suffuse_molecules.chemistry import Mol
from suffuse_molecules.files.delimited import read_table
from suffuse_molecules.files.lines import read_smiles
from suffuse_molecules.files.opening import ZIPPED, suffix, text
from suffuse_molecules.files.records import Piece
from suffuse_molecules.files.structures import read_structures

READERS: dict[str, Callable[[TextIO, str, str | None], Iterator[Piece]]] = {
    ".smi": read_smiles,
    ".smiles": read_smiles,
    ".txt": read_smiles,
    ".csv": read_table,
    ".tsv": read_table,
    ".sdf": read_structures,
}
"""How files are read, by their suffix, behind which may stand ``.gz``."""


def pieces(path: str | Path, column: str | None = None) -> Iterator[Piece]:
    """The molecules of one file in their order, and for each record that is none why not.

    Arguments:
        path: of the file.
        column: of a table: that of the SMILES; left out, the first that is called as such.

    Raises:
        DataError: there is no such file, it is of another kind, empty or cut off, or has no such column.
    """
    path = Path(path)
    reader = READERS.get(suffix(path))
    if reader is None:
        raise DataError("is no file of molecules", field=str(path), expected=_kinds())
    with text(path) as file:
        yield from reader(file, str(path), column)


def stream(path: str | Path, size: int) -> Iterator[list[Piece]]:
    """As :func:`pieces`, at most ``size`` at a time."""
    found = pieces(path)
    while batch := list(islice(found, size)):
        yield batch


def read(path: str | Path) -> list[Mol]:
    """The molecules of one file.

    Raises:
        DataError: as for :func:`pieces`; a record is no molecule, or there is none.
    """
    found = []
    for piece in pieces(path):
        if isinstance(piece, Unreadable):
            raise piece.error
        found.append(piece)
    if not found:
        raise DataError("holds no molecules", field=str(path), expected="at least one")
    return found


def find(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """The files of molecules among files, folders and patterns, those of a folder or a pattern in the order of their
    names.

    Raises:
        DataError: there is nothing.
    """
    return files_among(paths, lambda path: suffix(path) in READERS, "molecules", _kinds())


def _kinds() -> str:
    return f"files ending in {', '.join(READERS)}, or one of these and {ZIPPED}"
