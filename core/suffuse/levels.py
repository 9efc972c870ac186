"""The level at which a falling curve is nearest to a value, each look at the curve being dear and noisy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import isotonic_regression

ROUNDS = 6
"""Looks at each curve after the first ones, at most."""


@dataclass(frozen=True)
class Reached:
    """A point of a curve.

    Arguments:
        level: where.
        value: there; NaN where nothing could be told of the curve.
    """

    level: int
    value: float


Look = Callable[[Sequence[int], Sequence[int]], Sequence[float]]
"""``(curves, levels) -> values`` of these curves at the levels beside them; NaN where nothing can be told, and infinity
where a curve has not begun to fall, so that the level is none to be taken."""


def nearest_levels(value: float, look: Look, count: int, first: Sequence[int]) -> list[Reached]:
    """For each of several falling curves, which begin with 1 at level 0, the level that comes nearest to a value.

    A falling curve is fitted to what is known (isotonic regression), and looked at where it crosses the value, until
    it crosses where it was looked at already.

    Arguments:
        value: wanted, from 0 to 1.
        look: at some curves.
        count: of the curves.
        first: the levels above 0 at which each is looked at in the beginning, rising; the last is the highest.
    """
    curves: list[dict[int, float]] = [{0: 1.0} for _ in range(count)]
    wanted = [(i, level) for level in first for i in range(count)]
    for _ in range(ROUNDS + 1):
        if not wanted:
            break
        seen = look([i for i, _ in wanted], [level for _, level in wanted])
        for (i, level), here in zip(wanted, seen, strict=True):
            curves[i][level] = here
        crossings = [(i, crossing(curve, value)) for i, curve in enumerate(curves)]
        wanted = [(i, level) for i, level in crossings if level not in curves[i]]
    return [_nearest(curve, value) for curve in curves]


def crossing(curve: Mapping[int, float], value: float) -> int:
    """The level above 0 where a falling curve through noisy points is at a value, or nearest to it.

    Arguments:
        curve: a value by the level, as a :data:`Look` tells it; that of level 0 is known.
        value: wanted.
    """
    levels = sorted(level for level, here in curve.items() if not math.isnan(here))
    fitted = isotonic_regression([min(curve[level], 1.0) for level in levels], increasing=False)
    return max(1, round(float(np.interp(value, fitted[::-1], levels[::-1]))))


def _nearest(curve: Mapping[int, float], value: float) -> Reached:
    """The level that was looked at, and came nearest; of equals the lowest."""
    known = [Reached(level, here) for level, here in sorted(curve.items()) if level and math.isfinite(here)]
    return min(known, key=lambda point: abs(point.value - value), default=Reached(1, math.nan))
