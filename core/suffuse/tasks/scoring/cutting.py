"""How items that are larger than a model's states are looked at: window by window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

from suffuse.domain import Codec, Item, Unreadable
from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.tasks.extent import parse_measure
from suffuse.windows import Several, Window, Windowing

T = TypeVar("T")


@dataclass(frozen=True)
class Cutting:
    """How items are cut.

    Arguments:
        step: how far windows begin from each other, in windows.
        apart: whether each window is scored as an item of its own; else the score of an item is the mean of theirs.
    """

    step: float = 1.0
    apart: bool = False


WHOLE = Cutting()
"""Windows side by side, and a score for all of an item."""


def make_cutting(codec: Codec, windows: bool = False, every: str | None = None) -> Cutting:
    """What a person asks for.

    Arguments:
        codec: of the items.
        windows: whether each window is scored by itself.
        every: how far windows begin from each other, as ``0.5s``; left out, they lie side by side.

    Raises:
        UnsupportedError: the codec knows no windows.
        DomainInputError: the distance is none, below a place of the states, or larger than a window.
    """
    if (windows or every is not None) and not isinstance(codec, Windowing):
        raise UnsupportedError(
            "items of this model are looked at as a whole", field="windows" if windows else "every", fix="leave it out"
        )
    if every is None:
        return Cutting(apart=windows)
    told = parse_measure(codec, every, "every")
    if not 1.0 - 1e-6 <= told.places <= told.trained + 1e-6:
        least, most = (places / told.unit.places for places in (1, told.trained))
        raise DomainInputError(
            "is out of range", field="every", got=every,
            expected=f"from {least:.6g}{told.name} to a window, {most:.6g}{told.name}",
        )  # fmt: skip
    return Cutting(told.places / told.trained, windows)


def unit_of(codec: Codec) -> str:
    """What the starts of windows are told in."""
    return next(iter(codec.units()), "")


def windows_of(codec: Codec, item: Item, step: float) -> Several[Window]:
    """The windows of an item: itself, where the codec knows none or it cannot be read."""
    if isinstance(item, Unreadable) or not isinstance(codec, Windowing):
        return [Window(item, 0.0)]
    return codec.windows(item, step)


def slices(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Items, at most ``size`` at a time: of a sequence slices of its own kind, of another iterable lists."""
    if isinstance(items, Sequence):
        yield from (items[first : first + size] for first in range(0, len(items), size))
        return
    source = iter(items)
    while part := list(islice(source, size)):
        yield part


def place_of(window: Window, unit: str) -> str:
    """Where a window begins, as part of its name."""
    return f":{window.start:.6g}{unit}"


@dataclass(frozen=True, eq=False)
class Placed:
    """A window, and where it is.

    Arguments:
        window: it.
        number: of its item.
        place: where it begins, with its unit; empty of the only one.
    """

    window: Window
    number: int
    place: str


def apart(codec: Codec, batches: Iterable[Sequence[Item]], step: float, size: int) -> Iterator[Sequence[Placed]]:
    """All windows of the items of batches, at most ``size`` at a time; those of one that cannot be read are itself."""
    unit = unit_of(codec)
    cut = ((number, windows_of(codec, item, step)) for number, item in enumerate(chain.from_iterable(batches)))
    placed = (
        Placed(window, number, place_of(window, unit) if len(windows) > 1 else "")
        for number, windows in cut
        for window in windows
    )
    yield from slices(placed, size)
