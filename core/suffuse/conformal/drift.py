"""Whether a reference still describes what comes: p-values of usual items are uniform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from suffuse.conformal.checks import numbers, unit_numbers
from suffuse.errors import DomainInputError


@dataclass(frozen=True)
class Drift:
    """How far p-values are from uniform.

    Arguments:
        distance: the largest distance of their distribution function from the uniform one (Kolmogorov–Smirnov).
        p: how likely as large a distance is while nothing has changed.
        low: whether they are too small there, as of a stream that got odder; otherwise they are too large, as of one
            that got simpler, or against a reference that holds anomalies.
    """

    distance: float
    p: float
    low: bool


def drift(p: ArrayLike, reference: int) -> Drift:
    """Compare a batch's p-values with the uniform distribution.

    The reference is finite too and moves all p-values together. So the test is the one of two samples (Smirnov 1939),
    with the effective count n·m/(n + m) in place of the m of the batch.

    Arguments:
        p: conformal p-values ``[m]`` of a batch, one at least; best without those that are known to be odd.
        reference: n, the number of items that they were made with.
    """
    found = unit_numbers("p", p)
    # A p-value tells how many of the reference are as odd, here 0 to n: the rest is a comparison of these numbers.
    as_odd = np.clip(np.ceil(found * (reference + 1) - 1e-6) - 1, 0, max(reference, 0)).astype(np.int64)
    return drift_of_counts(np.bincount(as_odd, minlength=reference + 1))


def drift_of_counts(counts: ArrayLike) -> Drift:
    """As :func:`drift`, of a stream of which no more is kept.

    Arguments:
        counts: ``[n + 1]``, of how many items no reference item is as odd, of how many one is, …, all n are. Their
            p-values are (1 + that number)/(n + 1).
    """
    from scipy.stats import kstwo

    found = numbers("counts", counts)
    reference, total = len(found) - 1, found.sum()
    if not total or reference < 1:
        raise DomainInputError(
            "cannot be compared", field="p", expected="a p-value and a reference item at least",
            got=f"{total:.0f} and {reference}",
        )  # fmt: skip
    uniform = np.arange(reference + 1) / reference
    at_most = found.cumsum() / total
    low, high = float((at_most - uniform).max()), float((uniform - at_most + found / total).max())
    distance = max(low, high)
    effective = max(1, round(reference * total / (reference + total)))
    return Drift(distance, float(kstwo.sf(distance, effective)), low >= high)
