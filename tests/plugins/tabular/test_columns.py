"""Every kind of column takes its cells to numbers and back, against scikit-learn and scipy where these know it."""

from __future__ import annotations

import datetime
import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from suffuse_tabular import columns as kinds
from suffuse_tabular.cells import DAY, numbers, seconds, truths
from suffuse_tabular.columns import Boolean, Category, Datetime, LogTails, Number, Ordinal, Ranked, ranked

HERE = np.ones(1, dtype=bool)


def back(column, cells):
    """Cells that were encoded and decoded."""
    raw = column.raw(cells)
    return column.cells(np.nan_to_num(raw), ~np.isnan(raw).any(0)).to_pylist()


def again(column):
    """A column that was kept as JSON."""
    return kinds.from_json(json.loads(json.dumps(kinds.to_json(column))))


def test_numbers_are_standardized_as_scikit_learn_does():
    x = np.random.default_rng(0).gamma(2.0, 3.0, 500)
    column = Number.fit("x", pa.array(x))
    ours = (column.raw(pa.array(x))[0] - column.mean) / column.scale
    np.testing.assert_allclose(ours, StandardScaler().fit_transform(x[:, None])[:, 0], rtol=1e-12)


def test_one_hot_is_scikit_learns():
    cells = np.random.default_rng(0).choice(["u", "v", "w"], 200)
    column = Category.fit("c", pa.array(cells), most=10)
    theirs = OneHotEncoder(categories=[list(column.classes)]).fit_transform(cells[:, None]).toarray()
    np.testing.assert_array_equal(column.raw(pa.array(cells))[:-1].T, theirs)


def test_ranks_become_normal_scores():
    x = np.random.default_rng(0).lognormal(0.0, 2.0, 800)
    column = Ranked.fit("x", pa.array(x))
    z = column.raw(pa.array(x))[0]
    np.testing.assert_allclose(z, stats.norm.ppf((stats.rankdata(x) - 0.5) / len(x)), atol=1e-9)
    tied = np.repeat([1.0, 2.0, 5.0], [10, 20, 10])
    z = Ranked.fit("x", pa.array(tied)).raw(pa.array(tied))[0]
    np.testing.assert_allclose(z, stats.norm.ppf((stats.rankdata(tied) - 0.5) / 40), atol=1e-9)


def test_ranks_are_invertible_and_far_cells_stay_far():
    x = np.random.default_rng(0).lognormal(0.0, 1.0, 5000)
    column = Ranked.fit("x", pa.array(x))
    assert len(column.values) == ranked.KNOTS
    asked = np.array([x.min() - 100.0, x.min(), np.median(x), x.max(), x.max() + 50.0, x.max() + 500.0])
    np.testing.assert_allclose(back(column, pa.array(asked)), asked, rtol=1e-9)
    z = column.raw(pa.array(asked))[0]
    np.testing.assert_allclose(np.diff(z)[3:], np.diff(asked)[3:] / column.scale, rtol=1e-9)


def test_logarithmic_tails_are_bent_beyond_three_deviations_and_invertible():
    x = np.random.default_rng(0).normal(5.0, 2.0, 1000)
    column = LogTails.fit("x", pa.array(x))
    z = np.array([-1e6, -4.0, -3.0, -1.0, 0.0, 2.9, 3.0, 3.0 * math.e, 1e3, 1e12])
    asked = pa.array(column.mean + column.scale * z)
    bent = column.raw(asked)[0]
    np.testing.assert_allclose(bent[2:7], z[2:7], atol=1e-9)
    far = np.abs(z) > 3.0
    np.testing.assert_allclose(bent[far], np.sign(z[far]) * 3.0 * (1.0 + np.log(np.abs(z[far]) / 3.0)), rtol=1e-9)
    assert bent[7] == pytest.approx(6.0) and (column.means, column.scales) == ((0.0,), (1.0,))
    np.testing.assert_allclose(back(column, asked), asked.to_numpy(), rtol=1e-11)
    assert again(column) == column and (column.mean, column.scale) == pytest.approx((x.mean(), x.std()))
    wrong = column.raw(pa.array([None, math.inf, 1e308]))[0]
    assert math.isnan(wrong[0]) and math.isinf(wrong[1]) and math.isfinite(wrong[2])
    assert math.isfinite(column.cells(np.array([[1e9]]), HERE)[0].as_py())


