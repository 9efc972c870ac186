r"""How right cells filled by ``inpaint`` are, and whether they vary as real cells do, beside scikit-learn's imputers.

Cells of test rows are knocked out: *MCAR*, each with the same chance; *MAR*, in every other column, the more likely the
higher the row's first number, whose own cells stay. ``rmse`` is over the numbers, in deviations of the training part;
``accuracy`` over the categories; ``wasserstein`` tells how far a column's filled numbers are from the true ones, as
two distributions, the mean over columns. A mean has the least error and the wrong spread; a draw the reverse.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import torch
from scipy.stats import wasserstein_distance
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from benchmarks.report import Row, parser, save, show
from benchmarks.tabular_generate import SETS, Problem, problems, trained
from suffuse.tasks.inpaint import inpaint
from suffuse_tabular.metrics import View, kinds_of, views
from suffuse_tabular.rows import Rows

MOST = 500
"""Test rows that are filled."""
DRAWS = 10
"""Of our model, for its mean."""

Knock = Callable[[View, np.random.Generator], np.ndarray]


def mcar(share: float) -> Knock:
    """Every cell with the same chance."""
    return lambda view, rng: rng.random((len(view), _width(view))) < share


def mar(view: View, rng: np.random.Generator) -> np.ndarray:
    """Every other column, the more likely the higher the first number is: 30 % in the mean of these."""
    first = np.nan_to_num(next(iter(view.numbers.values())), nan=0.0)
    chance = 0.6 * first.argsort().argsort() / max(1, len(first) - 1)
    gone = rng.random((len(view), _width(view))) < chance[:, None]
    gone[:, ::2] = False
    return gone


KNOCKS: dict[str, Knock] = {"MCAR 10 %": mcar(0.1), "MCAR 30 %": mcar(0.3), "MAR 30 %": mar}


def _width(view: View) -> int:
    return len(view.numbers) + len(view.categories)


def matrix(view: View) -> np.ndarray:
    """Numbers, then codes of categories, float64 ``[rows, columns]``, NaN where a cell is empty."""
    codes = [np.where(x < 0, np.nan, x) for x in view.categories.values()]
    return np.stack([*view.numbers.values(), *codes], axis=1)


def without(table: pa.Table, view: View, gone: np.ndarray) -> Rows:
    """A table without the cells that are gone, whose columns are in the view's order."""
    names = [*view.numbers, *view.categories]
    cells = {name: pa.compute.if_else(pa.array(gone[:, i]), None, table[name]) for i, name in enumerate(names)}
    return Rows(pa.table({name: cells[name] for name in table.column_names}))


# methods --------------------------------------------------------------------------------------------------------------


