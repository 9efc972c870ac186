"""Items that are larger than a model's states, and so are looked at window by window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

T_co = TypeVar("T_co", covariant=True)


class Several(Protocol[T_co]):
    """Things whose number is known before they are there; they are made, or read, as they are asked for."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[T_co]: ...


@dataclass(frozen=True, eq=False)
class Window:
    """A part of an item that a model takes at once.

    Arguments:
        item: it, as an item of its own.
        start: where it begins, in the first of the codec's units.
    """

    item: Any
    start: float


@runtime_checkable
class Windowing(Protocol):
    """A codec of items that may be larger than its states; it has units, too."""

    def windows(self, item: Any, step: float = 1.0) -> Several[Window]:
        """All of an item, window by window; one that is no larger than states is a single window, as it is.

        Arguments:
            item: any that can be encoded, however large; no more than a window of it should be held at a time.
            step: how far windows begin from each other, in windows: 1 side by side, less where they overlap. The last
                ends with the item.

        Raises:
            DomainInputError: it is no item of the domain.
        """
        ...
