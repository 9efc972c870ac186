"""The detector as scikit-learn's users know it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from suffuse.errors import DomainInputError
from suffuse.model import load
from suffuse_tabular.detector import DiffusionDetector
from suffuse_tabular.rows import Rows

ENVIRONMENT = {"check_array_api_input"}  # skipped by scikit-learn itself unless SCIPY_ARRAY_API is set


@pytest.fixture(scope="module")
def tumours():
    """Half of the benign ones to learn from; the others, and the malignant ones, to judge."""
    X, y = load_breast_cancer(return_X_y=True)
    benign = np.random.default_rng(0).permutation(np.flatnonzero(y == 1))
    test = np.concatenate([benign[178:], np.flatnonzero(y == 0)])
    return X[benign[:178]], X[test], y[test] == 0


@pytest.fixture(scope="module")
def fitted(tumours):
    return DiffusionDetector(method="neighbours").fit(tumours[0])


def test_it_keeps_the_contract_of_estimators() -> None:
    found = check_estimator(DiffusionDetector(method="neighbours"), on_fail=None, on_skip=None)
    assert len(found) > 40
    wrong = [r["check_name"] for r in found if r["status"] != "passed" and r["check_name"] not in ENVIRONMENT]
    assert not wrong


def test_malignant_tumours_are_odder_than_by_neighbours(fitted, tumours) -> None:
    train, test, odd = tumours
    scaler = StandardScaler().fit(train)
    nearest = NearestNeighbors(n_neighbors=5).fit(scaler.transform(train))
    distance = nearest.kneighbors(scaler.transform(test))[0][:, 4]
    assert roc_auc_score(odd, -fitted.score_samples(test)) > max(0.95, roc_auc_score(odd, distance) - 0.01)


def test_one_usual_row_in_twenty_is_called_odd(fitted, tumours) -> None:
    _, test, odd = tumours
    assert np.mean(fitted.predict(test[~odd]) == -1) < 0.15
    assert np.mean(fitted.predict(test[odd]) == -1) > 0.6
    assert fitted.p_values(test[odd]).mean() < 0.1 < 0.35 < fitted.p_values(test[~odd]).mean()


def test_odd_rows_in_training_are_left_out(tumours) -> None:
    train, test, odd = tumours
    mixed = np.concatenate([train, test[odd][:18]])
    told = DiffusionDetector(method="neighbours", contamination=0.1).fit(mixed)
    assert np.mean(told.predict(mixed) == -1) == pytest.approx(0.1, abs=0.02)
    assert told.model_.denoiser.network.count == round(0.9 * len(mixed))
    blind = DiffusionDetector(method="neighbours").fit(mixed)
    rest = np.concatenate([test[~odd], test[odd][18:]])
    labels = np.concatenate([np.zeros((~odd).sum()), np.ones(odd.sum() - 18)])
    aurocs = [roc_auc_score(labels, -d.score_samples(rest)) for d in (told, blind)]
    assert aurocs[0] > aurocs[1] - 0.005


def test_frames_of_any_kind_and_order_score_alike(tumours) -> None:
    train, test, _ = tumours
    names = [f"c{i}" for i in range(train.shape[1])]
    frame = pl.DataFrame(train, schema=names)
    detector = DiffusionDetector(method="neighbours").fit(frame)
    assert list(detector.feature_names_in_) == names
    scores = detector.score_samples(pl.DataFrame(test, schema=names))
    for other in (pl.DataFrame(test, schema=names)[names[::-1]], pl.DataFrame(test, schema=names).to_pandas(), test):
        assert np.allclose(detector.score_samples(other), scores, rtol=1e-6)
    with pytest.raises(DomainInputError, match="c3"):
        detector.score_samples(pl.DataFrame(test, schema=names).drop("c3"))


def test_a_file_holds_all_of_it(fitted, tumours, tmp_path) -> None:
    _, test, _ = tumours
    kept = load(fitted.save(tmp_path / "detector.safetensors"))
    scores = kept.score(Rows.of(test))
    assert np.allclose(scores.values, -fitted.score_samples(test), rtol=1e-9)
    assert np.allclose(scores.p_values, fitted.p_values(test))
    assert kept.calibration.threshold == -fitted.offset_


def test_it_works_in_pipelines_and_is_cloned(tumours) -> None:
    train, test, odd = tumours
    made = make_pipeline(StandardScaler(), clone(DiffusionDetector(method="neighbours"))).fit(train)
    assert np.mean(made.predict(test[odd]) == -1) > 0.6


@pytest.mark.parametrize("method", ["denoiser", "mixed"])
def test_trained_engines_find_odd_rows(method, tumours) -> None:
    train, test, odd = tumours
    quick = {"train": {"steps": 150}, "network": {"width": 64, "depth": 2}}
    detector = DiffusionDetector(method=method, recipe=quick).fit(train)
    assert roc_auc_score(odd, -detector.score_samples(test)) > 0.9
    assert np.mean(detector.predict(test[~odd]) == -1) < 0.25
