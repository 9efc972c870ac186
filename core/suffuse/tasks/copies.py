"""Which of what was made of items are these items themselves."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

from suffuse.domain import Item
from suffuse.tasks.filtering.same import key_of
from suffuse.trained import Trained

REASON = "copy"
"""Why a copy is dropped."""


@dataclass(frozen=True, eq=False)
class Copies:
    """Tells copies of items.

    Arguments:
        model: tells by which key items are the same: :func:`suffuse.tasks.filtering.same.key_of`.
        keys: of the items.
    """

    model: Trained
    keys: Sequence[Hashable]

    @classmethod
    def of(cls, model: Trained, items: Sequence[Item]) -> Self:
        """What tells copies of these."""
        return cls(model, [key_of(model, item) for item in items])

    def __call__(self, number: int, made: Item) -> bool:
        """Whether what was made of the item of this number is the item."""
        return key_of(self.model, made) == self.keys[number]
