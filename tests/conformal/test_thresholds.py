"""Thresholds without labels, the tail beyond the reference, and whether a reference still holds."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.stats import expon, genpareto, ks_2samp

from suffuse.conformal import (
    Tail,
    contamination_threshold,
    drift,
    false_alarm_threshold,
    knee_threshold,
    p_values,
)
from suffuse.errors import DomainInputError, RecipeError


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.31, 0.9])
def test_to_pass_the_threshold_is_to_have_a_small_p_value(rate):
    rng = np.random.default_rng(0)
    for n in (19, 20, 99, 500):
        reference, scores = np.round(rng.normal(size=n), 1), np.round(rng.normal(size=300), 1)
        flagged = scores > false_alarm_threshold(reference, rate)
        assert (flagged == (p_values(scores, reference) <= rate + 1e-12)).all()


def test_false_alarms_are_as_many_as_asked_for():
    rng = np.random.default_rng(1)
    found = [rng.normal(size=5) > false_alarm_threshold(rng.normal(size=99), 0.05) for _ in range(4000)]
    assert np.mean(found) == pytest.approx(0.05, abs=0.006)


def test_a_rate_finer_than_the_reference_is_refused():
    with pytest.raises(RecipeError, match="finer than the reference tells") as caught:
        false_alarm_threshold(np.arange(50.0), 0.01)
    assert "0.0196" in str(caught.value) and "Tail" in str(caught.value)
    assert false_alarm_threshold(np.arange(99.0), 0.01) == 98.0


@pytest.mark.parametrize("odd", [0.01, 0.1, 0.3, 0.5])
def test_at_most_the_asked_share_passes(odd):
    scores = np.random.default_rng(2).normal(size=200)
    assert (scores > contamination_threshold(scores, odd)).sum() == round(200 * odd)
    assert (np.zeros(200) > contamination_threshold(np.zeros(200), odd)).sum() == 0


def test_the_knee_parts_few_large_scores_from_many_small_ones():
    rng = np.random.default_rng(3)
    usual, odd = rng.uniform(0.0, 1.0, size=950), rng.uniform(20.0, 40.0, size=50)
    threshold = knee_threshold(np.concatenate([odd, usual]))
    assert usual.max() * 0.9 < threshold < odd.min()
    assert knee_threshold(np.ones(10)) == 1.0 and knee_threshold([2.0]) == 2.0


def test_the_tail_is_scipys_fit_and_reaches_beyond_the_reference():
    rng = np.random.default_rng(4)
    reference = rng.exponential(2.0, size=4000)
    tail = Tail.fit(reference, above=0.05)
    excesses = reference[reference > tail.start] - tail.start
    shape, _, scale = genpareto.fit(excesses, floc=0.0)
    assert genpareto.logpdf(excesses, tail.shape, scale=tail.scale).sum() == pytest.approx(
        genpareto.logpdf(excesses, shape, scale=scale).sum(), abs=0.01
    )
    fine = expon.isf(1e-5, scale=2.0)
    assert tail.threshold(1e-5) == pytest.approx(fine, rel=0.35)
    assert tail.p_values([tail.threshold(1e-5)], reference)[0] == pytest.approx(1e-5, rel=1e-6)
    assert Tail(**json.loads(json.dumps(asdict(tail)))) == tail


def test_the_tails_false_alarms_are_about_as_many_as_asked_for():
    """Of 400 reference items the conformal quantile tells no rate below 1/401; the tail does, on average."""
    rng, found = np.random.default_rng(5), []
    for _ in range(80):
        tail = Tail.fit(rng.normal(size=400), above=0.1)
        found.append((rng.normal(size=20_000) > tail.threshold(1e-3)).mean())
    assert 5e-4 < np.mean(found) < 2.5e-3


def test_below_its_start_the_tail_is_conformal():
    rng = np.random.default_rng(6)
    reference, scores = rng.normal(size=500), rng.normal(size=2000)
    tail = Tail.fit(reference, above=0.1)
    found, plain = tail.p_values(scores, reference), p_values(scores, reference)
    below = scores <= tail.start
    assert (found[below] == plain[below]).all() and (np.abs(found - plain)[~below] < 0.03).all()
    order = scores.argsort()
    assert (np.diff(found[order]) <= 1e-12).all()


def test_a_tail_needs_values():
    with pytest.raises(DomainInputError, match="too few values in its tail"):
        Tail.fit(np.arange(100.0), above=0.05)
    with pytest.raises(DomainInputError, match="too few values in its tail"):
        Tail.fit(np.ones(1000))
    with pytest.raises(RecipeError, match="before the tail begins"):
        Tail.fit(np.random.default_rng(0).normal(size=1000)).threshold(0.5)


@pytest.mark.parametrize(("n", "m"), [(40, 30), (500, 200), (100, 2000)])
def test_drift_is_the_two_sample_test_of_smirnov(n, m):
    rng = np.random.default_rng(n)
    for shift in (0.0, 0.3, -0.3):
        reference, scores = rng.normal(size=n), rng.normal(size=m) + shift
        found, wanted = drift(p_values(scores, reference), n), ks_2samp(scores, reference, method="asymp")
        assert found.distance == pytest.approx(wanted.statistic)
        assert found.p == pytest.approx(wanted.pvalue)
        assert found.low == (wanted.statistic_sign < 0)
        broken = p_values(scores, reference, ties=rng.uniform(0.01, 1.0, size=m))
        assert drift(broken, n).distance == pytest.approx(wanted.statistic)


def test_drift_alarms_seldom_while_nothing_changes_and_soon_when_it_does():
    rng = np.random.default_rng(7)
    same = [drift(p_values(rng.normal(size=300), rng.normal(size=300)), 300).p for _ in range(400)]
    assert np.mean(np.array(same) < 0.05) < 0.08
    odder = drift(p_values(rng.normal(size=300) + 0.5, rng.normal(size=300)), 300)
    simpler = drift(p_values(rng.normal(size=300) - 0.5, rng.normal(size=300)), 300)
    assert odder.p < 1e-4 > simpler.p and odder.low and not simpler.low
    with pytest.raises(DomainInputError, match="cannot be compared"):
        drift([], 10)
