"""Whether generated rows repeat the rows that were trained on."""

from __future__ import annotations

import numpy as np

from suffuse_tabular.cells import Floats
from suffuse_tabular.metrics.view import View

AT_ONCE = 256
"""Rows of a distance matrix that are held at once."""


def closeness(made: View, test: View, train: View) -> dict[str, float]:
    """Distances of generated rows to the training rows, against those of the test part.

    Distances are Gower's (1971): the mean over columns of the difference over the range of the training part, at most
    1; for categories, and where one of two cells is empty, 1 or 0.

    - ``nearest_train_ratio``: the median distance of made rows to the nearest training row over that of test rows.
    - ``near_train``: the share of made rows that are nearer than 5 % of the test rows are.
    - ``neighbour_ratio``, ``neighbour_ratio_real``: the median of the distance to the nearest training row over that to
      the second nearest, of made rows and of test rows.
    - ``membership``: how likely a made row is nearer to the training part than to the test part, were they of one
      size. By chance its nearest neighbour is one of n + m rows; what lies beyond that is told by the odds.
    """
    ours, theirs = _two_nearest(made, train, train), _two_nearest(test, train, train)
    usual = float(np.median(theirs[:, 0]))
    to_test = _two_nearest(made, test, train)[:, 0]
    nearer = float(np.mean(0.5 * (np.sign(to_test - ours[:, 0]) + 1.0)))
    return {
        "nearest_train_ratio": float(np.median(ours[:, 0])) / max(usual, np.finfo(np.float64).tiny),
        "near_train": float((ours[:, 0] < np.quantile(theirs[:, 0], 0.05)).mean()),
        "neighbour_ratio": _ratio(ours),
        "neighbour_ratio_real": _ratio(theirs),
        "membership": _of_one_size(nearer, len(train), len(test)),
    }


def gower(rows: View, references: View, train: View) -> Floats:
    """Distances ``[rows, references]``, from 0 to 1, in the ranges of the training part."""
    total = np.zeros((len(rows), len(references)))
    for name, x in rows.numbers.items():
        span = _range(train.numbers[name])
        apart = np.minimum(np.abs(x[:, None] - references.numbers[name]) / span, 1.0)
        total += _or_empty(apart, np.isnan(x), np.isnan(references.numbers[name]))
    for name, codes in rows.categories.items():
        total += codes[:, None] != references.categories[name]
    return total / (len(rows.numbers) + len(rows.categories))


def _two_nearest(rows: View, references: View, train: View) -> Floats:
    """The distances to the nearest and the second nearest reference, ``[rows, 2]``."""
    pieces = (rows.take(slice(first, first + AT_ONCE)) for first in range(0, len(rows), AT_ONCE))
    second = min(1, len(references) - 1)
    return np.concatenate([np.partition(gower(piece, references, train), second, axis=1)[:, :2] for piece in pieces])


def _of_one_size(share: float, n: int, m: int) -> float:
    """The share that falls to one of two parts, had both as many rows: n/(n + m) becomes a half."""
    return (share / n) / (share / n + (1.0 - share) / m)


def _ratio(distances: Floats) -> float:
    """The median of nearest over second nearest; two that are equally near, were it at 0, are 1."""
    first, last = distances[:, 0], distances[:, -1]
    return float(np.median(np.where(last > 0.0, first / np.where(last > 0.0, last, 1.0), 1.0)))


def _range(values: Floats) -> float:
    there = values[~np.isnan(values)]
    return float(np.ptp(there)) or 1.0 if len(there) else 1.0


def _or_empty(apart: Floats, one: np.ndarray, other: np.ndarray) -> Floats:
    """Where a cell is empty, the distance is 0 if both are, else 1."""
    if not one.any() and not other.any():
        return apart
    return np.where(one[:, None] | other, (one[:, None] != other).astype(np.float64), apart)
