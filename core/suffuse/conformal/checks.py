"""What may be asked of the functions of this package."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from suffuse.errors import DomainInputError, RecipeError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def numbers(field: str, values: ArrayLike, least: int = 0) -> Floats:
    """Values as float64 ``[count]``; infinite ones are values as any other.

    Raises:
        DomainInputError: they are not one axis of numbers, one is NaN, or there are fewer than ``least``.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1:
        raise DomainInputError("is not a list of numbers", field=field, expected="[count]", got=list(found.shape))
    if len(found) < least:
        raise DomainInputError("has too few values", field=field, expected=f"at least {least}", got=len(found))
    if np.isnan(found).any():
        raise DomainInputError(
            "has a value that is not a number", field=f"{field}[{int(np.isnan(found).argmax())}]", got="nan",
            fix="leave such items out, and tell them apart",
        )  # fmt: skip
    return found


def unit_numbers(field: str, values: ArrayLike) -> Floats:
    """Values in [0, 1], as p-values are."""
    found = numbers(field, values)
    outside = (found < 0.0) | (found > 1.0)
    if outside.any():
        place = int(outside.argmax())
        raise DomainInputError("is out of range", field=f"{field}[{place}]", expected="0 to 1", got=found[place])
    return found


def share(field: str, value: float) -> float:
    """A rate or a share, above 0 and below 1."""
    if not 0.0 < value < 1.0:
        raise RecipeError("is out of range", field=field, expected="above 0 and below 1", got=value)
    return value
