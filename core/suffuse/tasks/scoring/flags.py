"""Which items are called odd: all above a threshold, or as many as a false-discovery rate allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from suffuse.conformal import benjamini_hochberg
from suffuse.errors import RecipeError
from suffuse.tasks.scoring.columns import SCORE, P
from suffuse.tasks.scoring.scorer import Scorer


class Flagging(Protocol):
    """A rule; frozen."""

    column: ClassVar[str]
    """What it looks at: scores or p-values."""

    needs_all: ClassVar[bool]
    """Whether no item is judged before all are scored."""

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of these are odd; of a rule that needs all, these are all."""
        ...


@dataclass(frozen=True)
class Above:
    """Odd is what scores above a threshold."""

    threshold: float
    column: ClassVar[str] = SCORE
    needs_all: ClassVar[bool] = False

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        flags: NDArray[np.bool_] = values > self.threshold
        return flags


@dataclass(frozen=True)
class FalseDiscovery:
    """Of those that are called odd, a share of at most ``rate`` is usual, on average (Benjamini & Hochberg 1995)."""

    rate: float
    column: ClassVar[str] = P
    needs_all: ClassVar[bool] = True

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        return benjamini_hochberg(values, self.rate)


def make_flagging(scorer: Scorer, fdr: float | None = None, threshold: float | None = None) -> Flagging | None:
    """The rule that is asked for, else the model's own threshold, if it has one; ``None``: nothing is flagged.

    Raises:
        RecipeError: both are asked for, a rate is none, or there are no p-values to control a rate by.
    """
    if fdr is not None and threshold is not None:
        raise RecipeError("is told besides a rate", field="threshold", expected="a threshold or a rate", got="both")
    if fdr is not None:
        if not 0.0 < fdr < 1.0:
            raise RecipeError("is no rate", field="fdr", expected="between 0 and 1", got=fdr)
        if scorer.calibration is None:
            raise RecipeError(
                "needs p-values", field="fdr", expected="items that are known to be usual", got="none",
                fix="compare with some: --reference data",
            )  # fmt: skip
        return FalseDiscovery(fdr)
    if threshold is None and scorer.calibration is not None:
        threshold = scorer.calibration.threshold
    return None if threshold is None else Above(threshold)
