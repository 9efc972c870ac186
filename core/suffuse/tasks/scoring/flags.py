"""Which items are called odd: all above a threshold, as many as a false-discovery rate allows, or each in its turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from suffuse.conformal import ELond, Lord, benjamini_hochberg, follow
from suffuse.errors import RecipeError, unknown_name
from suffuse.tasks.scoring.columns import SCORE, P
from suffuse.tasks.scoring.evidence import ByRank, ByTail
from suffuse.tasks.scoring.scorer import Scorer


class Flagging(Protocol):
    """A rule, and where it stands; frozen."""

    @property
    def column(self) -> str:
        """What it looks at: scores or p-values."""
        ...

    @property
    def needs_all(self) -> bool:
        """Whether no item is judged before all are scored."""
        ...

    def judge(self, values: NDArray[np.float64]) -> tuple[Self, NDArray[np.bool_]]:
        """The rule for the items that come after these, and which of these are odd.

        Of a rule that needs all, these are all.
        """
        ...


@dataclass(frozen=True)
class Above:
    """Odd is what scores above a threshold."""

    threshold: float
    column: ClassVar[str] = SCORE
    needs_all: ClassVar[bool] = False

    def judge(self, values: NDArray[np.float64]) -> tuple[Self, NDArray[np.bool_]]:
        return self, values > self.threshold


@dataclass(frozen=True)
class FalseDiscovery:
    """Of those that are called odd, a share of at most ``rate`` is usual, on average (Benjamini & Hochberg 1995)."""

    rate: float
    column: ClassVar[str] = P
    needs_all: ClassVar[bool] = True

    def judge(self, values: NDArray[np.float64]) -> tuple[Self, NDArray[np.bool_]]:
        return self, benjamini_hochberg(values, self.rate)


@dataclass(frozen=True)
class InTurn:
    """Each item is judged before the next comes, and at any time at most a share of those called odd is usual.

    Arguments:
        state: the procedure, and where it stands.
        evidence: from scores to what the procedure takes: p-values or e-values.
    """

    state: Lord | ELond
    evidence: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    column: ClassVar[str] = SCORE
    needs_all: ClassVar[bool] = False

    def judge(self, values: NDArray[np.float64]) -> tuple[Self, NDArray[np.bool_]]:
        state, flags = follow(self.state, self.evidence(values))
        return replace(self, state=state), flags


ONLINE: dict[str, Callable[[float, NDArray[np.float64]], InTurn]] = {
    "lord": lambda rate, usual: InTurn(Lord(rate), ByTail.of(usual)),
    "e-lond": lambda rate, usual: InTurn(ELond(rate), ByRank.of(usual)),
}
"""Procedures for streams, by name: made of a rate and the scores of usual items."""


def make_flagging(
    scorer: Scorer,
    fdr: float | None = None,
    threshold: float | None = None,
    online: float | None = None,
    by: str = "lord",
) -> Flagging | None:
    """The rule that is asked for, else the model's own threshold, if it has one; ``None``: nothing is flagged.

    Arguments:
        scorer: whose scores are judged.
        fdr: the rate of false discoveries among all items, judged when all are scored.
        threshold: the score above which an item is odd.
        online: the rate of false discoveries at any time, each item being judged in its turn.
        by: the procedure for that, of :data:`ONLINE`.

    Raises:
        RecipeError: several are asked for, a rate is none, there is no such procedure, or nothing to compare with.
        DomainInputError: there are too few usual items.
    """
    told = [name for name, value in (("fdr", fdr), ("threshold", threshold), ("online", online)) if value is not None]
    if len(told) > 1:
        raise RecipeError(
            "is told besides another rule",
            field=told[1],
            expected="one",
            got=", ".join(told),
            fix=f"leave {told[0]} out",
        )
    if fdr is not None:
        _usual("fdr", fdr, scorer)
        return FalseDiscovery(fdr)
    if online is not None:
        if by not in ONLINE:
            raise unknown_name("procedure", by, ONLINE, RecipeError, field="online-by")
        return ONLINE[by](online, _usual("online", online, scorer))
    if threshold is None and scorer.calibration is not None:
        threshold = scorer.calibration.threshold
    return None if threshold is None else Above(threshold)


def _usual(field: str, rate: float, scorer: Scorer) -> NDArray[np.float64]:
    """The scores of usual items, by which a rate is controlled."""
    if not 0.0 < rate < 1.0:
        raise RecipeError("is no rate", field=field, expected="between 0 and 1", got=rate, fix="0.05 for 5 in 100")
    if scorer.calibration is None:
        raise RecipeError(
            "needs p-values", field=field, expected="items that are known to be usual", got="none",
            fix="compare with some: --reference data",
        )  # fmt: skip
    values: NDArray[np.float64] = scorer.calibration.values.numpy()
    return values
