"""The panel of a detector: which views it has, and what each counts."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

from suffuse.tasks.score import score
from suffuse_tabular.detector import DiffusionDetector
from suffuse_tabular.engines import DENOISER, NEIGHBOURS, RANKS
from suffuse_tabular.gate import areas_of, made_up, trust
from suffuse_tabular.learning import Settings, fitted
from suffuse_tabular.panel import filled, fit_panel
from suffuse_tabular.rows import Rows

SETTINGS = Settings({}, {}, 0.2, 0)
SHORT = replace(SETTINGS, changes={"train": {"steps": 250}})


def table(count: int = 300, seed: int = 0) -> Rows:
    """A number, one that follows from it, one with gaps, and a category."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=count)
    gaps = np.where(rng.random(count) < 0.1, np.nan, rng.uniform(5.0, 6.0, count))
    colour = np.where(a > 0.0, "red", "blue")
    return Rows.of(pa.table({"a": a, "b": 2.0 * a, "c": pa.array(gaps, from_pandas=True), "colour": colour}))


def flat(count: int, width: int, across: int, seed: int = 0) -> Rows:
    """Points of a plane of few dimensions, in one of many."""
    rng = np.random.default_rng(seed)
    return Rows.of(rng.normal(size=(count, across)) @ rng.normal(size=(across, width)))


def test_made_up_anomalies_are_what_they_are_said_to_be() -> None:
    usual, known = table(200), table(200, seed=1)
    shuffled, swapped, uniform, noisy, between = made_up(usual, known, np.random.default_rng(0))
    for fakes in (shuffled, swapped, uniform, noisy, between):
        assert fakes.names == usual.names and len(fakes) == 200
        assert fakes.table.schema.types[3] == usual.table.schema.types[3]
    cells = {name: column.to_pylist() for name, column in usual.columns().items()}
    assert sorted(shuffled.columns()["a"].to_pylist()) == sorted(cells["a"])
    kept = np.mean(np.array(swapped.columns()["a"].to_pylist()) == np.array(cells["a"]))
    assert 0.6 < kept < 0.8
    assert uniform.columns()["colour"].to_pylist() == cells["colour"]
    low, high = (known.columns()["a"].to_numpy().min(), known.columns()["a"].to_numpy().max())
    assert all(low <= x <= high for x in uniform.columns()["a"].to_pylist())
    assert noisy.columns()["c"].null_count == usual.columns()["c"].null_count
    a, b = (between.columns()[name].to_numpy() for name in "ab")
    assert b == pytest.approx(2.0 * a)  # between two points of a line lies the line


def test_an_engine_that_sees_the_dependence_tells_shuffled_columns() -> None:
    areas = areas_of(NEIGHBOURS, flat(300, 5, 1), SETTINGS)
    assert len(areas) == 5 and areas[0] > 0.95 and areas[2] > 0.95


def test_a_view_counts_by_what_it_sees() -> None:
    blind = replace(NEIGHBOURS, codec={**NEIGHBOURS.codec, "ignore": ["x1", "x2", "x3", "x4"]})
    rows = flat(200, 5, 2)
    alike, nothing, other = trust((NEIGHBOURS, blind, RANKS), rows, SETTINGS)
    assert nothing == 0.0 and alike + other == pytest.approx(1.0) and min(alike, other) > 0.2
    assert trust((NEIGHBOURS, blind), rows[:20], SETTINGS) == [0.5, 0.5]


@pytest.mark.parametrize(("across", "share"), [(1, 0.25), (4, 1.0)])
def test_the_share_of_dimensions_that_data_fill_is_seen(across: int, share: float) -> None:
    rows = flat(600, 4, across)
    model = fitted(DENOISER, rows, replace(SETTINGS, changes={"train": {"steps": 400}}))
    assert filled(model, rows[:100]) == pytest.approx(share, abs=0.15)


def test_a_panel_of_few_rows_has_no_network_and_one_of_gaps_no_patches() -> None:
    few = fit_panel(flat(100, 4, 2), SHORT)
    assert "denoiser" not in {one.recipe.name for one in (few, *few.panel)}
    gaps = fit_panel(table(), SHORT)
    names = [one.recipe.name for one in (gaps, *gaps.panel)]
    assert "denoiser" in names and "patches" not in names and len(names) > 1


def test_a_panel_says_of_its_reference_what_it_says_of_rows() -> None:
    """Rows that it was fitted on are scored as if it had not been: by all but the network, which never saw some."""
    rows = flat(300, 4, 2)
    model = fit_panel(rows, SHORT)
    assert model.calibration is not None
    told = score(model, rows)
    fair = np.sort(model.calibration.values.numpy())
    assert np.isin(fair.round(4), told.value.numpy().round(4)).mean() > 0.95
    assert len(fair) == 60


def test_a_panel_finds_tumours_as_well_as_its_best_view() -> None:
    data = load_breast_cancer()
    usual, odd = data.data[data.target == 1], data.data[data.target == 0]
    judged, truth = np.concatenate([usual[180:], odd]), np.repeat([0, 1], [len(usual) - 180, len(odd)])
    area = {
        method: roc_auc_score(truth, -DiffusionDetector(method).fit(usual[:180]).score_samples(judged))
        for method in ("auto", "neighbours")
    }
    assert area["auto"] > 0.93 and area["auto"] > area["neighbours"] - 0.01


def test_numbers_near_the_largest_are_learnt_from() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 3))
    rows[:2, 1] = 1e300, -1e308
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = DiffusionDetector().fit(rows).score_samples(rows)
    assert np.isfinite(scores).all() and scores.argmin() == 1


def test_masked_cells_are_empty_ones() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    empty = rows.copy()
    empty[:20, 0] = np.nan
    masked = np.ma.masked_array(rows, np.isnan(empty))
    found = [DiffusionDetector("neighbours").fit(x).score_samples(x) for x in (masked, empty)]
    assert np.array_equal(*found)


def test_scores_of_rows_that_were_learnt_do_not_depend_on_the_batch() -> None:
    """Each is as high as its own score in the reference, whatever the rounding."""
    rows = flat(300, 6, 3)
    model = fit_panel(rows, SHORT)
    together = score(model, rows)
    for size in (1, 3, 7):
        parts = [score(model, rows[first : first + size]) for first in range(0, 60, size)]
        values = [value for part in parts for value in part.values][:60]
        assert values == pytest.approx(together.values[:60], abs=1e-5)
