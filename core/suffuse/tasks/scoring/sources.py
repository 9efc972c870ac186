"""Where the items to be scored come from: files, folders, patterns or a pipe, read in batches."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from suffuse.domain import Item
from suffuse.errors import DataError, SuffuseError, UnsupportedError
from suffuse.tasks.items import find_files
from suffuse.tasks.scoring.cutting import WHOLE, Cutting, Placed, apart, windows_of
from suffuse.tasks.taking import taken_each
from suffuse.trained import Trained
from suffuse.windows import Windowing

STDIN = "-"
"""The source that is a pipe of JSON lines."""


class BrokenSourceError(SuffuseError):
    """A source broke off. What was read before holds, and is kept.

    Arguments:
        source: its name.
        told: why, and where.
    """

    def __init__(self, source: str, row: int, told: Exception) -> None:
        self.source = source
        self._made_of = (source, row, told)
        known = told if isinstance(told, SuffuseError) else SuffuseError(str(told).strip() or type(told).__name__)
        place = f"{known.field}: " if known.field and known.field != source else ""
        super().__init__(
            f"broke off after {row} items: {place}{known.message}",
            field=source,
            expected=known.expected,
            got=known.got,
            fix=known.fix or "mend or replace it",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """It may come from another process."""
        return type(self), self._made_of


@dataclass(frozen=True)
class Source:
    """One file, as it was found.

    Arguments:
        name: its path; ``-`` is a pipe.
        size: in bytes; ``None`` of a pipe.
        changed: when it was last written to, in nanoseconds; ``None`` of a pipe.
    """

    name: str
    size: int | None = None
    changed: int | None = None

    @classmethod
    def of(cls, path: Path) -> Source:
        """A file as it is now."""
        found = path.stat()
        return cls(str(path), found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class Place:
    """How far a run has come.

    Arguments:
        source: the number of a source.
        row: of its items, how many are behind.
        number: of all items of the run, how many are behind.
    """

    source: int = 0
    row: int = 0
    number: int = 0


@dataclass(frozen=True)
class Span:
    """Items that follow each other in a source.

    Arguments:
        source: its number.
        name: its name.
        first: the number of the first of them in the source.
        count: how many.
        alone: whether the source holds no more than this one.
        windows: if they are windows of items, these.
    """

    source: int
    name: str
    first: int
    count: int
    alone: bool = False
    windows: Sequence[Placed] = ()

    def names(self) -> Iterator[str]:
        """What its items are called."""
        if self.windows:
            return (
                f"{self.name}:{one.number}{one.place}" if one.number else f"{self.name}{one.place}"
                for one in self.windows
            )
        if self.alone:
            return iter([self.name])
        return (f"{self.name}:{i}" for i in range(self.first, self.first + self.count))


@dataclass(frozen=True)
class Batch:
    """Items that are scored together.

    Arguments:
        items: one at least.
        spans: where they come from, in their order.
        number: of the first of them, among all items of the run.
    """

    items: Sequence[Item]
    spans: tuple[Span, ...]
    number: int

    def __len__(self) -> int:
        return len(self.items)

    @property
    def end(self) -> Place:
        """How far the run has come when they are scored."""
        last = self.spans[-1]
        return Place(last.source, last.first + last.count, self.number + len(self))

    def names(self, places: Sequence[int] | None = None) -> list[str]:
        """What the items are called, or some of them: by their file, and their number in it where it holds several."""
        told = list(chain.from_iterable(span.names() for span in self.spans))
        return told if places is None or len(places) == len(told) else [told[i] for i in places]

    def starts(self, places: Sequence[int]) -> list[float] | None:
        """Where some of the items begin that are windows; ``None``: they are none."""
        told = [one.window.start for span in self.spans for one in span.windows]
        return [told[i] for i in places] if told else None

    def origin(self, index: int) -> tuple[str, int]:
        """Of an item of the batch the source's name, and its number there."""
        for span in self.spans:
            if index < span.count:
                return span.name, span.first + index
            index -= span.count
        raise IndexError(index)


def find_sources(model: Trained, told: Sequence[str | Path]) -> list[Source]:
    """The files that a person means, or the pipe.

    Raises:
        DataError: there is none, or the domain does not read it; see :func:`suffuse.tasks.items.find_files`.
    """
    if STDIN in map(str, told):
        if len(told) > 1:
            raise DataError("stands alone", field=STDIN, expected="files, or the standard input", got="both")
        return [Source(STDIN)]
    return [Source.of(path) for path in find_files(model, told)]


