"""A batch of items as columns: what is repeated of them, and their scores. What cannot be scored is set apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import torch

from suffuse.domain import Item, Unreadable, items_at
from suffuse.errors import DomainInputError, SuffuseError, unknown_name
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.scoring.scores import Scores
from suffuse.tasks.scoring.sources import Batch, BrokenSourceError, Place

ITEM, SOURCE, SCORE, P, FLAG = "item", "source_file", "score", "p", "flag"
"""The columns that a file of scores has besides what is repeated of the items."""

HIGHEST, AT = "highest", "at"
"""Those that it has of items with windows: the score of the oddest, and where a window begins."""


@dataclass(frozen=True)
class Layout:
    """Which columns a file of scores has.

    Arguments:
        keep: those that are repeated of the items; ``None``: all that there are.
        figures: whether the figures are told that the statistic combined.
        source: whether the file is told beside what is repeated; an item that repeats nothing is called by it anyway.
    """

    keep: tuple[str, ...] | None = None
    figures: bool = False
    source: bool = False


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

    @property
    def place(self) -> str:
        """Where it is."""
        return f"{self.source}:{self.row}"

    def to_json(self) -> dict[str, Any]:
        """A line of the quarantine."""
        told = {"source": self.source, "row": self.row, "reason": self.reason}
        return {**told, "item": dict(self.item)} if self.item else told


def refuse(faults: Sequence[Fault]) -> None:
    """Raise the first of them, if there is one."""
    for fault in faults:
        raise DomainInputError(
            "cannot be scored", field=fault.place, got=fault.reason, fix="without --strict it is set apart"
        )


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


@dataclass(frozen=True)
class Judged:
    """What could be scored of a batch, and what could not.

    Arguments:
        scores: of the items that could; ``None`` if there is none.
        items: those that could.
        places: theirs in the batch.
        faults: the others.
    """

    scores: Scores | None
    items: Sequence[Item]
    places: Sequence[int]
    faults: tuple[Fault, ...]


def judge_batch(scorer: Scorer, batch: Batch) -> Judged:
    """Score those items of a batch that can be scored.

    Raises:
        BrokenSourceError: nothing of the source can be scored, as rows that lack a column.
        DomainInputError: a condition that is not known.
    """
    found = _unreadable(batch.items)
    places: Sequence[int] = range(len(batch))
    while len(found) < len(batch):
        places = [i for i in places if i not in found] if found else places
        items = items_at(batch.items, places) if found else batch.items
        try:
            scores = placed(scorer(items, [batch.number + i for i in places]), batch, places)
        except DomainInputError:
            more = _faults(scorer, batch, items)
            if not more:  # it is not an item that is wrong, but what was asked of it
                raise
            found |= {places[i]: error for i, error in more.items()}
        else:
            return Judged(scores, items, places, _told(scorer, batch, found))
    return Judged(None, (), (), _told(scorer, batch, found))


def placed(scores: Scores, batch: Batch, places: Sequence[int]) -> Scores:
    """The scores of some of a batch's items; if these are windows, with where they begin."""
    starts = batch.starts(places)
    return scores if starts is None else replace(scores, at=torch.tensor(starts, dtype=torch.float64))


def score_batch(scorer: Scorer, batch: Batch, layout: Layout = Layout()) -> Scored:
    """Score a batch; depends on nothing but its arguments, so that any process may do it.

    Raises:
        BrokenSourceError, DomainInputError: as :func:`judge_batch`; or a column that is kept is not known.
    """
    judged = judge_batch(scorer, batch)
    if judged.scores is None:
        return Scored(pa.table({SCORE: pa.array([], pa.float64())}), judged.faults, batch.end)
    return Scored(_table(scorer, batch, judged, judged.scores, layout), judged.faults, batch.end)


def _unreadable(items: Sequence[Item]) -> dict[int, SuffuseError]:
    """The items that could not even be read; they stand in lists only."""
    if not isinstance(items, list):
        return {}
    return {i: item.error for i, item in enumerate(items) if isinstance(item, Unreadable)}


def _table(scorer: Scorer, batch: Batch, judged: Judged, scores: Scores, layout: Layout) -> pa.Table:
    """The columns of items that were scored; those of the items first."""
    kept = _kept(scorer.model.domain.columns(judged.items), layout, scores.at is not None)
    columns: dict[str, Any] = {name: _plain(cells) for name, cells in kept.items()}
    if not columns:
        columns[ITEM] = batch.names(judged.places)
    elif layout.source:
        columns[SOURCE] = _sources(batch, judged.places)
    columns[SCORE] = scores.value.numpy()
    if scores.p is not None:
        columns[P] = scores.p.numpy()
    if scores.highest is not None:
        columns[HIGHEST] = scores.highest.numpy()
    if scores.at is not None:
        columns[AT] = scores.at.numpy()
    if layout.figures:
        columns |= dict(zip(scores.labels, scores.figure.T.contiguous().numpy(), strict=True))
    return pa.table(columns)


def _sources(batch: Batch, places: Sequence[int]) -> pa.Array:
    """The file that each item is of."""
    told = pa.concat_arrays([pa.repeat(span.name, span.count) for span in batch.spans])
    return told if len(places) == len(told) else told.take(pa.array(places, pa.int64()))


def _plain(cells: Any) -> Any:
    """A column as it is, but that a dictionary's words are written out: parts may have different dictionaries."""
    return cells.cast(cells.type.value_type) if isinstance(getattr(cells, "type", None), pa.DictionaryType) else cells


def _kept(columns: Mapping[str, Any], layout: Layout, windows: bool) -> dict[str, Any]:
    """Those of an item's columns that are asked for.

    Raises:
        DomainInputError: there is none of that name, or one has the name of a column of scores.
    """
    for name in layout.keep or ():
        if name not in columns:
            raise unknown_name("column", name, columns, DomainInputError, field="keep")
    kept = dict(columns) if layout.keep is None else {name: columns[name] for name in layout.keep}
    own = (ITEM, SCORE, P, FLAG, *((SOURCE,) if layout.source else ()), *((HIGHEST, AT) if windows else ()))
    for name in kept:
        if name in own:
            rest = ",".join(other for other in columns if other not in own) or "none"
            raise DomainInputError(
                "is a column of the items, and of the scores", field=name, fix=f"leave it out: --keep {rest}"
            )
    return kept


def _faults(scorer: Scorer, batch: Batch, items: Sequence[Item]) -> dict[int, DomainInputError]:
    """Which of some of the batch's items cannot be encoded, by their places among these."""
    try:
        return scorer.faults(items)
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
