"""The data that a model learnt from."""

from __future__ import annotations

from suffuse.domain import Splits
from suffuse.recipe import Recipe, sections
from suffuse.registry import load_domain


def open_splits(recipe: Recipe) -> Splits:
    """The data that a recipe names.

    Raises:
        DataError: they are missing, empty or broken; the message tells how to get or mend them.
    """
    return load_domain(recipe.domain).splits(sections(recipe)[0])
