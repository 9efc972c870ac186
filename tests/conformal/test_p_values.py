"""Conformal p-values are super-uniform, whatever the scores."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import kstest

from suffuse.conformal import p_values, tie_breaks, trim
from suffuse.errors import DomainInputError, RecipeError


def test_they_count_the_reference_and_the_item_itself():
    assert p_values([0.0, 1.5, 2.0, 9.0], [3.0, 1.0, 2.0, 2.0]).tolist() == [1.0, 0.8, 0.8, 0.2]
    assert p_values([-np.inf, np.inf], [0.0, np.inf]).tolist() == [1.0, 2 / 3]


def test_ties_may_be_broken_by_a_number_from_0_to_1():
    ends = [p_values([2.0], [3.0, 1.0, 2.0, 2.0], ties=[u])[0] for u in (0.0, 0.5, 1.0)]
    assert ends == pytest.approx([0.2, 0.5, 0.8])


@pytest.mark.parametrize("pool", [(0.0, 1.0, 2.0, 3.0), (0.0, 1.0, 1.0, 1.0), (2.0, 2.0, 5.0, 5.0)])
def test_exactly_super_uniform_over_all_orders_of_exchangeable_scores(pool):
    """Every order of the pool being as likely, P(p ≤ a) is counted exactly."""
    found = np.array([p_values([first], rest)[0] for first, *rest in permutations(pool)])
    for level in np.linspace(0.01, 1.0, 100):
        assert (found <= level + 1e-12).mean() <= level + 1e-12
    if len(set(pool)) == len(pool):
        assert sorted(found) == sorted([0.25, 0.5, 0.75, 1.0] * 6)


@pytest.mark.parametrize("draw", ["normal", "standard_cauchy", "poisson"])
def test_super_uniform_on_simulated_scores_of_any_distribution(draw):
    rng, repeats, n = np.random.default_rng(0), 20_000, 49
    scores = np.asarray(getattr(rng, draw)(size=(repeats, n + 1)), dtype=np.float64)
    found = np.array([p_values(row[:1], row[1:])[0] for row in scores])
    for level in (0.02, 0.1, 0.5, 0.9):
        error = np.sqrt(level * (1.0 - level) / repeats)
        assert (found <= level + 1e-12).mean() <= level + 4.0 * error
        if draw != "poisson":
            assert (found <= level + 1e-12).mean() >= level - 4.0 * error
    if draw == "poisson":
        exact = [p_values(row[:1], row[1:], tie_breaks(1, 7, i))[0] for i, row in enumerate(scores)]
        assert kstest(exact, "uniform").pvalue > 1e-3 > kstest(found, "uniform").pvalue


def test_tie_breaks_belong_to_an_item_not_to_a_batch():
    whole = tie_breaks(10, seed=3)
    assert np.concatenate([tie_breaks(4, 3), tie_breaks(6, 3, first=4)]).tolist() == whole.tolist()
    assert tie_breaks(10, seed=4).tolist() != whole.tolist()
    many = tie_breaks(10_000)
    assert many.min() > 0.0 and many.max() <= 1.0 and kstest(many, "uniform").pvalue > 1e-3


def test_trimming_removes_the_oddest_and_costs_validity_on_clean_data():
    assert trim([3.0, 1.0, 2.0, 9.0], 0.3).tolist() == [1.0, 2.0, 3.0]
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4000, 101))
    trimmed = np.array([p_values(row[:1], trim(row[1:], 0.05))[0] for row in scores])
    assert (trimmed <= 0.02).mean() > 0.05  # 7 % of usual items are beyond the 96 that were left: as documented


def test_bad_input_is_named():
    with pytest.raises(DomainInputError, match=r"scores\[1\].*not a number"):
        p_values([0.0, np.nan], [1.0])
    with pytest.raises(DomainInputError, match="reference: has too few"):
        p_values([0.0], [])
    with pytest.raises(DomainInputError, match="not a list of numbers"):
        p_values([[0.0]], [1.0])
    with pytest.raises(RecipeError, match="odd: is out of range"):
        trim([1.0], 1.0)
