"""What is let through of what a model makes: filters judge items in the order in which these are made.

A filter says why it drops an item, in a few words that are the same for all items that are dropped for the same reason,
so that these can be counted: ``has a ring of 9``, not ``atom 17 is in a ring of 9``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from suffuse.domain import Item


@runtime_checkable
class Filter(Protocol):
    """A filter, and what it remembers of the items before; frozen."""

    def judge(self, items: Sequence[Item]) -> tuple[Self, Sequence[str | None]]:
        """The filter for the items that come after these, and why each of these is dropped; ``None``: it is not.

        Judging some items and then others says the same as judging them all at once.

        Arguments:
            items: at least one.
        """
        ...


@dataclass(frozen=True)
class Each:
    """Judges every item by itself.

    Arguments:
        reason: why an item is dropped, ``None`` if it is not.
    """

    reason: Callable[[Item], str | None]

    def judge(self, items: Sequence[Item]) -> tuple[Self, Sequence[str | None]]:
        return self, [self.reason(item) for item in items]
