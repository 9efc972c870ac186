"""How alike items are: by their domain's own measure, or, where it has none, by the features of a model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from suffuse.domain import Item
from suffuse.index import unit
from suffuse.similarity import Similarity
from suffuse.tasks.embed import features
from suffuse.trained import Trained

COSINE = "cosine"


def similarity_of(model: Trained) -> Similarity:
    """The measure of the model's domain; the cosine of the model's features, none below 0, where that has none."""
    return model.domain.similarity() or Similarity(COSINE, partial(_cosines, model))


def to_sources(
    measure: Similarity, sources: Sequence[Item], made: Sequence[Item], numbers: Sequence[int]
) -> list[float]:
    """How alike each made item is to what it was made from.

    Arguments:
        measure: of both.
        sources: what they were made from.
        made: the items.
        numbers: of which source each was made.
    """
    found = [float("nan")] * len(made)
    for source in sorted(set(numbers)):
        places = [place for place, number in enumerate(numbers) if number == source]
        for place, value in zip(places, measure.beside(sources[source], [made[p] for p in places]), strict=True):
            found[place] = value
    return found


def _cosines(model: Trained, items: Sequence[Item], others: Sequence[Item]) -> NDArray[np.float64]:
    found = _features(model, [*items, *others])  # together, so that all are as wide, be either side broken as a whole
    return np.clip(found[: len(items)] @ found[len(items) :].T, 0.0, 1.0)


def _features(model: Trained, items: Sequence[Item]) -> NDArray[np.float64]:
    """Of unit length; NaN for an item that the codec cannot take."""
    broken = model.codec.faults(items)
    whole = [i for i in range(len(items)) if i not in broken]
    if not whole:
        return np.full((len(items), 1), np.nan)
    told = unit(features(model, [items[i] for i in whole])).double().numpy()
    found = np.full((len(items), told.shape[1]), np.nan)
    found[whole] = told
    return found
