"""The distilled detector's benchmark: all methods judge the same rows, and small sets are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import tabular_distilled
from benchmarks.tabular_distilled import METHODS, figures, report


def _set(path: Path, usual: int) -> Path:
    rng = np.random.default_rng(0)
    np.savez(
        path,
        X=np.concatenate([rng.normal(size=(usual, 3)), rng.normal(4.0, 1.0, (9, 3))]),
        y=np.arange(usual + 9) >= usual,
    )
    return path


def test_every_method_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(tabular_distilled, "QUERIES", 400)
    paths = [_set(tmp_path / "1_small.npz", 60), _set(tmp_path / "2_larger.npz", 200)]
    rows = list(figures(paths, [0], least=80))
    assert [(row["set"], row["method"]) for row in rows] == [("2_larger", method) for method in METHODS]
    assert all(row["auroc"] > 95.0 and row["per_second"] > 0 for row in rows)
    report(rows)
    assert "1 sets" in capsys.readouterr().out
