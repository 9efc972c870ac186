"""The distilled detector says what the exact one says, whatever the number of rows that it learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from suffuse.errors import UnsupportedError
from suffuse_tabular.detector import DiffusionDetector


def rows(count: int, seed: int) -> np.ndarray:
    """Three clouds, each of them thin."""
    rng = np.random.default_rng(seed)
    middle = np.array([[4.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 1.0], [0.0, 0.0, 4.0, -1.0]])
    return middle[rng.integers(3, size=count)] + rng.normal(size=(count, 4)) * np.array([1.0, 1.0, 1.0, 0.05])


@pytest.fixture(scope="module")
def odd() -> np.ndarray:
    """Rows off the clouds: in the thin column."""
    return rows(200, 2) + np.random.default_rng(3).normal(size=(200, 1)) * np.array([0.0, 0.0, 0.0, 1.0])


def test_it_finds_what_the_exact_one_finds(odd: np.ndarray) -> None:
    train, asked = rows(4000, 0), np.concatenate([rows(200, 1), odd])
    exact, distilled = (-DiffusionDetector(m).fit(train).score_samples(asked) for m in ("neighbours", "distilled"))
    labels = np.arange(400) >= 200
    assert roc_auc_score(labels, distilled) > roc_auc_score(labels, exact) - 0.01
    assert spearmanr(exact, distilled).statistic > 0.9


def test_one_usual_row_in_twenty_is_called_odd() -> None:
    detector = DiffusionDetector("distilled").fit(rows(3000, 0))
    assert np.mean(detector.predict(rows(4000, 1)) == -1) == pytest.approx(0.05, abs=0.02)


def test_what_it_keeps_of_rows_does_not_grow(tmp_path: Path) -> None:
    detectors = [DiffusionDetector("distilled", held_out=0.1).fit(rows(count, 0)) for count in (3000, 6000)]
    networks = [detector.model_.denoiser.network for detector in detectors]
    assert [sum(x.numel() for x in network.buffers()) for network in networks] == [512 * 4 + 512 + 2] * 2


def test_empty_cells_are_refused() -> None:
    train = rows(100, 0)
    train[::3, 1] = np.nan
    with pytest.raises(UnsupportedError, match="lack entries"):
        DiffusionDetector("distilled").fit(train)
