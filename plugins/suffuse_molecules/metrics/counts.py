"""Distances of two sets of things that are counted."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping


def total_variation(a: Mapping[Hashable, int], b: Mapping[Hashable, int]) -> float:
    """½ Σ |p − q| of the shares of each, from 0 to 1; the shares of nothing are all 0."""
    most, least = sum(a.values()) or 1, sum(b.values()) or 1
    return 0.5 * sum(abs(a.get(key, 0) / most - b.get(key, 0) / least) for key in a.keys() | b.keys())


def cosine(a: Mapping[Hashable, int], b: Mapping[Hashable, int]) -> float:
    """Σ a·b / |a||b| of counts, from 0 to 1; 0 where nothing was counted."""
    lengths = math.sqrt(sum(n * n for n in a.values()) * sum(n * n for n in b.values()))
    return sum(n * b.get(key, 0) for key, n in a.items()) / lengths if lengths else 0.0
