"""The detector as scikit-learn's users know it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from suffuse.errors import DomainInputError, ModelFileError, RecipeError, UnsupportedError
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


def test_rows_are_judged_though_some_of_them_are_odd() -> None:
    """Every row is both learnt from and judged, and nobody tells which are odd: they may not vouch for each other."""
    X, y = load_breast_cancer(return_X_y=True)
    chosen = np.concatenate([np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:60]])
    rows, odd = X[chosen], y[chosen] == 0
    robust = DiffusionDetector(contamination=0.1).fit(rows)
    assert robust.method_ == "robust"
    naive = DiffusionDetector(method="neighbours").fit(rows)
    areas = [roc_auc_score(odd, -detector.score_samples(rows)) for detector in (robust, naive)]
    assert areas[0] > 0.9 > areas[1] + 0.05
    assert np.mean(robust.predict(rows) == -1) == pytest.approx(0.1, abs=0.01)


def test_p_values_are_on_the_safe_side_where_training_rows_are_odd(tumours) -> None:
    train, test, odd = tumours
    mixed = np.concatenate([train, test[odd][:10]])
    told = DiffusionDetector(method="neighbours", contamination=0.05).fit(mixed)
    assert len(told.model_.calibration.values) == len(mixed)
    assert np.mean(told.p_values(test[~odd]) <= 0.1) < 0.15


def test_empty_cells_and_categories_among_odd_rows() -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"a": rng.normal(size=80), "c": rng.choice(["x", "y"], 80)})
    table = table.with_columns(a=pl.when(pl.int_range(80) % 9 == 0).then(None).otherwise(pl.col("a")))
    odd = pl.DataFrame({"a": [9.0, 9.1, 8.9], "c": ["x", "z", "y"]})
    detector = DiffusionDetector(contamination=0.05).fit(pl.concat([table, odd]))
    assert detector.score_samples(odd).max() < np.quantile(detector.score_samples(table), 0.05)


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


def test_a_loaded_detector_is_the_same(tmp_path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=60), "b": rng.choice(["x", "y"], 60)})
    fitted = DiffusionDetector("neighbours", contamination=0.1, codec={"classes": 5}, random_state=3).fit(frame)
    loaded = DiffusionDetector.load(fitted.save(tmp_path / "detector.safetensors"))
    assert loaded.get_params() == fitted.get_params()
    assert list(loaded.feature_names_in_) == ["a", "b"] and loaded.n_features_in_ == 2
    assert (loaded.method_, loaded.offset_) == (fitted.method_, fitted.offset_)
    assert np.array_equal(loaded.score_samples(frame), fitted.score_samples(frame))
    assert np.array_equal(loaded.predict(frame[:, ["b", "a"]]), fitted.predict(frame))
    assert clone(loaded).get_params() == fitted.get_params()


def test_a_model_that_no_detector_was_is_refused(fitted, tmp_path) -> None:
    path = fitted.model_.save(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="holds no detector"):
        DiffusionDetector.load(path)


def test_more_rows_are_remembered_as_if_there_from_the_start(tumours) -> None:
    train, test, _ = tumours
    grown = DiffusionDetector(method="neighbours").partial_fit(train[:150]).partial_fit(train[150:170])
    grown.partial_fit(train[170:171])
    assert grown.model_.denoiser.network.count == 171
    assert len(grown.model_.calibration.values) == 170  # a single row has no reference
    whole = DiffusionDetector(method="neighbours").fit(train[:171])
    network = whole.model_.denoiser.network
    network.remember(grown.model_.codec.encode(Rows.of(train[:171])))
    told = replace(whole.model_, codec=grown.model_.codec).score(Rows.of(test)).value.numpy()
    units = told / -grown.score_samples(test)  # of scores, the root mean square of the reference's
    assert np.allclose(units, units.mean(), rtol=1e-5)


def test_networks_are_trained_on_with_new_rows(tumours) -> None:
    train, test, odd = tumours
    quick = {"train": {"steps": 150}, "network": {"width": 64, "depth": 2}}
    detector = DiffusionDetector(method="denoiser", recipe=quick).fit(train)
    moved = train.copy()
    moved[:, 5] += 3.0 * train[:, 5].std()
    before, counted = detector.score_samples(moved).mean(), len(detector.model_.calibration.values)
    weights = detector.model_.denoiser.network.state_dict()
    detector.partial_fit(moved)
    assert detector.score_samples(moved).mean() > before
    assert len(detector.model_.calibration.values) > counted
    assert detector.model_.facts["examples"] > len(train) / 2 and detector.model_.facts["steps"] > 150
    assert all(torch.equal(weights[name], kept) for name, kept in weights.items())
    assert roc_auc_score(odd, -detector.score_samples(test)) > 0.85


def test_what_takes_in_no_more_says_so(tumours) -> None:
    train, _, _ = tumours
    with pytest.raises(UnsupportedError, match="no more rows"):
        DiffusionDetector(method="patches").fit(train).partial_fit(train[:20])


def test_reasons_and_drift_are_the_verbs(fitted, tumours) -> None:
    train, test, odd = tumours
    wrong = test[~odd][:1].copy()
    wrong[0, 3] += 8.0 * train[:, 3].std()
    (why,) = fitted.explain(wrong, parts=1)
    assert why.guilty == ("x3",) and why.usual_score < why.score
    moved = test[~odd].copy()
    moved[:, 5] += 2.0 * train[:, 5].std()
    assert fitted.drift(moved).parts[0].name == "x5"
    assert not fitted.drift(test[~odd], scores=False, rate=0.001).moved


def test_sparse_rows_are_refused(fitted, tumours) -> None:
    from scipy.sparse import csr_array

    with pytest.raises(TypeError, match=r"[Ss]parse"):
        fitted.score_samples(csr_array(tumours[1]))


def test_names_are_checked_as_scikit_learn_does(fitted, tumours) -> None:
    train, test, _ = tumours
    frame = pl.DataFrame(test, schema=[f"c{i}" for i in range(test.shape[1])])
    with pytest.warns(UserWarning, match="fitted without feature names"):
        scores = fitted.score_samples(frame.to_pandas())
    assert np.array_equal(scores, fitted.score_samples(test))
    named = DiffusionDetector(method="neighbours").fit(pl.DataFrame(train, schema=frame.columns))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        named.score_samples(test)
    with pytest.raises(ValueError, match="30 features"):
        named.score_samples(test[:, :4])


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_frames_come_through_pipelines(container, tumours) -> None:
    train, _, _ = tumours
    frame = pl.DataFrame(train, schema=[f"c{i}" for i in range(train.shape[1])]).to_pandas()
    pipeline = make_pipeline(StandardScaler(), DiffusionDetector(method="neighbours")).set_output(transform=container)
    found = pipeline.fit(frame).predict(frame.iloc[:5])
    assert list(pipeline[-1].feature_names_in_) == list(frame.columns) and isinstance(found, np.ndarray)


def test_judges_that_are_several_take_in_more_and_are_kept_in_one_file(tumours, tmp_path) -> None:
    train, test, odd = tumours
    detector = DiffusionDetector(contamination=0.05).fit(train[:120]).partial_fit(train[120:])
    near, far = detector.model_, detector.model_.panel[0]
    assert near.denoiser.network.count == 80 + 58 and far.denoiser.network.count == 120  # a third is left out
    assert len(near.calibration.values) == 178 and near.calibration.usual.tally.items == 178
    assert roc_auc_score(odd, -detector.score_samples(test)) > 0.93
    loaded = DiffusionDetector.load(detector.save(tmp_path / "detector.safetensors"))
    assert np.array_equal(loaded.score_samples(test), detector.score_samples(test))


@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_a_column_that_is_left_out_is_told_once(contamination, caplog):
    rows = pd.DataFrame({**{f"x{i}": np.random.default_rng(i).normal(size=60) for i in range(3)}})
    rows["id"] = [f"u{i}" for i in range(60)]
    found = DiffusionDetector(contamination=contamination).fit(rows)
    assert [r.args[0] for r in caplog.records if "left out" in r.msg] == ["id"]
    assert found.model_.codec.left_out == ("id",)
    assert np.isfinite(found.score_samples(rows)).all()


@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_a_wrong_option_of_the_codec_is_named(contamination):
    with pytest.raises(RecipeError, match=r"codec\.numbers: is wrong"):
        DiffusionDetector(codec={"numbers": "bogus"}, contamination=contamination).fit(np.zeros((9, 2)))
