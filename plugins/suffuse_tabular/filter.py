"""Which rows of a table that may hold anomalies look odd: what a detector leaves out of what it learns.

Two looks are summed, each as −ln of the share of rows that are at least as odd. *From afar*: how likely a row is under
one Gaussian that odd rows do not shape (:mod:`suffuse.nn.gaussian`), which is what rows under heavy noise are. *From
near*: the distance to the 50th other row, so that a clump of a few anomalies is far from others too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.neighbors import NearestNeighbors

from suffuse.nn import gaussian
from suffuse.rng import permutation
from suffuse_tabular.codec import VALUES
from suffuse_tabular.fit import Options, fit_codec
from suffuse_tabular.rows import Rows

KEPT = 0.75
"""The share of rows whose mean and covariance count."""

NEIGHBOUR, COMPARED = 50, 10_000
"""Which other row is near enough, and how many rows each is compared with at most."""

Floats = NDArray[np.float64]


def oddness(rows: Rows, codec: Mapping[str, Any] = {}, seed: int = 0) -> Floats:
    """How odd each row is among the others: the higher, the odder; ``[rows]``.

    Arguments:
        rows: two at least.
        codec: options that tell what kinds columns are of.
        seed: which rows the others are compared with, where there are more than :data:`COMPARED`.
    """
    values = standardized(rows, codec)
    return surprise(far(values)) + surprise(near(values, seed))


def most_odd(rows: Rows, share: float, codec: Mapping[str, Any] = {}, seed: int = 0) -> list[int]:
    """The numbers of the oddest rows, as many as are this share; two rows at least are not among them."""
    kept = max(2, round(len(rows) * (1.0 - share)))
    return sorted(np.argsort(oddness(rows, codec, seed), kind="stable")[kept:].tolist())


def standardized(rows: Rows, codec: Mapping[str, Any] = {}) -> Floats:
    """All columns as numbers of mean zero and variance one, ``[rows, entries]``; 0, the mean, where a cell is empty."""
    state = fit_codec(Options.model_validate({**codec, "layout": "vector"}), rows).encode(rows)
    values = state[VALUES] if isinstance(state, dict) else state
    return np.asarray(values.double().numpy())


def surprise(values: Floats) -> Floats:
    """−ln of the share of values that are at least as large, ties halved."""
    return np.asarray(-np.log1p((1.0 - rankdata(values)) / len(values)))


def far(values: Floats) -> Floats:
    """How unlikely each row is under one Gaussian that the least likely rows do not shape, in nats."""
    rows = torch.from_numpy(values).float()
    network = gaussian.build(rows[:1], {}, keep=KEPT)
    network.remember(rows)
    return np.asarray(-network.log_density(rows, gaussian.NOISE * network.spacing, {}).numpy())


def near(values: Floats, seed: int = 0) -> Floats:
    """The distance of each row to its 50th other."""
    chosen = np.sort(permutation(len(values), "filter", seed)[:COMPARED].numpy())
    number = min(NEIGHBOUR, len(chosen) - 1)
    found = NearestNeighbors(n_neighbors=number + 1).fit(values[chosen])
    distances = found.kneighbors(values)[0]
    own = np.isin(np.arange(len(values)), chosen)  # a row that is compared with itself too has 0 for its first
    return np.asarray(np.where(own, distances[:, number], distances[:, number - 1]))
