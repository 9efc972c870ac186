"""Which rows look odd among others: against scikit-learn on the same numbers, and rows that were put among them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import rankdata, spearmanr
from sklearn.covariance import EmpiricalCovariance
from sklearn.neighbors import NearestNeighbors

from suffuse_tabular import filter as filtering
from suffuse_tabular.filter import far, most_odd, near, oddness, standardized, surprise
from suffuse_tabular.rows import Rows


@pytest.fixture
def mixed():
    """Usual rows of numbers that depend on each other, and a clump of 20 odd ones."""
    rng = np.random.default_rng(0)
    usual = rng.standard_normal((180, 4)) @ rng.standard_normal((4, 4))
    return np.concatenate([usual, 12.0 + 0.3 * rng.standard_normal((20, 4))])


def test_a_clump_is_far_from_what_it_does_not_shape(mixed) -> None:
    """Under the moments of all rows the clump is among the others; of the usual ones alone, it is beyond all."""
    naive = np.sqrt(EmpiricalCovariance().fit(mixed).mahalanobis(mixed))
    found = far(mixed)
    assert found[180:].min() > found[:180].max()
    assert naive[180:].min() < naive[:180].max()
    usual = np.sqrt(EmpiricalCovariance().fit(mixed[:180]).mahalanobis(mixed))
    assert spearmanr(found, usual).statistic > 0.99


def test_the_fiftieth_other_is_scikit_learns(mixed) -> None:
    told = NearestNeighbors(n_neighbors=50).fit(mixed).kneighbors()[0][:, -1]
    assert np.allclose(near(mixed), told)


def test_many_rows_are_compared_with_some(mixed, monkeypatch) -> None:
    monkeypatch.setattr(filtering, "COMPARED", 120)
    found = near(mixed)
    assert found.shape == (200,) and found[180:].min() > np.median(found[:180])


def test_a_surprise_is_the_logarithm_of_a_share() -> None:
    values = np.array([3.0, 1.0, 2.0, 2.0])
    told = -np.log(1.0 - rankdata(values) / 4 + 1 / 4)
    assert np.allclose(surprise(values), told) and surprise(values)[1] == 0.0


def test_rows_put_among_others_are_left_out(mixed) -> None:
    assert most_odd(Rows.of(mixed), 0.1) == list(range(180, 200))
    assert len(most_odd(Rows.of(mixed[:3]), 0.5)) == 1


def test_columns_of_any_kind_count_and_their_units_do_not(mixed) -> None:
    other = mixed * np.array([1.0, 1e6, 1e-6, 3.0]) + 7.0
    assert np.allclose(oddness(Rows.of(mixed)), oddness(Rows.of(other)), atol=1e-3)
    table = pa.table({"a": [None, *mixed[1:, 0]], "c": ["x", "y"] * 100, "b": mixed[:, 1]})
    assert standardized(Rows.of(table)).shape == (200, 5)
    assert np.isfinite(oddness(Rows.of(table))).all()
    named = pa.table({"code": [i % 3 for i in range(200)], "b": mixed[:, 1]})
    assert standardized(Rows.of(named), {"category": ["code"]}).shape == (200, 5)