def test_logarithmic_tails_of_a_column_that_never_changes_have_the_scale_one():
    column = LogTails.fit("x", pa.array([7] * 9))
    assert (column.mean, column.scale) == (7.0, 1.0)
    np.testing.assert_allclose(column.raw(pa.array([7, 9, 7 + 30]))[0], [0.0, 2.0, 3.0 * (1.0 + math.log(10.0))])
    assert back(column, pa.array([7, 9, 107])) == [7, 9, 107]


@pytest.mark.parametrize("fit", [Number.fit, Ranked.fit])
@pytest.mark.parametrize("value", [0.0, 5.0, -1e9, 1e-12])
def test_a_constant_column_is_zero_and_another_number_far(fit, value):
    column = fit("x", pa.array([value] * 7))
    z = (column.raw(pa.array([value, value + 10.0 * (abs(value) or 1.0)]))[0] - column.means[0]) / column.scales[0]
    assert abs(z[0]) < 1e-9 and z[1] > 5.0


def test_a_column_that_is_constant_but_for_rounding_is_constant():
    column = Number.fit("x", pa.array([0.1 + 0.2, 0.3, 0.3]))
    assert column.scale == pytest.approx(0.3)


def test_integers_come_back_as_integers_within_their_type():
    column = Number.fit("n", pa.array([1, 2, 200], pa.uint8()))
    made = column.cells(np.array([[-5.0, 3.4, 999.0, 7.0]]), np.array([True, True, True, False]))
    assert made.type == pa.uint8() and made.to_pylist() == [0, 3, 255, None]
    wide = Number.fit("n", pa.array([1, 2]))
    assert wide.cells(np.array([[1e300, -1e300]]), np.ones(2, bool)).to_pylist()[1] == -(2**63)


def test_decimals_are_those_of_the_training_cells():
    assert Number.fit("x", pa.array([1.25, 3.5])).decimals == 2
    assert Number.fit("x", pa.array([1 / 3, 3.5])).decimals is None
    assert Ranked.fit("x", pa.array([10.0, 20.0, 30.0])).cells(np.array([[0.1]]), HERE).to_pylist()[0] % 1 == 0


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (pa.array([1, None]), [1, np.nan]),
        (pa.array([1.5, float("nan"), float("inf")]), [1.5, np.nan, np.inf]),
        (pa.array([True, False, None]), [1, 0, np.nan]),
        (pa.array(["1.5", " 2 ", "", None, "x", "1e3"]), [1.5, 2, np.nan, np.nan, np.inf, 1000]),
        (pa.nulls(2), [np.nan, np.nan]),
        (pa.array([[1], None]), [np.inf, np.nan]),
        (pa.array([1.5, 2.5]).dictionary_encode(), [1.5, 2.5]),
        (pa.array([1, 2], pa.decimal128(5, 2)), [1, 2]),
        (pa.array([datetime.date(2020, 1, 1)]), [np.inf]),
    ],
)
def test_cells_of_other_types_are_numbers_or_cannot_be(cells, wanted):
    found = numbers(cells)
    np.testing.assert_array_equal(np.where(np.isinf(found), np.inf, found), wanted)


def test_truths_are_told_in_several_ways():
    told = pa.array(["true", "False", "1", "no", "", None, "maybe"])
    np.testing.assert_array_equal(truths(told), [1, 0, 1, 0, np.nan, np.nan, np.inf])
    np.testing.assert_array_equal(truths(pa.array([0, 1, 2])), [0, 1, np.inf])
    column = Boolean.fit("b", pa.array([True, False, None]))
    assert back(column, pa.array([True, False, None])) == [True, False, None]


