"""Scoring inside other people's pipelines: a function from a table to the same table with scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from suffuse.errors import DomainInputError, unknown_name
from suffuse.tasks.score import make_scorer
from suffuse.tasks.scoring.columns import FLAG, SCORE, Layout, P, Scored, score_batch
from suffuse.tasks.scoring.flags import Flagging, make_flagging
from suffuse.tasks.scoring.scorer import Scorer, items_at_a_time
from suffuse.tasks.scoring.shipping import Shipment
from suffuse.tasks.scoring.sources import Batch, BrokenSourceError, Span
from suffuse.tasks.taking import taken
from suffuse.trained import Trained, locate

FAULT = "fault"
"""The column that tells why a row has no score."""


class TableScorer:
    """A function from a table to the same table with scores: a row for each row, in its order.

    The added columns are ``score``, higher is odder; ``p``, with a reference; the figures, if asked for; ``flag``, with
    a threshold; and ``fault``, empty but where a row could not be scored, and why. A row's score depends on the row
    alone, so tables may be cut wherever an engine likes.

    It can be sent to other processes, and carries its model as the bytes of the model's file. A process that gets it
    several times loads the model once.

    Arguments:
        model: a trained model, or where it lies.
        keep: the table's columns that are repeated; ``None``: all.
        figures: whether the figures are told that the statistic combined.
        threshold: rows that score above it are flagged; the model's own, if it has one, unless told otherwise.
        options: ``statistic``, ``reference``, ``conditions`` (one value for each), ``levels``, ``draws`` and ``seed``,
            as for :func:`suffuse.tasks.score.stream`.

    Raises:
        ModelFileError, RecipeError, DomainInputError: as :func:`suffuse.load` and ``Model.score`` do.
    """

    def __init__(
        self,
        model: Trained | str | Path,
        *,
        keep: Sequence[str] | None = None,
        figures: bool = False,
        threshold: float | None = None,
        **options: Any,
    ) -> None:
        trained = model if isinstance(model, Trained) else Trained.read(locate(model))
        self._set(make_scorer(trained, **options), keep, figures, threshold)
        several = [name for name, values in self.scorer.asked.items() if len(values) > 1]
        if several:
            raise DomainInputError("has several values", field=several[0], expected="one, for every row")

    def _set(self, scorer: Scorer, keep: Sequence[str] | None, figures: bool, threshold: float | None) -> None:
        self.scorer = scorer
        self.keep = None if keep is None else tuple(keep)
        self.figures = figures
        self.flagging: Flagging | None = make_flagging(scorer, threshold=threshold)
        self._threshold = threshold

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self._shipment, self.keep, self.figures, self._threshold)

    @cached_property
    def _shipment(self) -> Shipment:
        return Shipment.of(self.scorer)

    @property
    def added(self) -> pa.Schema:
        """The columns that are added, and their types."""
        labels = self.scorer.statistic.labels(self.scorer.model) if self.figures else ()
        p = () if self.scorer.calibration is None else (P,)
        fields = [(name, pa.float64()) for name in (SCORE, *p)]
        flag = [] if self.flagging is None else [(FLAG, pa.bool_())]
        return pa.schema([*fields, *flag, *((name, pa.float64()) for name in labels), (FAULT, pa.string())])

    def __call__(self, table: Any) -> Any:
        """Score a table.

        Arguments:
            table: a ``pyarrow.Table`` or ``RecordBatch``, a pandas or polars frame, or anything else of the Arrow C
                stream interface; it may be empty. Of a domain whose items are not rows, it has a column ``path``, of
                files with an item each.

        Returns:
            a table of the same kind; pandas' with the same index, what is none of these as a ``pyarrow.Table``.

        Raises:
            DomainInputError: it is no table, nothing of it can be scored, as where a column is missing, or a column has
                the name of one that is added.
        """
        if _library(table) == "pandas":
            scored = self._scored(_of_pandas(table)).to_pandas()
            return scored.set_axis(table.index, axis=0)
        if _library(table) == "polars":
            return type(table)(self._scored(pa.table(table)))
        if isinstance(table, pa.RecordBatch):
            return self._scored(pa.Table.from_batches([table])).combine_chunks().to_batches()[0]
        if not hasattr(table, "__arrow_c_stream__"):
            raise DomainInputError("is no table", field="table", expected="an arrow table or a frame", got=type(table))
        return self._scored(pa.table(table))

    def _scored(self, table: pa.Table) -> pa.Table:
        added = self.added
        for name in self.keep or ():
            if name not in table.column_names:
                raise unknown_name("column", name, table.column_names, DomainInputError, field="keep")
        kept = table if self.keep is None else table.select(list(self.keep))
        for name in kept.column_names:
            if name in added.names:
                raise DomainInputError("is a column of the table, and of the scores", field=name, fix="leave it out")
        scores = [added.empty_table(), *self._pieces(table)]
        for name, column in zip(added.names, pa.concat_tables(scores).columns, strict=True):
            kept = kept.append_column(name, column)
        return kept

    def _pieces(self, table: pa.Table) -> Iterator[pa.Table]:
        """The added columns, for as many rows at a time as are scored together."""
        if not table.num_rows:
            return
        items = taken(self.scorer.model, self.scorer.model.domain.from_table(table), "table")
        size = items_at_a_time(self.scorer.model)
        for first in range(0, len(items), size):
            part = items[first : first + size]
            yield self._piece(Batch(part, (Span(0, "table", first, len(part)),), first), first)

    def _piece(self, batch: Batch, first: int) -> pa.Table:
        """The added columns of a batch, those rows empty that could not be scored."""
        try:
            scored = score_batch(self.scorer, batch, Layout(keep=(), figures=self.figures))
        except BrokenSourceError as error:
            raise error.__cause__ or error from error
        faults: list[str | None] = [None] * len(batch)
        for fault in scored.faults:
            faults[fault.row - first] = fault.reason
        return pa.table({**self._spread(scored, faults), FAULT: pa.array(faults, pa.string())}, schema=self.added)

    def _spread(self, scored: Scored, faults: Sequence[str | None]) -> dict[str, pa.Array]:
        """The columns of scores, with an empty cell for each row that has none."""
        fields = [field for field in self.added if field.name != FAULT]
        whole = np.array([fault is None for fault in faults])
        if not whole.any():
            return {field.name: pa.nulls(len(whole), field.type) for field in fields}
        columns = {name: scored.table.column(name) for name in scored.table.column_names}
        if self.flagging is not None:
            _, flags = self.flagging.judge(columns[self.flagging.column].to_numpy())
            columns[FLAG] = pa.array(flags)
        place = pa.array(np.cumsum(whole) - 1, mask=~whole)
        return {field.name: columns[field.name].take(place) for field in fields}


def _library(table: Any) -> str:
    """Who made it; asked so that nobody's library need be imported."""
    return type(table).__module__.partition(".")[0]


def _of_pandas(frame: Any) -> pa.Table:
    """A frame without its index.

    Raises:
        DomainInputError: a column's cells are of several types.
    """
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DomainInputError(f"holds cells that do not go together: {error}", field="table") from error


def _arrived(shipment: Shipment, keep: Sequence[str] | None, figures: bool, threshold: float | None) -> TableScorer:
    """A table scorer that was sent here."""
    arrived = TableScorer.__new__(TableScorer)
    arrived._set(_opened(shipment), keep, figures, threshold)
    return arrived


@lru_cache(maxsize=1)
def _opened(shipment: Shipment) -> Scorer:
    """The scorer that this process was sent last, loaded once."""
    return shipment.open()
