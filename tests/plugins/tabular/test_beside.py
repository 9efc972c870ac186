"""The picture of made rows beside real ones: it shows every column, and that two tables differ."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr
from scipy.stats.contingency import association, crosstab

from suffuse_tabular.beside import beside
from suffuse_tabular.metrics import View, kinds_of, views
from suffuse_tabular.metrics.shapes import associations, correlation_ratio


def _table(seed: int, shift: float = 0.0, count: int = 400) -> pa.Table:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count) + shift
    kinds = np.where(x + 0.5 * rng.normal(size=count) > 0, "plus", "minus")
    return pa.table(
        {
            "x": np.where(rng.random(count) < 0.1, np.nan, x),
            "y": x**3 + 0.1 * rng.normal(size=count),
            "kind": kinds,
            "letter": rng.choice(list("abc"), count),
            "same": np.ones(count),
            "when": pa.array(np.datetime64("2025-01-01", "s") + rng.integers(0, 10**7, count)),
        }
    )


def _view(table: pa.Table) -> View:
    return views([table], kinds_of(table))[0]


def test_associations_are_those_of_scipy() -> None:
    view = _view(_table(0))
    names = [*view.numbers, *view.categories]
    found = associations(view)
    assert (found == found.T).all() and (np.diag(found) == 1.0).all()

    def told(one: str, other: str) -> float:
        return float(found[names.index(one), names.index(other)])

    there = ~np.isnan(view.numbers["x"])
    rho = spearmanr(view.numbers["x"][there], view.numbers["y"][there]).statistic
    assert told("x", "y") == pytest.approx(abs(rho)) and told("x", "y") > 0.9
    assert told("y", "kind") == pytest.approx(correlation_ratio(view.numbers["y"], view.categories["kind"]))
    counts = crosstab(view.categories["kind"], view.categories["letter"]).count
    assert told("kind", "letter") == pytest.approx(association(counts, method="cramer"))
    assert told("same", "x") == 0.0


def test_the_picture_shows_what_differs() -> None:
    real, alike, other = _table(0), _table(1), _table(2, shift=2.0)
    kinds = kinds_of(real)
    pictures = [np.asarray(beside(made, real, kinds).convert("L"), dtype=float) for made in (real, alike, other)]
    assert len({picture.shape for picture in pictures}) == 1
    near, far = (np.abs(pictures[0] - picture).mean() for picture in pictures[1:])
    assert far > near > 0.0


def test_one_column_of_nothing_and_many_columns_are_drawn() -> None:
    empty = pa.table({"a": pa.array([None, None], pa.float64())})
    assert beside(empty, empty, {"a": "number"}).size[0] > 100
    wide = pa.table({f"c{i}": np.arange(5.0) + i for i in range(30)})
    assert beside(wide, wide, kinds_of(wide)).size[1] < 2000