def test_a_category_never_seen_is_as_far_as_any_other_and_far_from_all():
    column = Category.fit("c", pa.array(["u"] * 5 + ["v"] * 3 + [None]), most=10)
    raw = column.raw(pa.array(["u", "v", "new", None]))
    u, v, new = raw[:, :3].T
    assert np.isnan(raw[:, 3]).all() and column.classes == ("u", "v")
    assert np.linalg.norm(u - v) == np.linalg.norm(u - new) == np.linalg.norm(v - new)
    assert sum(column.frequencies) == pytest.approx(1.0) and 0.0 < column.frequencies[-1] < 1 / 8


def test_rare_categories_are_of_one_class_that_is_decoded_to_the_most_frequent_of_them():
    column = Category.fit("c", pa.array(["a"] * 6 + ["b"] * 4 + ["c"] * 2 + ["d"]), most=2)
    assert column.frequencies == pytest.approx((6 / 13, 4 / 13, 3 / 13)) and column.rest == "c"
    assert back(column, pa.array(["a", "b", "c", "d"])) == ["a", "b", "c", "c"]


def test_a_category_weighs_as_much_as_a_number_however_many_classes_it_has():
    rng = np.random.default_rng(0)
    for classes in (2, 5, 80):
        cells = pa.array(rng.integers(0, classes, 4000).astype(str))
        column = Category.fit("c", cells, most=100)
        scaled = (column.raw(cells) - np.array(column.means)[:, None]) / np.array(column.scales)[:, None]
        assert scaled.var(axis=1).sum() == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("type", [pa.int64(), pa.int16(), pa.bool_(), pa.string(), pa.large_string()])
def test_categories_keep_their_type(type):
    values = [True, False, True] if type == pa.bool_() else [3, 1, 3]
    cells = pa.array(values).cast(type) if type != pa.bool_() else pa.array(values)
    column = Category.fit("c", cells, most=10)
    assert back(column, cells) == cells.to_pylist()
    assert back(column, cells.dictionary_encode()) == cells.to_pylist()


def test_whole_numbers_that_an_empty_cell_made_floats_are_the_same_categories():
    column = Category.fit("zip", pa.array([101, 202, 101]), most=10)
    assert column.indices(pa.array([101.0, None, 202.0, 303.0])).tolist() == [0, -1, 1, 2]


def test_ordinals_are_numbers_in_their_order_and_know_no_others():
    column = Ordinal.fit("size", pa.array(["S", "M", "L", None]), ["S", "M", "L"])
    np.testing.assert_array_equal(column.raw(pa.array(["S", "M", "L", None, "XXL"]))[0], [0, 1, 2, np.nan, np.inf])
    assert column.cells(np.array([[-3.0, 0.4, 9.0]]), np.ones(3, bool)).to_pylist() == ["S", "S", "L"]
    numbers = Ordinal.fit("n", pa.array([1, 3, 2]), ["1", "2", "3"])
    assert back(numbers, pa.array([3, 1])) == [3, 1]


UTC = datetime.UTC
TIMES = [
    pa.array([datetime.date(2024, 2, 29), None, datetime.date(1969, 12, 31)]),
    pa.array([datetime.datetime(2024, 2, 29, 5), None], pa.timestamp("s")),
    pa.array([datetime.datetime(2024, 2, 29, 5, 6, 7, 890), None], pa.timestamp("us")),
    pa.array([datetime.datetime(2024, 2, 29, 5, tzinfo=UTC), None], pa.timestamp("ms", "Europe/Berlin")),
    pa.array([datetime.datetime(2024, 2, 29, 5), None], pa.timestamp("ns")),
    pa.array(["2024-02-29", None]),
    pa.array(["2024-02-29T05:06:07", None]),
]


