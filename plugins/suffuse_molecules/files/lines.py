"""Files of a SMILES a line, and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TextIO

from suffuse_molecules.files.records import SMILES, Piece, molecule, unreadable


def read_smiles(file: TextIO, source: str, column: str | None = None) -> Iterator[Piece]:
    """A molecule a line: the first word is its SMILES, the rest its name. Blank lines, and a line of headings, count
    for nothing.

    Arguments:
        file: the text.
        source: what it is called.
        column: not used: lines have no columns.
    """
    words = ((number, line.split(maxsplit=1)) for number, line in enumerate(file, start=1))
    told = ((number, line) for number, line in words if line)
    for place, (number, (smiles, *rest)) in enumerate(told):
        if place == 0 and smiles.casefold() in SMILES:
            continue
        smiles, name = _extended(smiles, rest[0].strip() if rest else "")
        yield molecule(smiles, f"{source}, line {number}", name)


def _extended(smiles: str, rest: str) -> tuple[str, str]:
    """SMILES with what extends them between bars, as ``C[C@H](F)Cl |o1:1|``, and what comes after."""
    if not rest.startswith("|") or rest.count("|") < 2:
        return smiles, rest
    _, inner, name = rest.split("|", maxsplit=2)
    return f"{smiles} |{inner}|", name.strip()


def parse(lines: Iterable[str], size: int, source: str = "the input") -> Iterator[list[Piece]]:
    """Molecules of JSON lines, at most ``size`` at a time: SMILES, or objects that have them and other properties."""
    pieces = (_of_json(line, f"{source}, line {number}") for number, line in enumerate(lines, start=1) if line.strip())
    while batch := list(islice(pieces, size)):
        yield batch


def _of_json(line: str, place: str) -> Piece:
    try:
        told = json.loads(line)
    except json.JSONDecodeError as error:
        return unreadable(f"is no JSON ({error.msg})", place, line.strip())
    if isinstance(told, str):
        return molecule(told, place)
    key = smiles_key(told) if isinstance(told, dict) else None
    if key is None or not isinstance(told[key], str):
        return unreadable('lacks SMILES: {"smiles": "CCO"}', place, line.strip())
    rest = {str(name): _spelt(value) for name, value in told.items() if name != key and value is not None}
    return molecule(told[key], place, rest.pop("name", ""), rest)


def smiles_key(names: Iterable[str]) -> str | None:
    """Which of some names is that of the SMILES."""
    known = {name.strip().casefold(): name for name in reversed(list(names))}
    return next((known[name] for name in SMILES if name in known), None)


def _spelt(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