def count_items(model: Trained, sources: Sequence[Source]) -> int | None:
    """How many items all sources hold, if that can be told without reading them."""
    total = 0
    for source in sources:
        try:
            count = None if source.name == STDIN else model.domain.count(Path(source.name))
        except SuffuseError:  # it is broken, which is told when its turn to be read has come
            return None
        if count is None:
            return None
        total += count
    return total


def read_batches(
    model: Trained,
    sources: Sequence[Source],
    size: int,
    start: Place = Place(),
    lines: Iterable[str] | None = None,
    cutting: Cutting = WHOLE,
) -> Iterator[Batch]:
    """The items of sources in batches; no more than two are held at a time.

    Arguments:
        model: of whose domain they are.
        sources: in their order.
        size: of a batch, at most, in windows where items have such; the short ends of several sources are joined where
            they can be. What a domain reads at once is not parted.
        start: where to go on.
        lines: what comes in through the pipe; the standard input unless told.
        cutting: how items are looked at; where windows are scored apart, these are the items.

    Raises:
        DataError: no source holds an item.
        BrokenSourceError: a source broke off. All that came before was given.
    """
    number, held = start.number, 0
    waiting: list[Piece] = []
    pieces = _pieces(model, sources, size, start, sys.stdin if lines is None else lines, cutting)

    def joined() -> Batch:
        nonlocal number, waiting, held
        batch = _joined(waiting, number)
        number, waiting, held = number + len(batch), [], 0
        return batch

    try:
        for items, span in pieces:
            more = _weight(model, items, cutting)
            if waiting and (held + more > size or not _addable(waiting[0][0], items)):
                yield joined()
            waiting.append((items, span))
            held += more
            if held >= size:
                yield joined()
    except BrokenSourceError:
        if waiting:
            yield joined()
        raise
    if waiting:
        yield joined()
    if number == 0:
        names = ", ".join(source.name for source in sources[:3]) + (", …" if len(sources) > 3 else "")
        raise DataError("holds no items", field=names, expected="at least one item", got="none")


Piece = tuple[Sequence[Item], Span]


def _pieces(
    model: Trained, sources: Sequence[Source], size: int, start: Place, lines: Iterable[str], cutting: Cutting
) -> Iterator[Piece]:
    """What the domain reads at a time, each of one source, as the model takes it."""
    domain = model.domain
    for i in range(start.source, len(sources)):
        name = sources[i].name
        parts = domain.parse(lines, size) if name == STDIN else domain.batches(Path(name), size)
        skipped = start.row if i == start.source else 0
        taken = taken_each(model, parts, name)
        told = (
            ((part, ()) for part in taken)
            if not cutting.apart
            else (([one.window.item for one in part], part) for part in apart(model.codec, taken, cutting.step, size))
        )
        yield from _after(skipped, _alone(_spans(i, name, told)))


def _weight(model: Trained, items: Sequence[Item], cutting: Cutting) -> int:
    """How many windows some items have: one each, unless their codec says otherwise."""
    if cutting.apart or not isinstance(model.codec, Windowing):
        return len(items)
    return sum(len(windows_of(model.codec, item, cutting.step)) for item in items)


def _spans(source: int, name: str, parts: Iterator[tuple[Sequence[Item], Sequence[Placed]]]) -> Iterator[Piece]:
    """Pieces of a source, from items and, where these are windows, what is known of them."""
    row = 0
    while True:
        try:
            items, windows = next(parts, (None, ()))
        except UnsupportedError:
            raise
        except (SuffuseError, OSError, ValueError) as error:
            raise BrokenSourceError(name, row, error) from error
        if items is None:
            return
        if len(items):
            yield items, Span(source, name, row, len(items), windows=windows)
        row += len(items)


def _alone(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces of a source; if it holds one item only, its span says so."""
    for items, span in pieces:
        if span.first == 0 and span.count == 1:
            second = next(pieces, None)
            yield items, replace(span, alone=second is None)
            if second is not None:
                yield second
        else:
            yield items, span


def _after(skipped: int, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """What of a source's pieces is not behind yet."""
    for items, span in pieces:
        behind = min(max(skipped - span.first, 0), span.count)
        if behind == 0:
            yield items, span
        elif behind < span.count:
            rest = Span(span.source, span.name, span.first + behind, span.count - behind, windows=span.windows[behind:])
            yield items[behind:], rest


def _addable(first: Any, second: Any) -> bool:
    return type(first) is type(second) and hasattr(first, "__add__")


def _joined(pieces: Sequence[Piece], number: int) -> Batch:
    items: Any = pieces[0][0]
    for more, _ in pieces[1:]:
        items = items + more
    return Batch(items, tuple(span for _, span in pieces), number)