def _numbers(train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = np.nanstd(train, axis=0)
    return np.nanmean(train, axis=0), np.where(scale > 0.0, scale, 1.0)


def sklearn_filled(imputer: BaseEstimator, train: np.ndarray, holed: np.ndarray, numbers: int) -> np.ndarray:
    """Scikit-learn's imputers see standardized numbers and one column of codes for each category, whose answer is
    rounded."""
    mean, scale = _numbers(train)
    mean[numbers:], scale[numbers:] = 0.0, 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        made = imputer.fit((train - mean) / scale).transform((holed - mean) / scale) * scale + mean
    made[:, numbers:] = np.clip(np.rint(made[:, numbers:]), 0, np.nanmax(train, axis=0)[numbers:])
    return np.asarray(made)


def mean_or_mode(width: int, numbers: int) -> BaseEstimator:
    """The mean of numbers, the mode of categories."""
    parts = ((SimpleImputer(), slice(0, numbers)), (SimpleImputer(strategy="most_frequent"), slice(numbers, width)))
    return make_column_transformer(*(part for part in parts if part[1].start < part[1].stop))


def most_frequent(codes: np.ndarray) -> np.ndarray:
    """The most frequent of each column's codes over draws, ``[draws, rows, columns]`` to ``[rows, columns]``."""
    classes = np.arange(1 + int(codes.max(initial=0)))
    return np.asarray((codes[..., None] == classes).sum(0).argmax(-1))


# scores ---------------------------------------------------------------------------------------------------------------


def scores(
    made: np.ndarray, truth: np.ndarray, gone: np.ndarray, scale: np.ndarray, numbers: int
) -> dict[str, float | None]:
    """The figures of filled cells, over those that are gone and were there before."""
    asked = gone & ~np.isnan(truth)
    apart = ((made - truth) / scale)[:, :numbers][asked[:, :numbers]]
    right = (made == truth)[:, numbers:][asked[:, numbers:]]
    moved = [
        wasserstein_distance(made[asked[:, i], i], truth[asked[:, i], i]) / scale[i]
        for i in range(numbers)
        if asked[:, i].any()
    ]
    return {
        "rmse": float(np.sqrt((apart**2).mean())),
        "wasserstein": float(np.mean(moved)),
        "accuracy": float(right.mean()) if right.size else None,
    }


def rows(problem: Problem, seconds: float, knocks: Sequence[str], options: Sequence[str] = ()) -> list[Row]:
    """All methods on one set."""
    model = trained(problem, seconds, ["codec.gaps=true", *options])
    test = problem.test.slice(0, MOST)
    train_view, view = views([problem.train, test], kinds_of(problem.train))
    train, truth, numbers = matrix(train_view), matrix(view), len(view.numbers)
    _, scale = _numbers(train)
    found: list[Row] = []
    for knock in knocks:
        gone = KNOCKS[knock](view, np.random.default_rng(1))
        gone[gone.all(1), 0] = False
        gone &= ~np.isnan(truth)
        holed, lacking = np.where(gone, np.nan, truth), without(test, view, gone)
        imputers: dict[str, BaseEstimator] = {
            "mean, mode": mean_or_mode(truth.shape[1], numbers),
            "KNNImputer": KNNImputer(),
            "IterativeImputer": IterativeImputer(random_state=0),
            "IterativeImputer, drawn": IterativeImputer(random_state=0, sample_posterior=True),
        }
        made: dict[str, np.ndarray] = {}
        spent: dict[str, float] = {}
        for name, imputer in imputers.items():
            begun = time.process_time()
            made[name] = sklearn_filled(imputer, train, holed, numbers)
            spent[name] = time.process_time() - begun
        begun = time.process_time()
        drawn = inpaint(model, lacking, count=DRAWS, seed=0, batch=1024)
        spent["suffuse, drawn"] = spent["suffuse, mean of 10"] = time.process_time() - begun
        table = Rows.of(drawn.items).table
        _, _, whole = views([problem.train, test, table.select(problem.train.column_names)], kinds_of(problem.train))
        draws = matrix(whole).reshape(len(view), DRAWS, -1).transpose(1, 0, 2)
        made["suffuse, drawn"] = draws[0]
        made["suffuse, mean of 10"] = np.concatenate(
            [draws[..., :numbers].mean(0), most_frequent(draws[..., numbers:])], axis=1
        )
        for name, cells in made.items():
            told = scores(cells, truth, gone, scale, numbers)
            found.append({"set": problem.name, "gone": knock, "method": name, **told, "seconds": spent[name]})
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each set."""
    command = parser(__doc__)
    command.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    command.add_argument("--gone", nargs="+", default=list(KNOCKS), choices=list(KNOCKS))
    command.add_argument("--seconds", type=float, default=30.0, help="of one core, for our training")
    options = command.parse_args(arguments)
    torch.set_num_threads(1)
    found: list[Row] = []
    for problem in problems(options.sets):
        told = rows(problem, options.seconds, options.gone)
        show(f"{problem.name}: {problem.train.num_rows} training rows", told)
        found += told
    save(options.json, rows=found)


if __name__ == "__main__":
    main()
