"""A batch of items as columns: what is repeated of them, and their scores. What cannot be scored is set apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from suffuse.domain import Item, Unreadable, items_at
from suffuse.errors import DomainInputError, SuffuseError, unknown_name
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.scoring.scores import Scores
from suffuse.tasks.scoring.sources import Batch, BrokenSourceError, Place

ITEM, SCORE, P, FLAG = "item", "score", "p", "flag"
"""The columns that a file of scores has besides what is repeated of the items."""


@dataclass(frozen=True)
class Layout:
    """Which columns a file of scores has.

    Arguments:
        keep: those that are repeated of the items; ``None``: all that there are.
        figures: whether the figures are told that the statistic combined.
    """

    keep: tuple[str, ...] | None = None
    figures: bool = False


@dataclass(frozen=True)
class Fault:
    """An item that could not be scored.

    Arguments:
        source: the name of the file it is in.
        row: its number there.
        reason: why not.
        item: what the domain tells of it, by column.
    """

    source: str
    row: int
    reason: str
    item: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """A line of the quarantine."""
        told = {"source": self.source, "row": self.row, "reason": self.reason}
        return {**told, "item": dict(self.item)} if self.item else told


@dataclass(frozen=True)
class Scored:
    """A batch of scores, as columns.

    Arguments:
        table: a row for each item that could be scored, in their order.
        faults: the others.
        end: how far the run has come with it.
    """

    table: pa.Table
    faults: tuple[Fault, ...]
    end: Place


def score_batch(scorer: Scorer, batch: Batch, layout: Layout = Layout()) -> Scored:
    """Score a batch; depends on nothing but its arguments, so that any process may do it.

    Raises:
        BrokenSourceError: nothing of the source can be scored, as rows that lack a column.
        DomainInputError: a condition or a column that is not known.
    """
    found = _unreadable(batch.items)
    places: Sequence[int] = range(len(batch))
    while len(found) < len(batch):
        places = [i for i in places if i not in found] if found else places
        items = items_at(batch.items, places) if found else batch.items
        try:
            scores = scorer(items, [batch.number + i for i in places])
        except DomainInputError:
            more = _faults(scorer, batch, items)
            if not more:  # it is not an item that is wrong, but what was asked of it
                raise
            found |= {places[i]: error for i, error in more.items()}
        else:
            names = partial(_names, batch, places)
            return Scored(_table(scorer, scores, items, names, layout), _told(scorer, batch, found), batch.end)
    return Scored(pa.table({SCORE: pa.array([], pa.float64())}), _told(scorer, batch, found), batch.end)


def _unreadable(items: Sequence[Item]) -> dict[int, SuffuseError]:
    """The items that could not even be read; they stand in lists only."""
    if not isinstance(items, list):
        return {}
    return {i: item.error for i, item in enumerate(items) if isinstance(item, Unreadable)}


def _names(batch: Batch, places: Sequence[int]) -> list[str]:
    names = batch.names()
    return names if len(places) == len(names) else [names[i] for i in places]


def _table(
    scorer: Scorer, scores: Scores, items: Sequence[Item], names: Callable[[], list[str]], layout: Layout
) -> pa.Table:
    """The columns of items that were scored; those of the items first."""
    kept = _kept(scorer.model.domain.columns(items), layout.keep)
    columns: dict[str, Any] = {name: _plain(cells) for name, cells in kept.items()} or {ITEM: names()}
    columns[SCORE] = scores.value.numpy()
    if scores.p is not None:
        columns[P] = scores.p.numpy()
    if layout.figures:
        columns |= dict(zip(scores.labels, scores.figure.T.contiguous().numpy(), strict=True))
    return pa.table(columns)


def _plain(cells: Any) -> Any:
    """A column as it is, but that a dictionary's words are written out: parts may have different dictionaries."""
    return cells.cast(cells.type.value_type) if isinstance(getattr(cells, "type", None), pa.DictionaryType) else cells


def _kept(columns: Mapping[str, Any], keep: tuple[str, ...] | None) -> dict[str, Any]:
    """Those of an item's columns that are asked for.

    Raises:
        DomainInputError: there is none of that name, or one has the name of a column of scores.
    """
    for name in keep or ():
        if name not in columns:
            raise unknown_name("column", name, columns, DomainInputError, field="keep")
    kept = dict(columns) if keep is None else {name: columns[name] for name in keep}
    for name in kept:
        if name in (ITEM, SCORE, P, FLAG):
            rest = ",".join(other for other in columns if other not in (ITEM, SCORE, P, FLAG)) or "none"
            raise DomainInputError(
                "is a column of the items, and of the scores", field=name, fix=f"leave it out: --keep {rest}"
            )
    return kept


def _faults(scorer: Scorer, batch: Batch, items: Sequence[Item]) -> dict[int, DomainInputError]:
    """Which of some of the batch's items cannot be encoded, by their places among these."""
    try:
        return scorer.model.codec.faults(items)
    except DomainInputError as error:
        span = batch.spans[0]
        raise BrokenSourceError(span.name, span.first, error) from error


def _told(scorer: Scorer, batch: Batch, found: Mapping[int, SuffuseError]) -> tuple[Fault, ...]:
    return tuple(_fault(scorer, batch, i, found[i]) for i in sorted(found))


def _fault(scorer: Scorer, batch: Batch, index: int, error: SuffuseError) -> Fault:
    source, row = batch.origin(index)
    one = batch.items[index : index + 1]
    told = {} if _unreadable(one) else scorer.model.domain.columns(one)
    return Fault(source, row, _reason(error, source), {name: _only(cells) for name, cells in told.items()})


def _reason(error: SuffuseError, source: str) -> str:
    """An error in one line, without what is told beside it: the file, or the item's place in the batch."""
    known = not error.field or error.field == source or error.field.startswith("items[")
    notes = {"expected": error.expected, "got": error.got}
    told = "; ".join([error.message, *(f"{name} {note}" for name, note in notes.items() if note is not None)])
    return told if known else f"{error.field}: {told}"


def _only(cells: Any) -> Any:
    """The one cell of a column, as Python has it."""
    cell = cells[0]
    return cell.as_py() if isinstance(cell, pa.Scalar) else cell
