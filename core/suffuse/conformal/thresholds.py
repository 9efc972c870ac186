"""Thresholds without labels. An item is called odd where its score is **above** the threshold, not at it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from suffuse.conformal.checks import numbers, share
from suffuse.errors import RecipeError


def false_alarm_threshold(reference: ArrayLike, rate: float) -> float:
    """The lowest threshold that a usual item passes with a chance of at most ``rate``, whatever the distribution.

    It is the ⌊rate·(n + 1)⌋-th largest of n reference scores: to be above it is to have a conformal p-value of at most
    ``rate``.

    Arguments:
        reference: ``[n]``, scores of usual items that the detector was not fitted on.
        rate: of false alarms among usual items.

    Raises:
        RecipeError: the rate is finer than 1/(n + 1), of which these items cannot tell.
    """
    usual = np.sort(numbers("reference", reference, least=1))
    rank = _below(share("rate", rate) * (len(usual) + 1))
    if rank == 0:
        raise RecipeError(
            "is finer than the reference tells", field="rate", expected=f"at least {1.0 / (len(usual) + 1):.3g}",
            got=rate, fix="take more reference items, or suffuse.conformal.Tail, which goes on beyond them",
        )  # fmt: skip
    return float(usual[-rank])


def contamination_threshold(scores: ArrayLike, odd: float) -> float:
    """The lowest threshold that at most this share of the scores themselves pass.

    For data in which a known share is odd, as training data without labels. Nothing is promised of new items.

    Arguments:
        scores: ``[n]``.
        odd: the share called odd.
    """
    found = np.sort(numbers("scores", scores, least=1))
    passing = min(_below(share("odd", odd) * len(found)), len(found) - 1)
    return float(found[len(found) - 1 - passing])


def knee_threshold(scores: ArrayLike) -> float:
    """The knee of the scores in rising order: where the curve is furthest below the line from its first to its last.

    For data in which an unknown, small share stands apart ("Kneedle", Satopää, Albrecht, Irwin & Raghavan 2011). A
    habit, not a guarantee: there is a knee in any data, also where nothing is odd. Scores that are all the same have
    none, and none of them passes.

    Arguments:
        scores: ``[n]``, finite.
    """
    found = np.sort(numbers("scores", scores, least=1))
    spread = found[-1] - found[0]
    if len(found) < 3 or spread <= 0.0:
        return float(found[-1])
    below = np.linspace(0.0, 1.0, len(found)) - (found - found[0]) / spread
    return float(found[below.argmax()])


def _below(count: float) -> int:
    """The whole number of a product of floats, 1e-9 of it forgiven: 0.1·30 is 3."""
    return int(count * (1.0 + 1e-9))
