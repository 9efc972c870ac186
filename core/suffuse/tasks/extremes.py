"""The items of the highest and of the lowest scores, kept while a stream of any length passes by."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from suffuse.domain import Item


class Extremes:
    """Keeps ``count`` items from either end; holds no more than twice as many.

    Arguments:
        count: how many of each.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._seen = 0
        self._high: list[tuple[float, int, Any]] = []  # a heap; the number tells equal scores apart, so that items
        self._low: list[tuple[float, int, Any]] = []  # are never compared

    def add(self, values: Sequence[float], items: Sequence[Item]) -> None:
        """Take in some items with their scores; only of those that may be kept the item itself is looked at."""
        places, value = range(len(values)), values.__getitem__
        ends = {*heapq.nlargest(self._count, places, key=value), *heapq.nsmallest(self._count, places, key=value)}
        for place in sorted(ends):
            item = items[place]
            for heap, sign in ((self._high, 1.0), (self._low, -1.0)):
                heapq.heappush(heap, (sign * values[place], -(self._seen + place), item))
                if len(heap) > self._count:
                    heapq.heappop(heap)
        self._seen += len(values)

    @property
    def highest(self) -> list[Item]:
        """The items of the highest scores, the highest first."""
        return [item for _, _, item in sorted(self._high, key=lambda kept: kept[:2], reverse=True)]

    @property
    def lowest(self) -> list[Item]:
        """The items of the lowest scores, the lowest first."""
        return [item for _, _, item in sorted(self._low, key=lambda kept: kept[:2], reverse=True)]
