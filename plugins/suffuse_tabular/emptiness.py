"""Which cells of a row are empty together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class Emptiness:
    """Patterns of empty cells, as often as training rows have them.

    A row is made under a pattern that is drawn first, by a network that has learnt what cells are there under each:
    p(cells, pattern) = p(pattern) p(cells | pattern), a pattern-mixture model (Little 1993).

    Arguments:
        patterns: of each, the places of the columns that are empty.
        counts: how many training rows have it.
    """

    patterns: tuple[tuple[int, ...], ...] = ((),)
    counts: tuple[int, ...] = (1,)

    @classmethod
    def fit(cls, empty: Truths, most: int) -> Self:
        """The patterns of some rows, the most frequent ones.

        Arguments:
            empty: ``[rows, columns]``.
            most: patterns that are kept; if none are, no cell will be empty.
        """
        if not empty.any():
            return cls()
        found, counts = np.unique(empty, axis=0, return_counts=True)
        kept = np.argsort(-counts, kind="stable")[:most]
        patterns = tuple(tuple(np.flatnonzero(found[i]).tolist()) for i in kept)
        return cls(patterns, tuple(counts[kept].tolist())) if patterns else cls()

    def drawn(self, uniform: NDArray[np.float64], wanted: Truths) -> Truths:
        """Which cells are there, ``[rows, columns]``.

        Arguments:
            uniform: from 0 to 1, ``[rows]``; chooses each row's pattern.
            wanted: cells that must be there, ``[rows, columns]``: the pattern is one of those that have them.
        """
        empty = np.zeros((len(self.patterns), wanted.shape[1]), dtype=bool)
        empty[self._rows, self._places] = True
        asked, group = np.unique(wanted, axis=0, return_inverse=True)
        there = np.ones_like(wanted)
        for i, cells in enumerate(asked):
            fitting = np.flatnonzero(~(empty & cells).any(1))
            if len(fitting):
                shares = np.cumsum(np.asarray(self.counts, dtype=np.float64)[fitting])
                rows = np.flatnonzero(group == i)
                there[rows] = ~empty[fitting[np.searchsorted(shares, uniform[rows] * shares[-1], side="right")]]
        return there

    @cached_property
    def _rows(self) -> list[int]:
        return [i for i, pattern in enumerate(self.patterns) for _ in pattern]

    @cached_property
    def _places(self) -> list[int]:
        return [place for pattern in self.patterns for place in pattern]

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {"patterns": [list(pattern) for pattern in self.patterns], "counts": list(self.counts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(tuple(tuple(pattern) for pattern in data["patterns"]), tuple(data["counts"]))


WHOLE = Emptiness()
"""No cell is empty."""
