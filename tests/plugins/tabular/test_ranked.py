"""Ranked columns: atoms are made as often as they are, and nothing is lost on the way there and back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp

from suffuse_tabular.columns import Datetime, Ranked, from_json, to_json


def _fitted(values: np.ndarray) -> Ranked:
    column = Ranked.fit("x", pa.array(values))
    assert isinstance(column, Ranked)
    return column


def _made(column: Ranked, count: int = 20_000) -> np.ndarray:
    """Cells of normal scores: what a network that has learnt a single column perfectly would make."""
    scores = np.random.default_rng(1).normal(size=(1, count))
    return np.asarray(column.cells(scores, np.ones(count, dtype=bool)))


def _rain() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.where(rng.random(3000) < 0.7, 0.0, np.where(rng.random(3000) < 0.2, 5.0, rng.exponential(4.0, 3000)))


def test_atoms_are_made_as_often_as_they_are() -> None:
    values = _rain()
    made = _made(_fitted(values))
    for atom in (0.0, 5.0):
        assert (made == atom).mean() == pytest.approx((values == atom).mean(), abs=0.015)
    assert made.min() == 0.0
    assert ks_2samp(made, values).statistic < 0.02


def test_between_atoms_numbers_are_new() -> None:
    values = _rain()
    made = _made(_fitted(values))
    beside = made[(made != 0.0) & (made != 5.0)]
    assert not np.isin(beside, values).any()


@pytest.mark.parametrize("values", [_rain(), np.random.default_rng(0).poisson(3.0, 800).astype(float), np.arange(5.0)])
def test_there_and_back(values: np.ndarray) -> None:
    column = _fitted(values)
    far = np.array([values.min() - 7.0, values.max() + 3.0, values.max() + 300.0])
    told = np.concatenate([values, far])
    entries = column.raw(pa.array(told))
    assert (np.diff(entries[0][np.argsort(told, kind="stable")]) >= 0.0).all()
    back = np.asarray(column.cells(entries, np.ones(len(told), dtype=bool)))
    assert back == pytest.approx(told, rel=1e-9, abs=1e-9)


def test_whole_numbers_come_as_often_as_they_are() -> None:
    values = np.random.default_rng(0).poisson(1.5, 2000)
    made = _made(_fitted(values))
    assert made.dtype.kind == "i" and made.min() == 0 and made.max() <= values.max() + 2
    for number in range(5):
        assert (made == number).mean() == pytest.approx((values == number).mean(), abs=0.015)


def test_many_numbers_are_remembered_by_few_knots_and_all_atoms() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(size=9000), np.full(1000, 0.123456789)])
    column = _fitted(values)
    assert len(column.values) <= 1001 and 0.123456789 in column.values
    assert (_made(column) == 0.123456789).mean() == pytest.approx(0.1, abs=0.01)


def test_times_by_their_ranks_stay_within_and_come_back() -> None:
    hours = np.random.default_rng(0).integers(0, 24 * 365, 2000)
    times = pa.array(np.datetime64("2025-01-01", "s") + hours * np.timedelta64(3600, "s"))
    column = Datetime.fit("t", times, cycles=[86_400], by_ranks=True)
    entries, there = column.raw(times), np.ones(2000, dtype=bool)
    assert column.cells(entries, there).equals(times)
    assert (entries[0] - column.mean).std() == pytest.approx(column.scale) and abs(entries[0].mean()) < 0.01
    again = from_json(to_json(column))
    assert again == column and again.cells(entries, there).equals(times)
    made = np.asarray(column.cells(np.random.default_rng(1).normal(size=(3, 2000)), there)).astype("datetime64[s]")
    assert ks_2samp(made.astype(int), np.asarray(times).astype(int)).statistic < 0.04  # uniform, as a year is
    lacking = pa.array([None, "2025-03-01T00:00:00", "never"])
    assert [np.isnan(e) or np.isinf(e) for e in column.raw(lacking)[0]] == [True, False, True]
