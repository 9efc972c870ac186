"""How much a score by itself says that an item is odd: p-values and e-values finer than 1/(n + 1), for streams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from suffuse.conformal import Tail, soft_rank
from suffuse.conformal.tail import FEWEST
from suffuse.rng import permutation

TAIL, LARGEST_TAIL = 0.05, 0.25
"""The share of usual items that is taken for the tail, and the most, where they are few."""

EXPONENT = 0.1
"""κ of e = κ·p^(κ - 1) (Vovk & Wang 2021). So near 0, a very small p counts for much: levels that fall call for it."""


@dataclass(frozen=True, eq=False)
class ByTail:
    """P-values: conformal, and beyond most usual items of a distribution that is fitted to the highest of them.

    It has no upper end, whatever they look like: no score, however high, is certain to be odd.

    Arguments:
        usual: scores ``[n]``.
        tail: fitted to them.
    """

    usual: NDArray[np.float64]
    tail: Tail

    @classmethod
    def of(cls, usual: NDArray[np.float64]) -> Self:
        """Of scores of usual items.

        Raises:
            DomainInputError: they are too few.
        """
        tail = Tail.fit(usual, min(max(TAIL, (FEWEST + 1) / max(1, len(usual))), LARGEST_TAIL))
        if tail.shape < 0.0:
            tail = replace(tail, shape=0.0, scale=float((usual[usual > tail.start] - tail.start).mean()))
        return cls(usual, tail)

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.tail.p_values(values, self.usual)


@dataclass(frozen=True, eq=False)
class ByRank:
    """E-values, exact in finite samples: one half of the usual items tells what to weigh a score by, and among the
    weights of the other half an item's has a mean of 1 at most if it is usual, be the fit right or wrong.

    Arguments:
        weigh: P-values of the one half.
        others: weights ``[n/2]`` of the other.
    """

    weigh: ByTail
    others: NDArray[np.float64]

    @classmethod
    def of(cls, usual: NDArray[np.float64]) -> Self:
        """Of scores of usual items, dealt out by chance.

        Raises:
            DomainInputError: they are too few.
        """
        dealt = usual[permutation(len(usual), "score", "evidence").numpy()]
        weigh = ByTail.of(dealt[: len(dealt) // 2])
        return cls(weigh, _weights(weigh(dealt[len(dealt) // 2 :])))

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return soft_rank(_weights(self.weigh(values)), self.others)


def _weights(p: NDArray[np.float64]) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.maximum(p, np.finfo(np.float64).tiny) ** (EXPONENT - 1.0)
    return weights
