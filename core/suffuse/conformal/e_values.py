"""Conformal e-values: evidence that an item is odd, whose mean is at most 1 over usual items.

E-values of one item from several detectors, splits or references may be averaged, and the mean is an e-value: so a
decision need not depend on one random split. They control errors under any dependence, at some cost of power.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from suffuse.conformal.checks import Floats, numbers, share, unit_numbers
from suffuse.errors import DomainInputError


def e_values(scores: ArrayLike, reference: ArrayLike, rate: float) -> Floats:
    """E-values of a batch, for :func:`~suffuse.conformal.e_benjamini_hochberg` (Bashari, Epstein, Romano & Sesia 2023).

    (n + 1)·1{score ≥ t}/(1 + #{reference ≥ t}), t the lowest of all scores at which the estimated false discovery
    rate of the batch, m·(1 + #{reference ≥ t})/((n + 1)·#{scores ≥ t}), is at most ``rate``. Alone, e-BH at this rate
    rejects what the procedure of Benjamini and Hochberg does. They are made to be averaged over random splits of the
    usual items into those that a detector is fitted on and the reference; half the rate that e-BH will be asked for is
    a good choice then. The e-values of a batch sum to at most m over usual items, which is all that e-BH needs.

    Arguments:
        scores: ``[m]``, higher is odder.
        reference: ``[n]``, as for :func:`~suffuse.conformal.p_values`.
        rate: by which t is chosen.

    Returns:
        float64 ``[m]``, 0 or one and the same number.
    """
    found, usual = numbers("scores", scores), np.sort(numbers("reference", reference, least=1))
    limit = share("rate", rate)
    places = np.sort(np.concatenate([found, usual]))  # of both: which of them a score is may not choose t
    beyond = 1.0 + len(usual) - np.searchsorted(usual, places, side="left")
    flagged = len(found) - np.searchsorted(np.sort(found), places, side="left")
    allowed = np.flatnonzero((len(found) * beyond <= limit * (len(usual) + 1.0) * flagged) & (flagged > 0))
    if not len(allowed):
        return np.zeros(len(found))
    t = allowed[0]
    return np.where(found >= places[t], (len(usual) + 1.0) / beyond[t], 0.0)


def soft_rank(weights: ArrayLike, reference: ArrayLike) -> Floats:
    """Each item's own e-value, which does not look at other items, and so serves streams.

    e = (n + 1)·w/(w + Σ reference): of n + 1 exchangeable weights the mean of this over all places is 1 (Vovk 2020,
    *conformal e-prediction*; Ren & Barber 2024). It is at most n + 1, and nears that only where ``w`` exceeds the sum
    of the reference: hand over what grows steeply with the score, as exp of it.

    Arguments:
        weights: ``[m]``, at least 0, higher is odder.
        reference: ``[n]``, the same of usual items.
    """
    found, usual = numbers("weights", weights), numbers("reference", reference, least=1)
    for field, values in (("weights", found), ("reference", usual)):
        if (values < 0.0).any() or not np.isfinite(values).all():
            raise DomainInputError("has a value that is no weight", field=field, expected="finite, at least 0")
    total = found + usual.sum()
    return np.asarray((len(usual) + 1.0) * np.divide(found, total, out=np.zeros_like(found), where=total > 0.0))


def from_p(p: ArrayLike, exponent: float = 0.5) -> Floats:
    """E-values of p-values: κ·p^(κ−1), whose integral over [0, 1] is 1 (Vovk & Wang 2021).

    Arguments:
        p: ``[m]``.
        exponent: κ, in (0, 1); the smaller, the more it counts that p is very small.
    """
    power, found = share("exponent", exponent), unit_numbers("p", p)
    with np.errstate(divide="ignore"):
        return np.asarray(power * found ** (power - 1.0))
