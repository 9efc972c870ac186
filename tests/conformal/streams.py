"""Simulated scores, and what a decision about them costs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from suffuse.conformal import p_values


def realised(flags: np.ndarray, odd: np.ndarray) -> tuple[float, float]:
    """The share of usual items among those flagged, and the share of odd items that are flagged."""
    return float((flags & ~odd).sum() / max(1, flags.sum())), float((flags & odd).sum() / max(1, odd.sum()))


def batches(
    decide: Callable[[np.ndarray], np.ndarray], *, repeats: int, n: int = 500, m: int = 300, share: float = 0.2,
    shift: float = 3.0, contaminated: float = 0.0, prepare: Callable[[np.ndarray], np.ndarray] = lambda x: x,
    seed: int = 0,
) -> tuple[float, float, float]:  # fmt: skip
    """Normal scores, odd ones shifted, a new reference each time: false discovery rate, its error, and power."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        reference = rng.normal(size=n) + shift * (rng.uniform(size=n) < contaminated)
        odd = rng.uniform(size=m) < share
        scores = rng.normal(size=m) + shift * odd
        found.append(realised(decide(p_values(scores, prepare(reference))), odd))
    rates, powers = np.array(found).T
    return float(rates.mean()), float(rates.std(ddof=1) / np.sqrt(repeats)), float(powers.mean())
