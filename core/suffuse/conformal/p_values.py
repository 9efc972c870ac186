"""Split-conformal p-values: how a score ranks among those of items that are known to be usual.

Any score will do. If an item and the n reference items are exchangeable, the rank of its score among the n + 1 is as
likely to be any as any other, so that P(p ≤ a) ≤ a for every a: in finite samples, whatever the data and the detector
(Vovk, Gammerman & Shafer 2005; Laxhammar & Falkman 2010). The reference must not have been used to fit the detector.

The p-values of several items share a reference and so depend on each other, but positively, in the way (PRDS) that the
procedure of Benjamini and Hochberg allows for (Bates, Candès, Lei, Romano & Sesia 2023).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from suffuse.conformal.checks import Floats, numbers, share


def p_values(scores: ArrayLike, reference: ArrayLike, ties: ArrayLike | None = None) -> Floats:
    """The share of reference items, the item itself counted, that are at least as odd.

    p = (1 + #{reference ≥ score})/(n + 1), which counts ties against the item; or, with u from ``ties``,
    p = (#{reference > score} + u·(1 + #{reference = score}))/(n + 1), which is uniform exactly.

    Arguments:
        scores: ``[count]``, higher is odder.
        reference: ``[n]``, of usual items that the detector was not fitted on; in any order.
        ties: uniform in (0, 1], one for each score, see :func:`tie_breaks`.

    Returns:
        float64 ``[count]``, in (0, 1]; never below 1/(n + 1) without ``ties``.

    Raises:
        DomainInputError: a score is NaN, or there is no reference.
    """
    found, usual = numbers("scores", scores), np.sort(numbers("reference", reference, least=1))
    as_odd = len(usual) - np.searchsorted(usual, found, side="left")
    if ties is None:
        return np.asarray((1.0 + as_odd) / (len(usual) + 1.0))
    odder = len(usual) - np.searchsorted(usual, found, side="right")
    return (odder + numbers("ties", ties) * (1.0 + as_odd - odder)) / (len(usual) + 1.0)


def tie_breaks(count: int, seed: int = 0, first: int = 0) -> Floats:
    """Uniform numbers in (0, 1] for the items ``first``, ``first + 1``, …; item i's is a function of i and the seed."""
    source = np.random.Philox(key=seed).advance(first)  # Philox numbers its draws, four at a time
    return 1.0 - np.random.Generator(source).random((count, 4))[:, 0]


def trim(reference: ArrayLike, odd: float) -> Floats:
    """A reference without its oddest items, for one that is known to hold some that are not usual.

    With unlabelled anomalies in the reference p-values are only too large: errors stay below the rate, and power is
    lost. To trim regains it, and is **valid only if what is left out is odd in truth**: if at least this share of the
    reference is, and scores above all usual items. Otherwise usual items are removed, p-values are too small by up to
    ``odd``, and the promise is lost: on real data the false discovery rate often comes out several times too high
    (``benchmarks/tabular_fdr.py``). Where a few items can be looked up, take the oddest of the reference, and leave out
    those that are odd (Bashari, Sesia & Romano 2025).

    Arguments:
        reference: ``[n]``.
        odd: the share of it that is known to be odd; as much is left out, rounded down.

    Returns:
        float64, in rising order.
    """
    usual = np.sort(numbers("reference", reference, least=1))
    return usual[: len(usual) - int(share("odd", odd) * len(usual))]
