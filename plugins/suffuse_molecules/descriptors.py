"""Numbers that RDKit computes of molecules, by name."""

from __future__ import annotations

import gzip
import importlib.util
import math
import pickle
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rdkit import RDConfig, rdBase
from rdkit.Chem import Descriptors, rdMolDescriptors

from suffuse.errors import RecipeError, SuffuseError, unknown_name
from suffuse_molecules.chemistry import Mol, fault

Descriptor = Callable[[Mol], float]


def synthetic_accessibility(mol: Mol) -> float:
    """How hard a molecule is to make, from 1, easy, to 10 (Ertl & Schuffenhauer 2009), by RDKit's own script."""
    return float(_scorer().calculateScore(mol))


NAMED: Mapping[str, Descriptor] = dict(Descriptors.descList)
"""RDKit's descriptors, by their own names."""

FRIENDLY: Mapping[str, Descriptor] = {
    "size": lambda mol: mol.GetNumHeavyAtoms(),
    "weight": NAMED["MolWt"],
    "logp": NAMED["MolLogP"],
    "tpsa": NAMED["TPSA"],
    "qed": NAMED["qed"],
    "sa": synthetic_accessibility,
    "rings": rdMolDescriptors.CalcNumRings,
    "charge": lambda mol: sum(atom.GetFormalCharge() for atom in mol.GetAtoms()),
}
"""Short names, besides RDKit's own."""


def find(name: str, known: Sequence[str] = (), error: type[SuffuseError] = RecipeError, field: str = "") -> Descriptor:
    """The descriptor of a name, in whatever case.

    Arguments:
        name: one of :data:`FRIENDLY`, or of RDKit's ``Descriptors.descList``, as ``MolLogP`` or ``NumHDonors``.
        known: other names that could have been meant, for the error.
        error, field: what it is, and what it speaks of.

    Raises:
        SuffuseError: there is none.
    """
    found = _all().get(name.casefold())
    if found is None:
        proper = [*FRIENDLY, *NAMED, *known]
        told = unknown_name("descriptor or column", name, proper, error, field=field or None)
        told.expected = f"a column, one of {', '.join(FRIENDLY)}, or a descriptor of RDKit"
        raise told
    return found


def compute(names: Sequence[str], molecules: Sequence[Mol]) -> dict[str, list[float | None]]:
    """Descriptors of molecules, by name; ``None`` where a molecule is broken, or has none that is finite.

    Raises:
        RecipeError: there is no such descriptor.
    """
    functions = {name: find(name) for name in names}
    found: dict[str, list[float | None]] = {name: [] for name in functions}
    with rdBase.BlockLogs():
        for mol in molecules:
            for name, function in functions.items():
                found[name].append(_value(function, mol))
    return found


def _value(function: Descriptor, mol: Mol) -> float | None:
    if function is not FRIENDLY["size"] and fault(mol) is not None:
        return None
    try:
        value = float(function(mol))
    except (ValueError, RuntimeError, ZeroDivisionError):  # an element that it has no parameters for
        return None
    return value if math.isfinite(value) else None


@cache
def _all() -> dict[str, Descriptor]:
    return {name.casefold(): function for name, function in NAMED.items()} | dict(FRIENDLY)


@cache
def _scorer() -> Any:
    """RDKit's script, which is no module of its package, with its table already read."""
    folder = Path(RDConfig.RDContribDir) / "SA_Score"
    spec = importlib.util.spec_from_file_location("suffuse_molecules_sascorer", folder / "sascorer.py")
    assert spec is not None and spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    with gzip.open(folder / "fpscores.pkl.gz") as file:
        rows = _Numbers(file).load()
    script._fscores = {fragment: float(row[0]) for row in rows for fragment in row[1:]}
    return script


class _Numbers(pickle.Unpickler):
    """Reads RDKit's table of numbers, and nothing that could run: the script itself would unpickle whatever it is."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is no number")
