"""How alike items are, as their domain has it: fingerprints of molecules, distances of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Similarity:
    """A measure of how alike items are.

    Arguments:
        name: what it is called in tables and files, in lower case, as ``tanimoto``.
        between: ``(items, others) -> float64 [n, m]``, symmetric, from 0 to 1, which an item has with itself; NaN where
            one of the two has none, as something broken.
    """

    name: str
    between: Callable[[Sequence[Any], Sequence[Any]], NDArray[np.float64]]

    def beside(self, item: Any, others: Sequence[Any]) -> list[float]:
        """How alike one item and each of some others are; nothing, where there are no others."""
        return [float(x) for x in self.between([item], others)[0]] if others else []
