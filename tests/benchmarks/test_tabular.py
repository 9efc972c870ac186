"""The detector's benchmark: its split is clean, and its figures are of that split."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.tabular import LEAST_ODD, MOST, figures, report, split


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
    rows = list(figures([_set(tmp_path / "1_small.npz", 100, 9)], [0, 1]))
    assert [(row["seed"], row["method"]) for row in rows] == [
        (seed, method) for seed in (0, 1) for method in ("1-NN", "KNN", "suffuse")
    ]
    assert all(row["auroc"] > 95.0 for row in rows)
    report(rows)
    assert "suffuse" in capsys.readouterr().out