@pytest.mark.parametrize("cells", TIMES, ids=lambda cells: str(cells.type))
def test_times_come_back_with_their_unit_and_zone(cells):
    column = Datetime.fit("t", cells)
    raw = column.raw(cells)
    made = column.cells(np.nan_to_num(raw), ~np.isnan(raw).any(0))
    assert made.to_pylist() == cells.to_pylist() and made.type in (cells.type, pa.string())


def test_times_are_seconds_whatever_their_form():
    wanted = datetime.datetime(2024, 2, 29, 5, tzinfo=UTC).timestamp()
    for cells in (
        pa.array([datetime.datetime(2024, 2, 29, 5)], pa.timestamp("s")),
        pa.array([datetime.datetime(2024, 2, 29, 5)], pa.timestamp("ns")),
        pa.array(["2024-02-29T05:00:00"]),
        pa.array(["2024-02-29 05:00"]),
        pa.array(["2024-02-29T06:00:00+01:00"]),
        pa.array(["2024-02-29T06:00:00+01:00", "2024-02-29"]).slice(0, 1),
    ):
        assert seconds(cells)[0] == wanted
    np.testing.assert_array_equal(seconds(pa.array(["soon", "", "2024-13-01"])), [np.inf, np.nan, np.inf])


def test_times_are_decoded_to_the_step_of_the_training_cells():
    hours = pa.array([datetime.datetime(2024, 1, 1, h) for h in range(5)], pa.timestamp("us"))
    column = Datetime.fit("t", hours)
    assert column.step == 3600.0
    assert back(column, pa.array([datetime.datetime(2024, 1, 1, 1, 40)], pa.timestamp("us")))[0].hour == 2


@pytest.mark.parametrize("cells", TIMES, ids=lambda cells: str(cells.type))
def test_times_out_of_any_calendar_are_brought_into_it(cells):
    column = Datetime.fit("t", cells)
    made = column.cells(np.array([[1e30, -1e30]]), np.ones(2, bool)).to_pylist()
    assert None not in made and str(made[0]) > str(made[1])


def test_cycles_of_a_day_are_entries_besides():
    cells = pa.array([datetime.datetime(2024, 1, 1 + d, h) for d in range(3) for h in range(24)], pa.timestamp("s"))
    column = Datetime.fit("t", cells, [DAY])
    raw = column.raw(cells)
    assert raw.shape == (3, 72) and len(column.means) == len(column.scales) == 3
    np.testing.assert_allclose(raw[1:, :24], raw[1:, 24:48], atol=1e-9)
    assert back(column, cells) == cells.to_pylist()


FITS = {
    "number": (lambda c: Number.fit("x", c), st.floats(-1e6, 1e6)),
    "ranked": (lambda c: Ranked.fit("x", c), st.floats(-1e6, 1e6)),
    "integer": (lambda c: Number.fit("x", c), st.integers(-(2**40), 2**40)),
    "boolean": (lambda c: Boolean.fit("x", c), st.booleans()),
    "category": (lambda c: Category.fit("x", c, 10**6), st.text(min_size=1, max_size=3)),
    "datetime": (
        lambda c: Datetime.fit("x", c),
        st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)),
    ),
}


@pytest.mark.parametrize("kind", FITS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_all_cells_come_back_and_json_keeps_a_column(kind, data):
    fit, cell = FITS[kind]
    drawn = data.draw(
        st.lists(st.none() | cell, min_size=1, max_size=30).filter(lambda x: any(c is not None for c in x))
    )
    cells = pa.array(drawn)
    column = again(fit(cells))
    for one, other in zip(drawn, back(column, cells), strict=True):
        if isinstance(one, float):
            assert other == pytest.approx(one, rel=1e-9, abs=1e-6 * (1.0 + abs(one)))
        elif isinstance(one, datetime.datetime):
            assert abs(other - one) <= datetime.timedelta(microseconds=2)  # seconds of a float64
        else:
            assert one == other
    np.testing.assert_array_equal(column.raw(cells), fit(cells).raw(cells))
