"""Stretches of sounds that are filled: which belong together, and how what is made passes into what is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Where each stretch that is true begins, and where it has ended."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def touching(stretches: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those stretches at whose beginning or end others lie."""
    found = np.zeros_like(stretches)
    for first, last in runs(stretches):
        found[first:last] = others[max(0, first - 1) : last + 1].any()
    return found


def blend(unknown: NDArray[np.bool_], fade: int) -> NDArray[np.float32]:
    """1 where something is unknown, falling to 0 within ``fade`` samples inside of it at the ends of each stretch.

    What is known stays as it is, so what is made fades where it lies; but for the ends of the sound, which need none.
    """
    weight = unknown.astype(np.float32)
    for first, last in runs(unknown):
        ramp = np.sin(0.5 * math.pi * np.minimum(1.0, (np.arange(last - first) + 0.5) / max(fade, 1))) ** 2
        if first > 0:
            weight[first:last] *= ramp
        if last < len(unknown):
            weight[first:last] *= ramp[::-1]
    return weight
