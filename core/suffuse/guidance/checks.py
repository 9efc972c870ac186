"""What guidances ask of their numbers."""

from __future__ import annotations

import math

from suffuse.errors import RecipeError


def require_finite(field: str, value: float, expected: str = "a number") -> None:
    """A finite number.

    Raises:
        RecipeError: it is not.
    """
    if not math.isfinite(value):
        raise RecipeError("is not finite", field=field, expected=expected, got=value)
