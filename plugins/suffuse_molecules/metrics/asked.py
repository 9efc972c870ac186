"""Whether generated molecules have the properties that they were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffuse.errors import RecipeError
from suffuse_molecules import descriptors
from suffuse_molecules.chemistry import Mol
from suffuse_molecules.metrics.validity import canonical

Floats = NDArray[np.float64]


def asked(made: Sequence[Mol], conditions: Mapping[str, Sequence[Any]], test: Sequence[Mol]) -> dict[str, float]:
    """How far molecules are from what was asked, for each condition that is a descriptor.

    - ``error_NAME``: the mean absolute error of valid molecules.
    - ``spread_NAME``: that of test molecules drawn without regard to what was asked, over all draws: what a model gets
      that is not steered. Where the test part's own values are asked, it is the mean absolute difference of two of
      its molecules.
    - ``steered_NAME``: the former over the latter; 0 is perfect, 1 not steered.

    Arguments:
        made: what came out, broken ones among it.
        conditions: what each was asked for, ``None`` for nothing.
        test: molecules that the model has not seen.
    """
    found: dict[str, float] = {}
    for name, wanted in conditions.items():
        if not _computed(name):
            continue
        asking = [(mol, value) for mol, value in zip(made, wanted, strict=True) if value is not None]
        valid = [(mol, float(value)) for mol, value in asking if canonical(mol) is not None]
        target = np.array([value for _, value in valid], np.float64)
        found |= _told(name, target, _values(name, [mol for mol, _ in valid]), _values(name, test))
    return found


def _computed(name: str) -> bool:
    """Whether RDKit can tell it of a molecule; a column of the user's file it cannot."""
    try:
        descriptors.find(name, error=RecipeError)
    except RecipeError:
        return False
    return True


def _told(name: str, target: Floats, realised: Floats, usual: Floats) -> dict[str, float]:
    known, usual = np.isfinite(realised), usual[np.isfinite(usual)]
    if not known.any() or not len(usual):
        return {}
    error = float(np.abs(target - realised)[known].mean())
    spread = float(np.mean([np.abs(usual - value).mean() for value in target[known]]))
    told = {f"error_{name}": error, f"spread_{name}": spread}
    return told | ({f"steered_{name}": error / spread} if spread else {})


def _values(name: str, molecules: Sequence[Mol]) -> Floats:
    return np.array(descriptors.compute([name], molecules)[name], np.float64)
