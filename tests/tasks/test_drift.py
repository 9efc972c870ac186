"""Which parts moved: distances and chances against scipy on the same numbers, and streams against the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency, ks_2samp

from suffuse import conformal
from suffuse.domain import Unreadable
from suffuse.errors import DataError, DomainInputError, RecipeError, UnsupportedError
from suffuse.model import Model, load
from suffuse.parts import Parts
from suffuse.portrait import KNOTS, Portrait, count, slots
from suffuse.recipe import validate
from suffuse.registry import isolated
from suffuse.report.drift import sentences, write_drift
from suffuse.tasks.drift import drift, make_watch, seen_of
from suffuse.tasks.score import calibrate, score
from suffuse.trained import Trained, build_denoiser
from tests import columns, toy

FAR = -100.0
"""Stands for a cell that is empty, below all others."""


@pytest.fixture(scope="module", autouse=True)
def domain() -> Iterator[None]:
    with isolated(columns.Plugin()):
        yield


def usual(layout: str, count: int = 200):
    """A calibrated model, and the rows it was calibrated on."""
    rows = columns.rows(10**6, count)
    if layout == "gaps":
        rows = columns.with_gaps(rows, 0.1)
    model = columns.exact(400, layout)
    return replace(model, calibration=calibrate(model, rows, statistic="residual", levels=1)), rows


@pytest.fixture(scope="module")
def calibrated():
    return usual("vector")


def shifted(seed: int, count: int, **by: float):
    return [{**row, **{name: row[name] + x for name, x in by.items()}} for row in columns.rows(seed, count)]


def numbers(rows, name: str):
    return np.array([FAR if row[name] is None else row[name] for row in rows])


def test_distances_and_chances_are_those_of_two_samples(calibrated) -> None:
    model, then = calibrated
    now = shifted(5, 300, pulse=0.5, age=0.1)
    for part in drift(model, now, scores=False).parts:
        told = ks_2samp(numbers(then, part.name), numbers(now, part.name), method="asymp")
        assert part.distance == pytest.approx(told.statistic, abs=1e-12)
        assert part.p == pytest.approx(told.pvalue, rel=1e-6)


def test_more_items_than_knots_are_known_to_one_part_in_as_many() -> None:
    rows = columns.rows(10**6, 1500)
    portrait = Portrait.of(columns.ColumnsCodec(), rows)
    assert portrait is not None and portrait.knots.shape == (len(columns.NAMES), KNOTS)
    now = shifted(5, 700, reach=0.4)
    model = columns.exact(50)
    usual = replace(calibrate(model, rows[:10], statistic="residual", levels=1), usual=portrait)
    for part in drift(model, now, reference=usual).parts:
        exact = ks_2samp(numbers(rows, part.name), numbers(now, part.name)).statistic
        assert exact - 1.5 / KNOTS < part.distance <= exact + 1e-12


def test_what_moved_is_found_and_comes_first(calibrated) -> None:
    model, _ = calibrated
    found = drift(model, shifted(5, 500, pulse=1.0, reach=0.5))
    assert [part.name for part in found.moved][:2] == ["pulse", "reach"]
    assert found.parts[0].shift == pytest.approx(1.0, abs=0.25) and found.furthest == found.parts[0].distance
    assert found.scores is not None and found.scores.low and found.scores.p < 0.01
    assert "odder" in sentences(found)[1]


def test_nothing_is_said_to_have_moved_of_items_as_they_were(calibrated) -> None:
    model, _ = calibrated
    alarms = [len(drift(model, columns.rows(50 + seed, 200), scores=False).moved) > 0 for seed in range(40)]
    assert np.mean(alarms) < 0.15  # 5 % are promised, and the columns depend on each other


def test_an_empty_cell_is_a_value_below_all_others() -> None:
    model, then = usual("gaps")
    now = columns.with_gaps(columns.rows(5, 300), 0.35)
    found = {part.name: part for part in drift(model, now, scores=False).parts}
    for name, part in found.items():
        told = ks_2samp(numbers(then, name), numbers(now, name), method="asymp")
        assert part.distance == pytest.approx(told.statistic, abs=1e-12)
        lacking = [np.mean(numbers(rows, name) == FAR) for rows in (then, now)]
        assert part.absent == pytest.approx(lacking)


def test_classes_are_compared_by_their_shares() -> None:
    then = columns.rows(10**6, 200)
    asked = validate(columns.recipe(network={"name": "mlp", "width": 8, "depth": 1}, codec={"layout": "mixed"}))
    codec = columns.ColumnsCodec("mixed")
    model = Trained(asked, codec, {}, build_denoiser(asked, codec, {}))
    now = [{**row, "colour": "red" if i % 3 else row["colour"]} for i, row in enumerate(columns.rows(5, 300))]
    part = drift(model, now, reference=then).parts[0]
    reds = [sum(row["colour"] == "red" for row in rows) for rows in (then, now)]
    table = [[red, len(rows) - red] for red, rows in zip(reds, (then, now), strict=True)]
    assert part.name == "colour" and part.moved
    assert part.distance == pytest.approx(abs(reds[0] / len(then) - reds[1] / len(now)))
    assert part.p == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert part.then == f"0 {reds[0] / len(then):.1%}"


def test_scores_are_compared_by_their_p_values(calibrated) -> None:
    model, _ = calibrated
    now = shifted(5, 120, pulse=0.7)
    told = conformal.drift(score(model, now).p_values, len(model.calibration.values))
    assert drift(model, now, batch=32).scores == told


def test_a_stream_is_compared_as_the_whole(calibrated) -> None:
    model, _ = calibrated
    now = shifted(5, 130, age=0.6)
    watch = make_watch(model)
    halves = seen_of(watch, [now[:70]]) + seen_of(watch, [now[70:90], now[90:]])
    assert watch.judge(halves).to_json() == drift(model, iter(now), batch=130).to_json()


def test_what_cannot_be_encoded_is_counted(calibrated) -> None:
    model, _ = calibrated
    rows = columns.rows(5, 30)
    broken = Unreadable(DataError("is broken"))
    assert make_watch(model).see([*rows, broken]).faults == 1
    with pytest.raises(DomainInputError, match="none that can be compared"):
        drift(model, iter([broken]))


def test_the_file_keeps_it(calibrated, tmp_path) -> None:
    model, _ = calibrated
    kept = Model.read(model.save(tmp_path / "model.safetensors"))
    now = shifted(5, 50, stride=0.4)
    assert kept.drift(now).to_json() == drift(model, now).to_json()


def test_it_asks_for_something_to_compare_with() -> None:
    model = columns.exact(50)
    with pytest.raises(RecipeError, match="reference='data'"):
        drift(model, columns.rows(5, 20))
    found = drift(model, shifted(5, 300, pulse=1.5), reference=columns.rows(9, 100))
    assert found.moved[0].name == "pulse" and found.scores is None and found.reference == 100
    with pytest.raises(RecipeError, match="rate"):
        drift(model, columns.rows(5, 20), reference=columns.rows(9, 100), rate=1.0)


def test_parts_need_names(toy_run) -> None:
    with isolated(toy.Plugin()):
        model = load(toy_run.folder)
        with pytest.raises(UnsupportedError, match="no names"):
            drift(model, model.generate(1))


def test_channels_are_pooled_over_time() -> None:
    """A part that has several values in an item has all of them counted."""

    class Recording(columns.ColumnsCodec):
        def parts(self) -> Parts:
            return Parts(("left", "right"), torch.tensor([[[0], [1]]]))

    state = torch.randn(5, 2, 7, dtype=torch.float64)
    codec = Recording()
    assert [slot.entries for slot in slots(codec)] == [(0,), (1,)]
    tally = count(codec, state, torch.tensor([[0.0], [0.5]], dtype=torch.float64))
    assert tally.items == 5 and tally.present.tolist() == [35, 35]
    assert tally.at_most[:, 0].tolist() == [int((state[:, 0] <= 0).sum()), int((state[:, 1] <= 0.5).sum())]


def test_it_is_written_as_a_page_and_as_figures(calibrated, tmp_path) -> None:
    model, _ = calibrated
    found = drift(model, shifted(5, 300, pulse=1.0))
    page = write_drift(model, found, tmp_path / "drift.html", "rows").read_text()
    assert page.count("<svg") >= 2 and "pulse" in page and "src=" not in page
    told = json.loads(write_drift(model, found, tmp_path / "drift.json").read_text())
    assert told["parts"][0]["part"] == "pulse" and told["items"] == 300
    with pytest.raises(DomainInputError, match="html"):
        write_drift(model, found, tmp_path / "drift.pdf")
