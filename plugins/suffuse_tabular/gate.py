"""How well each of several engines tells odd rows: tried on anomalies that are made up, without any label.

Held-out rows against five kinds of anomaly made from them, all of which an engine should tell from them: columns
shuffled, some cells taken from another row, anything within the columns' ranges, noise, and places between two rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from suffuse.rng import permutation
from suffuse.tasks.score import score
from suffuse_tabular.cells import is_number
from suffuse_tabular.cells import numbers as cells_as_numbers
from suffuse_tabular.columns.base import moments
from suffuse_tabular.engines import Engine
from suffuse_tabular.learning import Settings, fitted
from suffuse_tabular.rows import Rows

Floats = NDArray[np.float64]

HELD, LEARNT = 700, 1800
"""Rows that the engines are tried on, and that they learn from, at most."""

FEWEST = 30
"""Rows of which it makes sense to put some aside."""

SHARPNESS, SPREAD = 0.5, 0.3
"""How much more a better engine counts, and the standard error of an area under the curve of a single row."""

LEAST = 0.2
"""An engine with less than this share of the judgement is not worth the time that it takes."""

LARGEST = float(np.finfo(np.float64).max)

SWAPPED = 0.3
"""The share of cells that come from another row."""


def trust(engines: Sequence[Engine], rows: Rows, settings: Settings) -> list[float]:
    """The share that each engine has in a judgement, 1 in sum: the more, the better it tells made-up anomalies.

    Shares are proportional to exp(β·(a - a*)/s), with a an engine's mean area under the ROC curve, a* that of the best
    and s the standard error of such an area; one that would have less than :data:`LEAST` has none. With too few rows
    to tell, all engines have the same.
    """
    if len(rows) < FEWEST:
        return [1.0 / len(engines)] * len(engines)
    areas = np.array([np.mean(areas_of(engine, rows, settings)) for engine in engines])
    error = SPREAD / np.sqrt(held_of(rows))
    shares = np.exp(SHARPNESS * (areas - areas.max()) / error)
    shares = np.where(shares < LEAST * shares.sum(), 0.0, shares)
    told: list[float] = (shares / shares.sum()).tolist()
    return told


def held_of(rows: Rows) -> int:
    """How many rows the engines are tried on."""
    return min(len(rows) // 3, HELD)


def areas_of(engine: Engine, rows: Rows, settings: Settings) -> list[float]:
    """How well an engine tells each kind of made-up anomaly from held-out rows: areas under the ROC curve."""
    order = permutation(len(rows), "gate", settings.seed).tolist()
    held = held_of(rows)
    usual, known = rows.take(order[:held]), rows.take(order[held : held + LEARNT])
    model = fitted(engine, known, settings)
    low = score(model, usual).value.numpy()
    kinds = made_up(usual, known, np.random.default_rng(settings.seed))
    high = [score(model, fakes).value.numpy() for fakes in kinds]
    truth = np.repeat([0, 1], held)
    return [float(roc_auc_score(truth, np.concatenate([low, x]))) for x in high]


def made_up(usual: Rows, known: Rows, rng: np.random.Generator) -> list[Rows]:
    """As many anomalies of each kind as there are usual rows; what is no number is changed by the first two alone.

    Arguments:
        usual: rows that become anomalies.
        known: rows from which cells are taken.
        rng: of what is drawn.
    """
    count, width = len(usual), len(usual.names)
    swapped = dict(zip(usual.names, rng.random((width, count)) < max(SWAPPED, 1.0 / width), strict=True))
    other, third = (known.take(rng.integers(len(known), size=count).tolist()).columns() for _ in range(2))
    size, place = rng.choice([0.1, 0.3, 1.0], count), rng.uniform(0.2, 0.8, count)
    spread = {name: _spread(cells) for name, cells in _numbers(known).items()}

    def uniform(name: str, cells: Floats) -> Floats:
        low, high, _ = spread[name]
        share = rng.random(count)
        return share * low + (1.0 - share) * high  # whose difference may be no number

    def noisy(name: str, cells: Floats) -> Floats:
        with np.errstate(over="ignore"):
            moved = cells + spread[name][2] * size * rng.standard_normal(count)
        return np.clip(moved, -LARGEST, LARGEST)

    def between(name: str, cells: Floats) -> Floats:
        return place * cells + (1.0 - place) * cells_as_numbers(third[name])

    return [
        _changed(usual, lambda name, cells: cells.take(pa.array(rng.permutation(count)))),
        _changed(usual, lambda name, cells: pc.if_else(pa.array(swapped[name]), other[name], cells)),
        *(_with_numbers(usual, spread, change) for change in (uniform, noisy, between)),
    ]


def _numbers(rows: Rows) -> dict[str, Floats]:
    """The columns of numbers that are not empty."""
    told = {name: cells_as_numbers(cells) for name, cells in rows.columns().items() if is_number(cells.type)}
    return {name: cells for name, cells in told.items() if not np.isnan(cells).all()}


def _spread(cells: Floats) -> tuple[float, float, float]:
    """The least, the largest and the deviation of numbers, some of which may be NaN."""
    present = cells[~np.isnan(cells)]
    return float(present.min()), float(present.max()), moments(present)[1]


def _with_numbers(rows: Rows, names: Collection[str], change: Callable[[str, Floats], Floats]) -> Rows:
    def one(name: str, cells: pa.Array) -> pa.Array:
        return pa.array(change(name, cells_as_numbers(cells)), from_pandas=True) if name in names else cells

    return _changed(rows, one)


def _changed(rows: Rows, change: Callable[[str, pa.Array], pa.Array]) -> Rows:
    return Rows(pa.table({name: change(name, cells) for name, cells in rows.columns().items()}))
