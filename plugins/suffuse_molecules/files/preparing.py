"""What goes into a file of molecules besides themselves: what is known of each, and their stereoisomers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from suffuse.domain import Section
from suffuse_molecules.chemistry import Mol, fault
from suffuse_molecules.files.records import labelled, name_of
from suffuse_molecules.stereo import isomers, possible

ISOMER = "stereoisomer"


class Writing(Section):
    """How molecules are written.

    Arguments:
        stereoisomers: write so many of each molecule, at most, instead of the molecule itself; ``None``: the molecule.
    """

    stereoisomers: int | None = Field(default=None, ge=1, le=100_000)


def prepared(items: Sequence[Mol], options: Writing, told: Mapping[str, Sequence[Any]]) -> list[Mol]:
    """Molecules with what is told of each as properties; or their stereoisomers, if these are wanted."""
    if not told and not options.stereoisomers:
        return list(items)
    named = [_told(mol, {key: values[i] for key, values in told.items()}) for i, mol in enumerate(items)]
    if not options.stereoisomers:
        return named
    return [isomer for i, mol in enumerate(named) for isomer in _isomers(mol, i, options.stereoisomers)]


def _told(mol: Mol, told: Mapping[str, Any]) -> Mol:
    """A copy of a molecule that knows what is told of it; a number that is not finite is none."""
    cells = {key: f"{value:.6g}" if isinstance(value, float) else str(value) for key, value in told.items()}
    known = {key: cells[key] for key, value in told.items() if not isinstance(value, float) or math.isfinite(value)}
    return labelled(type(mol)(mol), "", known)


def _isomers(mol: Mol, number: int, most: int) -> list[Mol]:
    """The stereoisomers of a molecule, named by its own name, or its number, and theirs: ``name-1``, ``name-2``.

    Each says which of how many it is; a broken molecule, of which nothing is known, stays as it is.
    """
    if fault(mol) is not None:
        return [mol]
    found, name = isomers(mol, most), name_of(mol) or str(number)
    rest = f", of at most {possible(mol)}" if len(found) == most < (possible(mol) or 0) else ""
    return [
        labelled(isomer, f"{name}-{i}" if len(found) > 1 else "", {ISOMER: f"{i} of {len(found)}{rest}"})
        for i, isomer in enumerate(found, start=1)
    ]
