"""How good generated rows are, against the test part of a table: shapes, associations, learners, and copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from suffuse.errors import DataError, DomainInputError, unknown_name
from suffuse.metrics import compare
from suffuse.state import fields
from suffuse_tabular.codec import RowsCodec
from suffuse_tabular.metrics.closeness import closeness
from suffuse_tabular.metrics.learners import linear, taught, trees, two_sample_auroc
from suffuse_tabular.metrics.shapes import column_shapes, missing_complement, pair_trends, wasserstein
from suffuse_tabular.metrics.view import KINDS, Kind, View, kinds_of, views
from suffuse_tabular.rows import Rows

__all__ = ["KINDS", "Kind", "View", "evaluate", "figures", "kinds_of", "vectors", "views"]

MOST_ROWS = 5_000
"""Rows of each table that shapes and learners look at."""
MOST_COPIES = 2_000
"""Made and test rows whose nearest training rows are sought."""


def evaluate(made: Rows, test: Rows, train: Rows, codec: RowsCodec, target: str | None = None) -> dict[str, float]:
    """The figures of :func:`figures`, and by the entries of states those of :func:`suffuse.metrics.compare`.

    Arguments:
        made: at least two rows.
        test: rows that the model has not seen.
        train: those that it was trained on.
        codec: the model's, which tells what each column is.
        target: as for :func:`figures`.
    """
    clouds = compare(vectors(codec, made), vectors(codec, test), vectors(codec, train))
    told: dict[str, Kind] = {column.name: KINDS[column.kind] for column in codec.columns}
    if target is not None and target not in told:
        told |= {target: kinds_of(train.table.select([target]))[target]}
    return clouds | figures(made.table, test.table, train.table, target=target, columns=told)


def vectors(codec: RowsCodec, rows: Rows) -> Tensor:
    """All entries of states side by side, ``[rows, entries]``, 0 where a cell is empty."""
    states = codec.encode(Rows(rows.table.select(codec.names)))
    return torch.cat([value for _, value in fields(states)], dim=1)


def figures(
    made: pa.Table,
    test: pa.Table,
    train: pa.Table,
    *,
    target: str | None = None,
    columns: Mapping[str, Kind] | None = None,
) -> dict[str, float]:
    """All figures of generated rows; what each means stands in ``docs/table-metrics.md``.

    Those whose names end in ``_floor`` are of training rows, as many as there are made ones: what a perfect model would
    get. Compare only figures of equal ``n``.

    Arguments:
        made: generated rows, at least two.
        test: rows that were not trained on, at least two; of the same columns, in any order.
        train: those that were.
        target: a column that is learnt from the others, on made rows and on real ones.
        columns: what each column is; by default as its type in the training part tells. Others are left out.

    Raises:
        DomainInputError: fewer than two made rows, they lack a column, or there is none of the target's name.
        DataError: fewer than two rows in another part.
    """
    kinds = dict(kinds_of(train) if columns is None else columns)
    _check(made, test, train, kinds, target)
    ours, real, seen = (view.drawn(MOST_ROWS, seed=0) for view in views([made, test, train], kinds))
    floor = seen.drawn(len(ours), seed=0)
    return {
        "n": float(made.num_rows),
        **_alike(ours, real, seen),
        **{f"{name}_floor": value for name, value in _alike(floor, real, seen).items()},
        **(_useful(ours, real, floor, target) if target is not None else {}),
        **closeness(ours.drawn(MOST_COPIES, seed=0), real.drawn(MOST_COPIES, seed=0), seen),
    }


def _alike(made: View, real: View, train: View) -> dict[str, float]:
    """What can be told of training rows as of made ones."""
    found = {"columns": _mean(column_shapes(real, made).values())}
    pairs = pair_trends(real, made)
    if pairs:
        found["pairs"] = _mean(pairs.values())
    if real.numbers:
        moved = partial(_moved, real, made, train)
        found["wasserstein"] = float(np.nanmean([moved(name) for name in real.numbers]))
    if any(empty.any() for view in (made, real, train) for empty in view.empty.values()):
        found["empty"] = missing_complement(real, made)
    return found | {"trees": two_sample_auroc(real, made, trees), "linear": two_sample_auroc(real, made, linear)}


def _moved(real: View, made: View, train: View, name: str) -> float:
    deviation = float(np.nanstd(train.numbers[name]))
    return wasserstein(real.numbers[name], made.numbers[name], deviation or 1.0)


def _useful(made: View, test: View, real: View, target: str) -> dict[str, float]:
    """A target learnt from made rows, and from as many real ones."""
    ours, theirs = taught(made, test, target), taught(real, test, target)
    found = {f"utility_{name}": value for name, value in ours.items()}
    found |= {f"utility_{name}_floor": value for name, value in theirs.items()}
    return found | {"utility_ratio": ours["score"] / theirs["score"] if theirs["score"] else float("nan")}


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _check(made: pa.Table, test: pa.Table, train: pa.Table, kinds: Mapping[str, Kind], target: str | None) -> None:
    for part, table in (("test", test), ("training", train)):
        if table.num_rows < 2:
            raise DataError("has too few rows to compare with", field=f"the {part} part", expected="2 or more")
    if made.num_rows < 2:
        raise DomainInputError("are too few", field="items", expected="2 or more", got=made.num_rows)
    for name in kinds:
        if name not in made.column_names:
            raise DomainInputError(f"lack the column {name!r}", field="items", expected=", ".join(kinds))
    if target is not None and target not in kinds:
        raise unknown_name("column", target, list(kinds), DomainInputError, field="target")
