r"""Whether rows that are made under a condition hang together with it: by a trained condition, and by filling in.

Two models of equal seconds. The first is trained with the columns for conditions (``data.conditions``), and generates
under those of the test rows. The second knows of no condition: it is given the cells of the test rows in these columns,
and ``inpaint`` makes all others.

``kept`` is the share of rows whose cells are the ones asked for. ``means`` tells how far the mean of a number within a
category is from that of the test rows, in deviations of the training part: the mean over numbers and categories, by how
many test rows these have; ``shares`` the total variation of the other categories within a category. ``utility`` is the
macro F1 of boosting that has learnt the asked cell from the others. Real data are as many training rows.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch

from benchmarks.report import Row, parser, save, show
from benchmarks.tabular_generate import SETS, Problem, problems, trained
from suffuse.domain import Splits
from suffuse.tasks.generate import generate
from suffuse.tasks.inpaint import inpaint
from suffuse_tabular.data import TableDataset
from suffuse_tabular.metrics import View, kinds_of, views
from suffuse_tabular.metrics.learners import taught
from suffuse_tabular.metrics.shapes import total_variation_complement
from suffuse_tabular.rows import Rows

ASKED: dict[str, tuple[str, ...]] = {
    "wine": ("class",),
    "breast-cancer": ("class",),
    "orders": ("product", "country"),
}
"""Columns of categories that rows are asked for by."""

FEWEST = 5
"""Rows of a category that a mean is told of."""


@dataclass(frozen=True)
class Steered(Problem):
    """A problem some of whose columns are conditions."""

    asked: tuple[str, ...] = ()

    @property
    def splits(self) -> Splits:
        parts = super().splits
        told = (_with(part, self.asked) for part in (parts.train, parts.validation, parts.test))
        return Splits(*told, parts.name)


def _with(part: object, names: Sequence[str]) -> TableDataset:
    assert isinstance(part, TableDataset)
    return replace(part, conditions={name: part.rows.table[name].to_pylist() for name in names})


def complete(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The rows that have something in some columns."""
    there = np.all([table[name].is_valid() for name in names], axis=0)
    return table.filter(pa.array(there))


def by_condition(problem: Problem, names: tuple[str, ...], asked: pa.Table, seconds: float) -> pa.Table:
    """Rows of a model that was trained with the columns for conditions."""
    steered = Steered(problem.name, problem.train, problem.test, problem.target, problem.options, names)
    model = trained(steered, seconds)
    conditions = {name: asked[name].to_pylist() for name in names}
    return Rows.of(generate(model, asked.num_rows, seed=0, batch=1024, conditions=conditions).items).table


def by_filling(problem: Problem, names: tuple[str, ...], asked: pa.Table, seconds: float) -> pa.Table:
    """Rows of a model that knows of no condition, all other cells filled in."""
    model = trained(problem, seconds, ["codec.gaps=true"])
    empty = {f.name: asked[f.name] if f.name in names else pa.nulls(asked.num_rows, f.type) for f in asked.schema}
    return Rows.of(inpaint(model, Rows(pa.table(empty)), seed=0, batch=1024).items).table


# scores ---------------------------------------------------------------------------------------------------------------


def apart(made: View, real: View, train: View, given: str) -> dict[str, float]:
    """How far numbers' means and other categories' shares are off within the categories of a column."""
    means, shares, weights = [], [], []
    for code, count in zip(*np.unique(real.categories[given], return_counts=True), strict=True):
        ours, theirs = (view.take(view.categories[given] == code) for view in (made, real))
        if min(len(ours), len(theirs)) < FEWEST:
            continue
        moved = [
            abs(np.nanmean(ours.numbers[name]) - np.nanmean(x)) / np.nanstd(train.numbers[name])
            for name, x in theirs.numbers.items()
        ]
        others = [name for name in theirs.categories if name != given]
        alike = [total_variation_complement(theirs.categories[n], ours.categories[n]) for n in others]
        means.append(np.mean(moved))
        shares.append(1.0 - np.mean(alike) if alike else np.nan)
        weights.append(count)
    return {name: float(np.average(x, weights=weights)) for name, x in (("means", means), ("shares", shares))}


def scored(made: pa.Table, asked: pa.Table, problem: Problem, names: Sequence[str]) -> dict[str, float | None]:
    """The figures of rows against the test rows by whose cells they were asked for, the mean over these columns."""
    ours, real, train = views([made, asked, problem.train], kinds_of(problem.train))
    found = [{**apart(ours, real, train, name), "utility": taught(ours, real, name)["score"]} for name in names]
    means = {key: float(np.mean([figures[key] for figures in found])) for key in found[0]}
    return {key: None if np.isnan(value) else value for key, value in means.items()}


def as_asked(made: pa.Table, asked: pa.Table, names: Sequence[str]) -> pa.Table:
    """Rows with the cells that they were asked for."""
    for name in names:
        made = made.set_column(made.column_names.index(name), name, asked[name])
    return made


def kept(made: pa.Table, asked: pa.Table, names: Sequence[str]) -> float:
    """The share of rows whose cells are those asked for."""
    same = [np.equal(*(table[name].to_numpy() for table in (made, asked))) for name in names]
    return float(np.all(same, axis=0).mean())


def rows(problem: Problem, seconds: float) -> list[Row]:
    """Real rows, and those of both ways, on one set."""
    names = ASKED[problem.name]
    asked, train = complete(problem.test, names), complete(problem.train, names)
    count = min(asked.num_rows, train.num_rows)
    asked, train = asked.slice(0, count), train.slice(0, count)
    first = {"set": problem.name, "rows": "real data", "kept": None, **scored(train, asked, problem, names)}
    found: list[Row] = [{**first, "seconds": None}]
    for way, make in (("generated under conditions", by_condition), ("filled in", by_filling)):
        begun = time.process_time()
        made = make(problem, names, asked, seconds)
        spent = time.process_time() - begun
        figures = scored(as_asked(made, asked, names), asked, problem, names)
        found.append({"set": problem.name, "rows": way, "kept": kept(made, asked, names), **figures, "seconds": spent})
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each set."""
    command = parser(__doc__)
    command.add_argument("--sets", nargs="+", default=list(ASKED), choices=[name for name in SETS if name in ASKED])
    command.add_argument("--seconds", type=float, default=20.0, help="of one core, for each training")
    options = command.parse_args(arguments)
    torch.set_num_threads(1)
    found: list[Row] = []
    for problem in problems(options.sets):
        told = rows(problem, options.seconds)
        show(f"{problem.name}: {problem.train.num_rows} training rows, by {', '.join(ASKED[problem.name])}", told)
        found += told
    save(options.json, rows=found)


if __name__ == "__main__":
    main()
