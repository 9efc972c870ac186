"""Figures of generated rows, against what is known of the tables, and against SDMetrics where it is installed."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from suffuse.errors import DataError, DomainInputError
from suffuse_tabular.metrics import evaluate, figures, kinds_of, shapes, views
from suffuse_tabular.metrics.closeness import gower
from suffuse_tabular.metrics.learners import linear, taught, trees, two_sample_auroc


def table(count, seed, shift=0.0):
    """Two numbers of correlation 0.9, a category that follows from the first, a truth, a date; one cell in ten empty.

    The category is the first number's sign nine times in ten.
    """
    rng = np.random.default_rng(seed)
    a = rng.normal(size=count)
    b = 0.9 * a + np.sqrt(1 - 0.81) * rng.normal(size=count)
    sign = np.where(rng.random(count) < 0.9, a > 0, rng.random(count) < 0.5)
    kind = np.array(["minus", "plus"])[sign.astype(int)]
    when = np.datetime64("2025-01-01", "s") + (a * 86_400).astype("timedelta64[s]")
    empty = rng.random(count) < 0.1
    return pa.table(
        {
            "a": a + shift,
            "b": b,
            "kind": pa.array(kind, mask=empty),
            "yes": rng.random(count) < 0.3,
            "when": when,
        }
    )


def shuffled(rows, seed=0):
    """Every column drawn by itself."""
    rng = np.random.default_rng(seed)
    return pa.table({name: rows[name].take(rng.permutation(rows.num_rows)) for name in rows.column_names})


@pytest.fixture(scope="module")
def parts():
    return table(1500, 0), table(800, 1), table(800, 2)


@pytest.fixture(scope="module")
def real(parts):
    train, test, other = parts
    return figures(other, test, train, target="kind")


def test_rows_of_the_same_kind_are_at_the_floor(real):
    assert real["n"] == 800
    for name in ("columns", "pairs", "empty"):
        assert real[name] > 0.95
        assert real[name] == pytest.approx(real[f"{name}_floor"], abs=0.02)
    for name in ("trees", "linear"):
        assert real[name] == pytest.approx(0.5, abs=0.06)
    assert real["wasserstein"] < 0.1
    assert real["utility_ratio"] == pytest.approx(1.0, abs=0.1)
    assert real["utility_accuracy"] > 0.85
    assert real["nearest_train_ratio"] == pytest.approx(1.0, abs=0.15)
    assert real["near_train"] == pytest.approx(0.05, abs=0.04)
    assert real["membership"] == pytest.approx(0.5, abs=0.06)
    assert real["neighbour_ratio"] == pytest.approx(real["neighbour_ratio_real"], abs=0.1)


def test_a_shift_is_told_in_deviations(parts, real):
    train, test, _ = parts
    moved = figures(table(800, 2, shift=1.0), test, train, columns={"a": "number"})
    assert moved["wasserstein"] == pytest.approx(1.0, abs=0.1)
    assert moved["columns"] == pytest.approx(1 - (2 * stats.norm.cdf(0.5) - 1), abs=0.05)
    assert moved["linear"] == pytest.approx(stats.norm.cdf(2**-0.5), abs=0.05)  # the AUROC of two normals 1 apart
    assert "pairs" not in moved


def test_copies_of_the_training_part_are_told(parts):
    train, test, _ = parts
    copied = figures(train.slice(0, 800), test, train)
    assert copied["nearest_train_ratio"] == 0.0
    assert copied["near_train"] == 1.0
    assert copied["neighbour_ratio"] == 0.0
    assert copied["membership"] > 0.99
    assert copied["columns"] > 0.95


def test_columns_drawn_by_themselves_fail_in_pairs_and_before_trees(parts, real):
    train, test, other = parts
    mixed = figures(shuffled(other), test, train, target="kind")
    assert mixed["columns"] == pytest.approx(real["columns"], abs=1e-12)
    assert mixed["wasserstein"] == pytest.approx(real["wasserstein"], abs=1e-12)
    assert mixed["pairs"] < real["pairs"] - 0.15
    assert mixed["trees"] > 0.9
    assert mixed["linear"] < 0.6  # means and shares are right
    assert mixed["utility_score"] < 0.7 < real["utility_score"]


def test_cells_that_are_never_empty_are_told(parts):
    train, test, other = parts
    filled = other.set_column(2, "kind", other["kind"].fill_null("plus"))
    found = figures(filled, test, train)
    share = test["kind"].null_count / test.num_rows
    assert found["empty"] == pytest.approx(1 - share / 5)  # one of five columns


def test_the_order_of_columns_does_not_matter(parts, real):
    train, test, other = parts
    turned = other.select(["when", "yes", "kind", "b", "a"])
    assert figures(turned, test, train, target="kind") == real


def test_pairs_are_those_of_their_definitions():
    numbers = np.array([0.0, 1.0, 2.0, 3.0])
    codes = np.array([0, 0, 1, 1])
    # means 0.5 and 2.5 about 1.5: between 4, in all 5
    assert shapes.correlation_ratio(numbers, codes) == pytest.approx((4 / 5) ** 0.5)
    assert shapes.correlation_ratio(np.ones(4), codes) == 0.0
    one = (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    other = (np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    assert shapes.contingency_complement(one, other) == pytest.approx(0.5)
    both = views(
        [pa.table({"x": [1.0, 2.0, 4.0, None], "y": [1.0, 3.0, 2.0, 9.0]})] * 2, {"x": "number", "y": "number"}
    )
    assert shapes.pair_trends(*both)["x", "y"] == 1.0


def test_distances_are_gowers():
    train = pa.table({"x": [0.0, 10.0, None], "c": ["u", "v", None]})
    (view,) = views([train], kinds_of(train))
    expected = [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    assert gower(view, view, view).tolist() == expected
    halfway = views([pa.table({"x": [5.0], "c": ["u"]}), train], kinds_of(train))
    assert gower(halfway[0], halfway[1], halfway[1])[0].tolist() == [0.25, 0.75, 1.0]


def test_numbers_are_learnt_by_r2():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1200)
    rows = pa.table({"x": x, "y": 2 * x + 0.5 * rng.normal(size=1200)})
    train, test = views([rows.slice(0, 800), rows.slice(800)], kinds_of(rows))
    assert taught(train, test, "y")["score"] == pytest.approx(4 / 4.25, abs=0.04)


def test_a_class_that_is_never_made_costs_its_part(parts):
    train, test, _ = parts
    one = train.set_column(2, "kind", pa.array(["plus"] * train.num_rows))
    found = figures(one, test, train, target="kind")
    assert found["utility_score"] < 0.4


def test_learners_take_tables_of_one_kind_of_column(parts):
    _, test, other = parts
    for names in (["a", "b"], ["kind", "yes"]):
        real, made = views([test.select(names), other.select(names)], kinds_of(test.select(names)))
        for learner in (trees, linear):
            assert 0.4 < two_sample_auroc(real, made, learner) < 0.6


@pytest.mark.parametrize(
    ("made", "error"), [(table(1, 0), DomainInputError), (table(9, 0).drop_columns(["a"]), DomainInputError)]
)
def test_what_cannot_be_scored_is_named(made, error, parts):
    train, test, _ = parts
    with pytest.raises(error):
        figures(made, test, train)
    with pytest.raises(DataError, match="test"):
        figures(test, test.slice(0, 1), train)
    with pytest.raises(DomainInputError, match="knd"):
        figures(test, test, train, target="knd")


def test_evaluate_takes_a_models_codec(parts):
    from suffuse_tabular.fit import Options, fit_codec
    from suffuse_tabular.rows import Rows

    train, test, other = (Rows(part) for part in parts)
    found = evaluate(other, test, train, fit_codec(Options(), train))
    assert found["frechet_distance"] < 0.1
    assert found["trees"] == pytest.approx(0.5, abs=0.06)


def test_shapes_agree_with_sdmetrics():
    pytest.importorskip("sdmetrics", reason="SDMetrics is not installed: pip install sdmetrics")
    from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
    from sdmetrics.single_column import KSComplement, TVComplement

    one, other = table(700, 3), shuffled(table(600, 4, shift=0.3))
    one, other = (rows.filter(rows["kind"].is_valid()) for rows in (one, other))
    real, made = views([one, other], kinds_of(one))
    before, after = one.to_pandas(), other.to_pandas()
    columns, pairs = shapes.column_shapes(real, made), shapes.pair_trends(real, made)
    for name in ("a", "b"):
        assert columns[name] == pytest.approx(KSComplement.compute(before[name], after[name]), abs=1e-9)
    for name in ("kind", "yes"):
        assert columns[name] == pytest.approx(TVComplement.compute(before[name], after[name]), abs=1e-9)
    theirs = CorrelationSimilarity.compute(before[["a", "b"]], after[["a", "b"]], coefficient="Spearman")
    assert pairs["a", "b"] == pytest.approx(theirs, abs=1e-9)
    theirs = ContingencySimilarity.compute(before[["kind", "yes"]], after[["kind", "yes"]])
    assert pairs["kind", "yes"] == pytest.approx(theirs, abs=1e-9)
