"""By which strength variations are as alike to their item as is wanted: found by trial, for each item by itself.

Trials have the seeds of the variations that will be made, at every strength the same, so that what differs between two
strengths is hardly chance, and what is found holds for what comes out. A copy of the item is no variation, and counts
for nothing, but where nothing else than copies is wanted.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from suffuse.levels import Reached, nearest_levels
from suffuse.tasks.alike import similarity_of, to_sources
from suffuse.tasks.copies import Copies
from suffuse.tasks.inverse import Wanted
from suffuse.tasks.making import Workshop
from suffuse.tasks.plan import OnStep, Plan
from suffuse.tasks.variations import Variations
from suffuse.trained import Trained

logger = logging.getLogger(__name__)

TRIALS = 8
"""Variations of an item at one strength."""
LEVELS = 128
"""Strengths are cubes of the multiples of its inverse: dense near 0, since a little noise may undo much of a graph.
They are few, since items of one strength are made together."""
FIRST = (32, 64, 96, 128)
"""The levels that are tried of every item."""
FEWEST = 2
"""Trials that are no copies, at a strength that can be taken: where there are fewer, places are hard to fill."""
NEAR = 0.05
"""How far the similarity may be from what is wanted, before a warning says so."""


def strengths_for(
    model: Trained, plan: Plan, wanted: Wanted, similarity: float, on_step: OnStep | None = None
) -> list[float]:
    """The strength for each item at which its variations are as alike to it as is wanted, on average.

    A variation that has no similarity, being broken, counts for nothing, nor does a copy where less than 1 is wanted. A
    warning tells where no strength comes near.

    Arguments:
        model: makes the variations.
        plan: by which they are made.
        wanted: the items, and what their variations are to be.
        similarity: from 0 to 1.
        on_step: called with (steps done, steps in all) of each round of trials.
    """
    measure, items = similarity_of(model), wanted.items
    trials = replace(wanted, count=TRIALS)
    copied = None if similarity >= 1.0 else Copies.of(model, items)
    seeds = [wanted.seed + i * wanted.count + c for i in range(len(items)) for c in range(TRIALS)]

    def look(numbers: Sequence[int], levels: Sequence[int]) -> list[float]:
        """How alike trials of some items at some levels are, as :func:`_mean`; an item may be there more than once."""
        places = [i * TRIALS + c for i in numbers for c in range(TRIALS)]
        of, strengths = np.repeat(numbers, TRIALS).tolist(), np.repeat(list(map(_strength, levels)), TRIALS).tolist()
        asked = {name: [values[place] for place in places] for name, values in trials.asked.items()}
        varied = Variations(model, plan, items, of, asked, strengths)
        workshop = Workshop(model, plan, varied.run, None, on_step, trajectory=False, together=varied.strength)
        made = [one.item for one in workshop(range(len(places)), [seeds[place] for place in places])]
        told = np.reshape(to_sources(measure, items, made, of), (len(numbers), TRIALS))
        same = [copied is not None and copied(i, one) for i, one in zip(of, made, strict=True)]
        return [_mean(row, copies) for row, copies in zip(told, np.reshape(same, told.shape), strict=True)]

    found = nearest_levels(similarity, look, len(items), FIRST)
    _tell(measure.name, similarity, found, wanted)
    return [_strength(point.level) for point in found]


def _mean(told: NDArray[np.float64], copies: NDArray[np.bool_]) -> float:
    """The mean similarity of variations that have one, and are no copies.

    NaN where none has any; infinity where too few but copies have one, an item being as good as untouched.
    """
    known = np.isfinite(told)
    new = known & ~copies
    if not known.any():
        return math.nan
    return float(told[new].mean()) if new.sum() >= min(FEWEST, known.sum()) else math.inf


def _strength(level: int) -> float:
    return float((level / LEVELS) ** 3)


def _tell(name: str, similarity: float, found: Sequence[Reached], wanted: Wanted) -> None:
    """Warn of items whose variations are not as alike as is wanted."""
    far = [i for i, point in enumerate(found) if not abs(point.value - similarity) <= NEAR]
    if far:
        first = far[0]
        called = str(first) if wanted.names is None else wanted.names[first]
        value = found[first].value
        logger.warning(
            "a %s of %g is not reached for %d of %d items, and the nearest is taken; the first is %s, %s",
            name, similarity, len(far), len(found), called,
            f"at {value:.3f}" if math.isfinite(value) else "of which no variation has any",
        )  # fmt: skip
