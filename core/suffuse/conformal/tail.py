"""The tail beyond the reference, for error rates finer than 1/(n + 1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from suffuse.conformal.checks import Floats, numbers, share
from suffuse.conformal.p_values import p_values
from suffuse.errors import DomainInputError, RecipeError

FEWEST = 10
"""Scores beyond where a tail begins, below which its shape cannot be told."""


@dataclass(frozen=True)
class Tail:
    """A generalized Pareto distribution of what exceeds a high score (peaks over threshold: Pickands 1975; SPOT without
    its drift: Siffer, Fouque, Termier & Largouët 2017).

    Below ``start`` p-values are conformal. Above, P(score > s) is the conformal share above ``start`` times the fitted
    share beyond s. That is extrapolation: right in the limit for any smooth distribution, and not guaranteed for any
    number of items.

    Arguments:
        start: where the tail begins.
        above: the share of usual items beyond ``start``, themselves counted as in a conformal p-value.
        shape: ξ; below 0 the scores have an upper end, above 0 a heavy tail.
        scale: of the excesses, in units of the score.
    """

    start: float
    above: float
    shape: float
    scale: float

    @classmethod
    def fit(cls, reference: ArrayLike, above: float = 0.05) -> Tail:
        """Fit by maximum likelihood.

        Arguments:
            reference: ``[n]``, finite scores of usual items; above · n of them are :data:`FEWEST` at least.
            above: the share of them that is taken for the tail.

        Raises:
            DomainInputError: too few of them, or too many alike, lie in the tail.
        """
        from scipy.stats import genpareto

        usual = np.sort(numbers("reference", reference, least=2))
        start = usual[len(usual) - 1 - min(int(share("above", above) * len(usual)), len(usual) - 1)]
        excesses = usual[usual > start] - start
        if len(excesses) < FEWEST or not np.isfinite(excesses).all():
            raise DomainInputError(
                "has too few values in its tail", field="reference", expected=f"{FEWEST} finite ones at least",
                got=len(excesses), fix="take more reference items, or a larger share for the tail",
            )  # fmt: skip
        unit = float(excesses.mean())  # the fit's own search has steps of order one
        shape, _, scale = genpareto.fit(excesses / unit, floc=0.0)
        return cls(float(start), (1.0 + len(excesses)) / (1.0 + len(usual)), float(shape), float(scale * unit))

    def p_values(self, scores: ArrayLike, reference: ArrayLike) -> Floats:
        """As :func:`~suffuse.conformal.p_values` up to ``start``, and finer beyond it.

        Arguments:
            scores: ``[count]``.
            reference: what the tail was fitted on.
        """
        found = numbers("scores", scores)
        return np.where(found <= self.start, p_values(found, reference), self.above * self._beyond(found))

    def threshold(self, rate: float) -> float:
        """The score that a usual item exceeds with this chance.

        Raises:
            RecipeError: the tail begins beyond it; ``false_alarm_threshold`` tells it.
        """
        from scipy.stats import genpareto

        if share("rate", rate) > self.above:
            raise RecipeError(
                "is reached before the tail begins", field="rate", expected=f"at most {self.above:.3g}", got=rate,
                fix="ask false_alarm_threshold, or fit the tail to a larger share",
            )  # fmt: skip
        return self.start + float(genpareto.isf(rate / self.above, self.shape, scale=self.scale))

    def to_json(self) -> dict[str, Any]:
        """JSON-able data: ``Tail(**data)`` makes it again."""
        return asdict(self)

    def _beyond(self, scores: Floats) -> Floats:
        from scipy.stats import genpareto

        return np.asarray(genpareto.sf(np.maximum(scores - self.start, 0.0), self.shape, scale=self.scale))
