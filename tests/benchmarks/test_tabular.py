"""The detector's benchmark: its split is clean, and its figures are of that split."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.tabular import LEAST_ODD, MOST, PEERS, detector, figures, report, split
from benchmarks.tabular_attribution import figures as attributed
from benchmarks.tabular_attribution import moved
from benchmarks.tabular_fdr import drawn, measure, realised
from benchmarks.tabular_unsupervised import figures as unsupervised
from benchmarks.tabular_unsupervised import report as means
from benchmarks.tabular_unsupervised import unlabelled


def _set(path: Path, usual: int, odd: int) -> Path:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(usual, 3)), rng.normal(4.0, 1.0, (odd, 3))])
    rows[:, 0] += np.arange(len(rows)) * 1e-9  # every row is one of its own
    np.savez(path, X=rows, y=np.arange(len(rows)) >= usual)
    return path


def test_nothing_is_both_learnt_and_judged(tmp_path: Path) -> None:
    train, judged, odd = split(_set(tmp_path / "1_small.npz", 100, 9), 0)
    assert (len(train), len(judged), int(odd.sum())) == (50, 59, 9)
    assert not {tuple(row) for row in train} & {tuple(row) for row in judged}


def test_large_sets_are_cut_and_keep_some_odd_rows(tmp_path: Path) -> None:
    train, judged, odd = split(_set(tmp_path / "2_large.npz", 20_000, 60), 1)
    assert len(train) + len(judged) == MOST
    assert odd.sum() == LEAST_ODD


def test_every_method_is_judged_on_every_set(tmp_path: Path, capsys) -> None:
    methods = PEERS | {"suffuse": detector()}
    rows = list(figures([_set(tmp_path / "1_small.npz", 100, 9)], [0, 1], methods))
    assert [(row["seed"], row["method"]) for row in rows] == [(seed, method) for seed in (0, 1) for method in methods]
    assert all(row["auroc"] > 95.0 for row in rows)
    report(rows, list(methods))
    assert "suffuse" in capsys.readouterr().out


def test_methods_without_labels_are_judged_on_the_rows_they_were_fitted_on(tmp_path: Path, capsys) -> None:
    path = _set(tmp_path / "1_small.npz", 100, 9)
    rows, odd = unlabelled(path, 0)
    assert rows.shape == (109, 3) and odd.sum() == 9
    found = list(unsupervised([path], [0], ["KNN", "filter alone", "suffuse"]))
    assert all(row["auroc"] > 95.0 for row in found)
    means(found)
    assert "suffuse" in capsys.readouterr().out


def test_the_moved_column_is_known(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    usual = rng.normal(size=(50, 4)) * [1.0, 10.0, 0.1, 0.0]
    rows, column = moved(usual, usual, rng)
    by = (rows - usual)[np.arange(50), column] / usual.std(0)[column]
    assert set(column) <= {0, 1, 2} and (np.abs(by) >= 3.0).all() and (np.abs(by) <= 5.0).all()
    assert ((rows != usual).sum(1) == 1).all()
    found = attributed(_set(tmp_path / "1_small.npz", 120, 9), 5, "neighbours", 0)
    assert found is not None and found["rows"] == 5 and found["blamed"] >= 60.0
    assert attributed(_set(tmp_path / "2_few.npz", 20, 9), 5, "neighbours", 0) is None


def test_discoveries_are_counted_and_splits_do_not_overlap() -> None:
    rng = np.random.default_rng(0)
    usual, odd = rng.normal(size=(400, 3)), rng.normal(6.0, 1.0, (60, 3))
    split_ = drawn(usual, odd, 150, 100, 0)
    assert len(split_.clean) == len(split_.contaminated) == 150 and split_.odd.sum() == 20
    learnt = {tuple(row) for row in np.concatenate([split_.clean, split_.contaminated])}
    assert not learnt & {tuple(row) for row in split_.test}
    row = measure("made-up", [split_, drawn(usual, odd, 150, 100, 1)], "neighbours", 0.1)
    assert row["FDR clean"] < 0.3 and row["power clean"] > 0.9 and row["power told"] <= 1.0
    assert realised(np.array([True, True, False]), np.array([True, False, True])) == (0.5, 0.5)
