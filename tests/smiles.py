"""A few hundred small molecules, for what needs a set of them and no download, and files of such."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

CORES = (
    "C{}",
    "CC{}",
    "CCC{}",
    "CC(C){}",
    "C1CC1{}",
    "C1CCC1{}",
    "c1ccccc1{}",
    "c1ccncc1{}",
    "c1ccoc1{}",
    "C=CC{}",
    "C#CC{}",
)
GROUPS = (
    "", "C", "O", "N", "F", "C=O", "C#N", "OC", "NC", "C(=O)O", "C(=O)N", "C(=O)OC", "CO", "CN", "CF", "N(C)C",
    "C(C)O", "C(C)N", "CC#N", "CCO", "OCC", "C(F)(F)F", "C(=O)C", "[NH3+]", "C(=O)[O-]",
)  # fmt: skip


def few() -> list[str]:
    """SMILES of 275 molecules of one to nine heavy atoms, a few of them charged, no two the same text."""
    return [core.format(group) for core, group in product(CORES, GROUPS)]


def file(folder: Path, lines: Sequence[str], name: str = "a.smi") -> Path:
    """A text file of these lines."""
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
