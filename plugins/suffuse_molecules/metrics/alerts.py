"""Molecules that chemists would rather not see, by the catalogues of patterns that RDKit has."""

from __future__ import annotations

from functools import cache
from typing import Any

from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

from suffuse_molecules.chemistry import Mol

CATALOGUES = ("PAINS", "BRENK")
"""What disturbs assays (Baell & Holloway 2010); what is toxic, reactive or unstable (Brenk et al. 2008)."""


def alerts(mol: Mol) -> tuple[str, ...]:
    """The catalogues of which a whole molecule has a pattern."""
    return tuple(name for name in CATALOGUES if _catalogue(name).HasMatch(mol))


@cache
def _catalogue(name: str) -> Any:
    wanted = FilterCatalogParams()
    wanted.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog(wanted)
