"""Which alerts a molecule raises, for the shares of molecules that raise none."""

from __future__ import annotations

from suffuse_molecules.alerts import BRENK, MCF, PAINS, alert, plain
from suffuse_molecules.chemistry import Mol

MOSES = "MOSES"
"""Stands for a molecule that the filters of MOSES drop."""


def alerts(mol: Mol) -> tuple[str, ...]:
    """The catalogues of which a whole molecule has a pattern; and :data:`MOSES`, if MOSES would drop it: for a pattern
    of MCF or PAINS, or since it is not plain."""
    found = tuple(name for name in (PAINS, MCF, BRENK) if alert(mol, name) is not None)
    return found if plain(mol) and PAINS not in found and MCF not in found else (*found, MOSES)
