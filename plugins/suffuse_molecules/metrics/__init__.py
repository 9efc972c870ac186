"""How good generated molecules are, against the test part: validity, distributions, alerts, and what was asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import wasserstein_distance

from suffuse.errors import DataError, DomainInputError
from suffuse.rng import permutation
from suffuse_molecules.alerts import BRENK, MCF, PAINS
from suffuse_molecules.chemistry import Mol, smiles
from suffuse_molecules.metrics.alerts import MOSES
from suffuse_molecules.metrics.asked import asked
from suffuse_molecules.metrics.chemnet import chemnet_distance, fresh_moments, installed, kept_moments
from suffuse_molecules.metrics.counts import cosine, total_variation
from suffuse_molecules.metrics.facts import COUNTED, PROPERTIES, Floats, View, view
from suffuse_molecules.metrics.fingerprints import diversity, nearest
from suffuse_molecules.metrics.repair import repair
from suffuse_molecules.metrics.validity import read, validity

__all__ = ["asked", "evaluate", "repair"]

MOST = 10_000
"""Test molecules that made ones are compared with, and training molecules of the floors."""
MOST_PAIRS = 5_000
"""Molecules among which ``internal_diversity`` looks at all pairs."""
CATALOGUES = {"filters": MOSES, "pains": PAINS, "mcf": MCF, "brenk": BRENK}
"""Whose alerts a figure tells of."""


def evaluate(
    made: Sequence[Mol], test: Sequence[Mol], train: Sequence[Mol], *, stereo: bool = True
) -> dict[str, float]:
    """All figures of generated molecules; what each means stands in ``docs/molecule-metrics.md``.

    Broken molecules count as not valid; all figures but those of validity are of the valid ones, and are left out where
    fewer than two are valid. Names that end in ``_floor`` are the same figures of as many training molecules, those
    that end in ``_real`` are of the test part. Compare only figures of equal ``n``.

    Arguments:
        made: generated molecules, at least two.
        test: molecules that were not trained on, at least two; :data:`MOST` of them are drawn where there are more.
        train: those that were.
        stereo: whether stereo counts. Without it all three are compared as graphs of atoms and bonds, which is right
            where the model knows no stereo.

    Raises:
        DomainInputError: fewer than two made molecules.
        DataError: fewer than two in another part.
    """
    _check(made, test, train)
    told = read(made, stereo)
    found = validity(told, (smiles(mol, stereo) for mol in train))
    if len(told.valid) < 2:
        return found
    places = permutation(len(test), "molecules", "test")[:MOST].tolist()
    real = view(read([test[i] for i in places], stereo).valid)
    ours = view(told.valid)
    drawn = permutation(len(train), "molecules", "floor")[: min(MOST, len(made))].tolist()
    floor = view(read([train[i] for i in drawn], stereo).valid)
    return {
        **found,
        **(_chemnet(ours, floor, real) if installed() else {}),
        **_alike(ours, real),
        **{f"{name}_floor": value for name, value in _alike(floor, real).items()},
        **_rates(ours),
        **{f"{name}_real": value for name, value in _rates(real).items()},
    }


def _chemnet(made: View, floor: View, real: View) -> dict[str, float]:
    reference = kept_moments(real.smiles)
    return {
        "fcd": chemnet_distance(fresh_moments(made.smiles), reference),
        "fcd_floor": chemnet_distance(kept_moments(floor.smiles), reference),
    }


def _alike(made: View, real: View) -> dict[str, float]:
    """How far two sets are apart."""
    found = {
        "snn": float(nearest(made.bits, real.bits).double().mean()),
        "scaffolds": cosine(made.scaffolds, real.scaffolds),
        "fragments": cosine(made.fragments, real.fragments),
    }
    found |= {f"wasserstein_{name}": _moved(made.properties[name], real.properties[name]) for name in PROPERTIES}
    return found | {f"tv_{name}": total_variation(made.counted(name), real.counted(name)) for name in COUNTED}


def _rates(molecules: View) -> dict[str, float]:
    """What can be told of one set."""
    found = {"charged": molecules.charged, "internal_diversity": diversity(molecules.bits[:MOST_PAIRS])}
    return found | {name: molecules.passing(catalogue) for name, catalogue in CATALOGUES.items()}


def _moved(made: Floats, real: Floats) -> float:
    """The Wasserstein-1 distance, in the property's unit, of what is known of both."""
    known = [x[np.isfinite(x)] for x in (made, real)]
    return float(wasserstein_distance(*known)) if all(map(len, known)) else float("nan")


def _check(made: Sequence[Mol], test: Sequence[Mol], train: Sequence[Mol]) -> None:
    for part, molecules in (("test", test), ("training", train)):
        if len(molecules) < 2:
            raise DataError("has too few molecules to compare with", field=f"the {part} part", expected="2 or more")
    if len(made) < 2:
        raise DomainInputError("are too few", field="items", expected="2 or more", got=len(made))
