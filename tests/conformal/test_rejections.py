"""Rejections against scipy, and the rates that they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from suffuse.conformal import (
    benjamini_hochberg,
    e_benjamini_hochberg,
    e_values,
    from_p,
    p_values,
    soft_rank,
    storey,
    trim,
    usual_share,
)
from suffuse.errors import DomainInputError, RecipeError
from tests.conformal.streams import batches, realised

RATE = 0.1
HIGHEST = 0.105


@pytest.mark.parametrize("power", [1, 2, 4])
def test_benjamini_hochberg_is_scipys(power):
    rng = np.random.default_rng(power)
    for _ in range(200):
        p = np.round(rng.uniform(size=int(rng.integers(1, 60))) ** power, 2)  # with ties
        assert (benjamini_hochberg(p, RATE) == (false_discovery_control(p) <= RATE + 1e-15)).all()


def test_nothing_and_everything():
    assert benjamini_hochberg([], RATE).tolist() == storey([], RATE).tolist() == []
    assert benjamini_hochberg([0.0, 0.0], RATE).all() and not benjamini_hochberg([1.0, 0.5], RATE).any()
    assert e_benjamini_hochberg([0.0, np.inf], RATE).tolist() == [False, True]
    assert e_benjamini_hochberg([], RATE).tolist() == []


def test_rate_is_kept_and_used_up():
    """For continuous scores the rate of Benjamini and Hochberg is the wanted one times the usual share."""
    rate, error, _ = batches(lambda p: benjamini_hochberg(p, RATE), repeats=1500)
    assert rate <= HIGHEST + 2.0 * error
    assert rate == pytest.approx(0.8 * RATE, abs=0.005 + 4.0 * error)


def test_rate_is_kept_by_a_contaminated_reference_at_the_cost_of_power():
    def decide(p):
        return benjamini_hochberg(p, RATE)

    clean = batches(decide, repeats=600)
    dirty = batches(decide, repeats=600, contaminated=0.05)
    trimmed = batches(decide, repeats=600, contaminated=0.05, prepare=lambda x: trim(x, 0.04))
    assert dirty[0] <= HIGHEST + 2.0 * dirty[1]
    assert dirty[0] < 0.5 * clean[0] and dirty[2] < clean[2] - 0.2
    assert trimmed[0] <= HIGHEST + 2.0 * trimmed[1]
    assert trimmed[2] > dirty[2] + 0.1


def test_trimming_a_clean_reference_breaks_the_promise():
    rate, error, _ = batches(lambda p: benjamini_hochberg(p, RATE), repeats=300, prepare=lambda x: trim(x, 0.05))
    assert rate - 3.0 * error > RATE


def test_more_power_than_bonferroni_and_storey_more_still():
    options = {"repeats": 400, "n": 4000, "share": 0.4}
    bonferroni = batches(lambda p: p <= RATE / len(p), **options)
    plain = batches(lambda p: benjamini_hochberg(p, RATE), **options)
    adaptive = batches(lambda p: storey(p, RATE), **options)
    assert bonferroni[2] + 0.1 < plain[2] < adaptive[2] - 0.01
    assert adaptive[0] <= HIGHEST + 2.0 * adaptive[1]


def test_share_of_usual_items_is_estimated_from_above():
    rng = np.random.default_rng(0)
    p = np.concatenate([rng.uniform(size=7000), np.zeros(3000)])
    assert usual_share(p) == pytest.approx(0.7, abs=0.02)
    assert usual_share([]) >= 1.0


def test_e_values_of_a_batch_reject_what_p_values_do():
    rng = np.random.default_rng(0)
    several = 0
    for _ in range(300):
        reference, scores = np.round(rng.normal(size=80), 1), np.round(rng.normal(size=40) + 1.5, 1)
        plain = benjamini_hochberg(p_values(scores, reference), RATE)
        several += plain.any()
        assert (e_benjamini_hochberg(e_values(scores, reference, RATE), RATE) == plain).all()
    assert several > 50


def test_e_values_of_usual_items_sum_to_no_more_than_their_number():
    rng, m, sums = np.random.default_rng(1), 20, []
    for _ in range(20_000):
        scores = rng.normal(size=m + 30)
        sums.append(e_values(scores[:m], scores[m:], 0.5).sum())
    assert np.mean(sums) <= m + 4.0 * np.std(sums) / np.sqrt(len(sums))


def test_averaged_e_values_keep_the_rate_and_depend_less_on_the_split():
    rng, rates, single, mean = np.random.default_rng(2), [], [], []
    for _ in range(200):
        usual, odd = rng.normal(size=400), rng.uniform(size=200) < 0.3
        scores = rng.normal(size=200) + 3.5 * odd
        parts = [e_values(scores, rng.choice(usual, 200, replace=False), RATE / 2) for _ in range(20)]
        flags = [e_benjamini_hochberg(np.mean(half, axis=0), RATE) for half in (parts[:10], parts[10:])]
        rates.append(realised(flags[0], odd)[0])
        mean.append((flags[0] != flags[1]).sum())
        single.append((e_benjamini_hochberg(parts[0], RATE / 2) != e_benjamini_hochberg(parts[10], RATE / 2)).sum())
    assert np.mean(rates) <= HIGHEST + 2.0 * np.std(rates) / np.sqrt(len(rates))
    assert np.mean(mean) < 0.8 * np.mean(single)


def test_means_of_single_e_values_over_usual_items_are_1():
    rng = np.random.default_rng(3)
    weights = rng.exponential(size=(20_000, 21)) ** 3
    found = np.array([soft_rank(row[:1], row[1:])[0] for row in weights])
    assert found.mean() == pytest.approx(1.0, abs=4.0 * found.std() / np.sqrt(len(found)))
    uniform = from_p(rng.uniform(size=200_000), 0.7)
    assert uniform.mean() == pytest.approx(1.0, abs=0.02)
    assert soft_rank([0.0], [0.0, 0.0]).tolist() == [0.0]


def test_bad_input_is_named():
    with pytest.raises(DomainInputError, match=r"p\[1\].*out of range"):
        benjamini_hochberg([0.5, 1.5], RATE)
    with pytest.raises(RecipeError, match="rate: is out of range"):
        benjamini_hochberg([0.5], 10.0)
    with pytest.raises(DomainInputError, match="below 0"):
        e_benjamini_hochberg([-1.0], RATE)
    with pytest.raises(DomainInputError, match="no weight"):
        soft_rank([np.inf], [1.0])
