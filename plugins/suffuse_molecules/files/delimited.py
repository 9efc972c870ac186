"""CSV and TSV files with a column of SMILES."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import TextIO

from suffuse.errors import DataError, nearest
from suffuse_molecules.files.lines import smiles_key
from suffuse_molecules.files.records import Piece, molecule, unreadable

DELIMITERS = (",", "\t", ";", "|")
NAMES = ("name", "id")
"""The columns that tell what a molecule is called, in lower case."""

LONGEST = 2**24
"""Characters that a cell may have; the SMILES of a protein are longer than what Python's reader takes by itself."""


def read_table(file: TextIO, source: str, column: str | None = None) -> Iterator[Piece]:
    """A molecule a row; its other cells are its properties.

    Arguments:
        file: the text.
        source: what it is called.
        column: that of the SMILES; ``None``: the first that is called as such.

    Raises:
        DataError: there is no such column.
    """
    csv.field_size_limit(LONGEST)
    before, first = next(((number, line) for number, line in enumerate(file, start=1) if line.strip()), (0, ""))
    delimiter = max(DELIMITERS, key=first.count)
    names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    place = names.index(_column(names, source, column))
    called = next((i for i, name in enumerate(names) if name.casefold() in NAMES), None)
    rows = csv.reader(file, delimiter=delimiter)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield unreadable(f"is no row ({error})", f"{source}, line {before + rows.line_num}", "")
            continue
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield _molecule(row, names, place, called, f"{source}, line {before + rows.line_num}")


def _molecule(row: Sequence[str], names: Sequence[str], place: int, called: int | None, where: str) -> Piece:
    if len(row) > len(names):
        return unreadable(f"has {len(row)} cells, and there are {len(names)} columns", where, ",".join(row))
    cells = [cell.strip() for cell in row] + [""] * (len(names) - len(row))
    others = ((names[i], cells[i]) for i in range(len(names)) if i not in (place, called))
    told = {name: cell for name, cell in others if name and cell}
    return molecule(cells[place], where, "" if called is None else cells[called], told)


def _column(names: Sequence[str], source: str, asked: str | None) -> str:
    found = smiles_key(names) if asked is None else asked if asked in names else None
    if found is not None:
        return found
    guess = None if asked is None else nearest(asked, names)
    raise DataError(
        "has no column of SMILES" if asked is None else f"has no column named {asked!r}", field=source,
        expected="a first line of names, one of them smiles" if asked is None else f"a column {asked!r}",
        got=", ".join(names) or "nothing",
        fix=f"did you mean {guess!r}?" if guess else "name it: data.column=NAME",
    )  # fmt: skip
