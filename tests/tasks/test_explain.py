"""Why items are odd, on rows whose conditional means are known, with errors put into one column."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from suffuse.calibration import Calibration
from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.model import Model
from suffuse.recipe import validate
from suffuse.registry import isolated
from suffuse.state import masked_sum
from suffuse.tasks.evaluate import open_splits
from suffuse.tasks.explain import explain
from suffuse.tasks.explained import heat, save
from suffuse.tasks.fit import fit
from suffuse.tasks.inpaint import inpaint
from suffuse.tasks.items import encode_items
from suffuse.tasks.score import calibrate, make_scorer, score
from suffuse.tasks.statistics import contributions
from suffuse.trained import Trained
from tests import columns

COUNT = 40
WRONG = [columns.NAMES[i % len(columns.NAMES)] for i in range(COUNT)]


@pytest.fixture(scope="module", autouse=True)
def domain() -> Iterator[None]:
    with isolated(columns.Plugin()):
        yield


@pytest.fixture(scope="module")
def model() -> Trained:
    return columns.exact(leave_out=True)


@pytest.fixture(scope="module")
def usual(model: Trained) -> Calibration:
    return calibrate(model, columns.rows(10**6, 300), statistic="residual")


def odd_rows() -> list[dict[str, float]]:
    """Rows of which one number is four deviations from what the others say."""
    rows = columns.rows(3 * 10**6, COUNT)
    return [
        {**row, name: columns.conditional_mean(row, name) + (4 if i % 2 else -4) * columns.conditional_deviation(name)}
        for i, (row, name) in enumerate(zip(rows, WRONG, strict=True))
    ]


@pytest.fixture(scope="module")
def found(model: Trained, usual: Calibration):
    return explain(model, odd_rows(), statistic="residual", reference=usual)


def test_the_column_that_adds_most_is_the_wrong_one(found):
    right = [next(iter(one.shares)) == name for one, name in zip(found, WRONG, strict=True)]
    assert sum(right) >= 0.9 * COUNT


def test_the_column_that_is_blamed_is_the_wrong_one_and_alone(found):
    assert sum(one.guilty == (name,) for one, name in zip(found, WRONG, strict=True)) >= 0.95 * COUNT


def test_the_counterfactual_is_what_the_other_columns_say(found):
    """Within the deviation that rows have which agree in all other columns, on average."""
    errors = [
        (one.usual[name] - columns.conditional_mean(row, name)) / columns.conditional_deviation(name)
        for one, name, row in zip(found, WRONG, odd_rows(), strict=True)
        if one.guilty == (name,)
    ]
    assert torch.tensor(errors).square().mean().sqrt() < 1.0
    for one, row in zip(found, odd_rows(), strict=True):
        for name in columns.NAMES:
            assert name in one.guilty or one.usual[name] == pytest.approx(row[name], abs=1e-5)


def test_without_what_is_blamed_an_item_is_usual(found, model, usual):
    assert all(one.usual_p is not None and one.usual_p > 0.05 for one in found)
    assert all(one.usual_score < one.score for one in found)
    again = score(model, [one.usual for one in found], statistic="residual", reference=usual)
    assert again.values == pytest.approx([one.usual_score for one in found])
    assert score(model, odd_rows(), statistic="residual").values == pytest.approx([one.score for one in found])


def test_the_reason_is_the_domains(found):
    one = found[0]
    assert one.reason.startswith(f"{one.guilty[0]} is {one.item[one.guilty[0]]:.2f}; rows like this have about")


def test_explanations_do_not_depend_on_chance(model, usual, found):
    again = explain(model, odd_rows(), statistic="residual", reference=usual)
    assert [row | {} for row in again.rows()] == list(found.rows())


def test_shares_sum_to_one_and_are_what_the_score_is_a_sum_of(model):
    scorer = make_scorer(model, statistic="residual")
    items = columns.rows(5 * 10**6, 9)
    entries = contributions(model, scorer.statistic, items, range(9), {}, None)
    torch.testing.assert_close(masked_sum(entries), torch.ones(9, dtype=torch.float64))
    assert isinstance(entries, torch.Tensor)
    assert (entries >= 0.0).all()
    ratios = scorer.statistic._ratios(model)
    means = model.denoiser.network.at_levels(encode_items(model, items), ratios, {})
    squares = [(encode_items(model, items) - mean).double().square() / 6 for mean in means]
    adds = sum(s / s.sum(1, keepdim=True).sqrt() for s in squares) / len(squares)
    torch.testing.assert_close(adds.sum(1), scorer(items).value)
    torch.testing.assert_close(entries, adds / adds.sum(1, keepdim=True))


def test_without_a_reference_half_of_the_score_is_made_anew(model):
    for one in explain(model, odd_rows()[:6], statistic="residual", parts=6):
        blamed = [one.shares[name] for name in one.guilty]
        assert sum(blamed) >= 0.5 > sum(blamed[:-1])


def test_a_threshold_tells_when_it_is_enough(model, usual):
    """A threshold that nothing passes has all parts blamed that may be; one that all pass a single one."""
    items = odd_rows()[:4]
    strict, lax = (replace(usual, threshold=value) for value in (0.0, 1e9))
    most = explain(model, items, statistic="residual", reference=strict, parts=3)
    least = explain(model, items, statistic="residual", reference=lax, parts=3)
    assert {len(one.guilty) for one in least} == {1}
    assert max(len(one.guilty) for one in most) > 1


def test_two_wrong_columns_are_both_blamed(model, usual):
    rows = [{**row, "height": row["height"] + 4.0, "pulse": row["pulse"] - 5.0} for row in columns.rows(4 * 10**6, 20)]
    found = explain(model, rows, statistic="residual", reference=usual)
    assert sum(set(one.guilty) == {"height", "pulse"} for one in found) >= 14


def test_gaps_stay_gaps():
    model = columns.exact(1000, "gaps", gaps=0.1)
    rows = [{**row, "age": None} for row in odd_rows()[:5]]  # of these the first five columns are wrong
    for one, name in zip(explain(model, rows, statistic="residual"), WRONG, strict=False):
        assert one.usual["age"] is None
        assert one.shares["age"] == 0.0
        assert one.usual[one.guilty[0]] is not None
        assert next(iter(one.shares)) in (name, one.guilty[0])


def test_a_class_can_be_to_blame():
    recipe = columns.recipe(
        network={"name": "mlp", "width": 32, "depth": 2}, predict="flow", process={"kernel": "absorbing"},
        codec={"layout": "mixed"}, train={"steps": 300, "batch": 64, "log_every": 300},
        optimizer={"learning_rate": 3e-3, "warmup": 20}, data={"count": 800},
    )  # fmt: skip
    asked = validate(recipe)
    model = fit(asked, open_splits(asked))
    rows = [row for row in columns.rows(6 * 10**6, 24) if abs(row["height"]) > 0.7]
    wrong = [{**row, "colour": columns.COLOURS[row["height"] < 0.0]} for row in rows]  # the rarer one
    found = explain(model, wrong, statistic="residual", tries=1, steps=4)
    told = [one for one in found if next(iter(one.shares)) == "colour"]
    assert len(told) >= 0.8 * len(rows)
    assert sum(one.usual["colour"] != one.item["colour"] for one in told if "colour" in one.guilty) >= 0.7 * len(told)


def test_parts_are_filled_by_name(model):
    rows = columns.rows(7 * 10**6, 6)
    made = inpaint(model, rows, fill=["age", "pulse"]).items
    for row, new in zip(rows, made, strict=True):
        assert [name for name in columns.NAMES if abs(row[name] - new[name]) > 1e-5] == ["pulse", "age"]
    with pytest.raises(DomainInputError, match="pulse"):
        inpaint(model, rows, fill="puls")


def test_regions_are_blamed_where_parts_have_no_names(model, usual, monkeypatch):
    monkeypatch.setattr(columns.ColumnsCodec, "parts", lambda self: None)
    found = explain(model, odd_rows()[:6], statistic="residual", reference=usual)
    for one, name in zip(found, WRONG, strict=False):
        assert one.guilty == ()
        assert one.shares == {}
        assert one.made_anew[0, columns.NAMES.index(name)]
        assert heat(one.entries).shape == (1, len(columns.NAMES))


def test_what_is_wrong_is_named(model):
    rows = columns.rows(0, 2)
    with pytest.raises(UnsupportedError, match="residual"):
        explain(model, rows, statistic="likelihood")
    with pytest.raises(DomainInputError, match="parts"):
        explain(model, rows, parts=0)
    with pytest.raises(DomainInputError, match="names"):
        explain(model, rows, names=["a"])
    with pytest.raises(DomainInputError, match="empty"):
        explain(model, [])


def test_explanations_are_written_down(model, found, tmp_path):
    table, whole, picture, usual = save(model, found, tmp_path)
    rows = list(csv.DictReader(table.open()))
    assert [row["parts"] for row in rows] == ["; ".join(one.guilty) for one in found]
    told = json.loads(whole.read_text())
    assert told["statistic"] == "residual"
    assert told["explanations"][0]["shares"] == pytest.approx(dict(found[0].shares))
    assert picture.stat().st_size > 1000
    assert json.loads(usual.read_text()) == [one.usual for one in found]


def test_a_model_explains(model, usual):
    whole = Model(model.recipe, model.codec, model.conditions, model.denoiser, calibration=usual)
    found = whole.explain(odd_rows()[:2], names=["a", "b"])
    assert found.statistic == "residual"  # its own
    assert [one.name for one in found] == ["a", "b"]
    assert all(one.p is not None for one in found)
