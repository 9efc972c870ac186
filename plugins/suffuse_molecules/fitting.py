"""Which molecules a codec is fitted on: of very many some, but every kind of atom."""

from __future__ import annotations

import numpy as np

from suffuse.rng import permutation
from suffuse_molecules.store import Molecules

MOST = 50_000
"""Molecules whose frequencies are as good as those of all: a share of 1 in 1,000 atoms is known to within some 3 % of
itself."""


def representative(molecules: Molecules) -> Molecules:
    """All molecules, or where these are more than :data:`MOST` so many drawn ones, always the same, and besides the
    first of each kind of atom that these lack."""
    if len(molecules) <= MOST:
        return molecules
    drawn = np.sort(permutation(len(molecules), "molecules", "fitted").numpy()[:MOST])
    cells = molecules.column("kinds").combine_chunks().dictionary_encode()
    sorts, first = np.unique(cells.indices.to_numpy(), return_index=True)
    known = set().union(*(cells.dictionary[int(i)].as_py().split() for i in np.unique(cells.indices.to_numpy()[drawn])))
    rare = []
    for sort, place in zip(sorts, first, strict=True):
        kinds = set(cells.dictionary[int(sort)].as_py().split())
        if not kinds <= known:
            known |= kinds
            rare.append(place)
    return molecules.take(np.concatenate([drawn, np.array(rare, np.int64)]))
