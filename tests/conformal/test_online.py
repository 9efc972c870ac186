"""Online procedures: their levels, their state, and the rates that they keep."""

from __future__ import annotations

import json

import numpy as np
import pytest

from suffuse.conformal import ELond, Lord, Tail, follow, from_p, p_values, soft_rank
from suffuse.conformal.online import REMEMBERED, spending
from suffuse.errors import DomainInputError, RecipeError
from tests.conformal.streams import realised

RATE = 0.1
HIGHEST = 0.105


def test_what_is_spent_sums_to_1():
    assert spending(np.arange(1, 2_000_001), 2.0).sum() == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(RecipeError, match="no finite sum"):
        spending(1, 1.0)


def test_levels_of_lord_are_the_papers():
    """Against the formula, summed over all discoveries as it stands."""
    rng = np.random.default_rng(0)
    state, times = Lord(RATE, start=0.3), []
    for t in range(1, 200):
        wanted = 0.3 * RATE * spending(t, 1.6)
        for number, time in enumerate(times):
            wanted += (RATE - 0.3 * RATE if number == 0 else RATE) * spending(t - time, 1.6)
        assert state.level == pytest.approx(float(wanted))
        p = rng.uniform() ** 6
        state, rejected = state.next(p)
        assert rejected == (p <= wanted)
        times += [t] if rejected else []
    assert state.found == len(times) > 5


def test_levels_of_e_lond_are_the_papers():
    state = ELond(RATE, decay=1.5)
    for t, e in enumerate([1.0, 1e6, 0.0, 1e6, 3.0], start=1):
        level = RATE * float(spending(t, 1.5)) * (state.found + 1)
        assert state.level == pytest.approx(level)
        state, rejected = state.next(e)
        assert rejected == (e >= 1.0 / level)
    assert (state.time, state.found) == (5, 2)


@pytest.mark.parametrize("state", [Lord(RATE), ELond(RATE)])
def test_a_stream_stops_and_goes_on(state):
    values = np.random.default_rng(1).uniform(size=300) ** 4
    values = values if isinstance(state, Lord) else 1.0 / values
    end, flags = follow(state, values)
    middle, first = follow(state, values[:137])
    again = type(state).from_json(json.loads(json.dumps(middle.to_json())))
    assert again == middle
    last, second = follow(again, values[137:])
    assert last == end and [*first, *second] == flags.tolist() and flags.any()


def test_old_discoveries_are_forgotten_which_only_lowers_levels():
    state, _ = follow(Lord(RATE), np.zeros(REMEMBERED + 50))
    assert len(state.times) == REMEMBERED and state.found == REMEMBERED + 50
    lags = np.arange(1, state.found)
    everything = RATE * (
        0.5 * spending(state.found + 1, 1.6) + 0.5 * spending(state.found, 1.6) + spending(lags, 1.6).sum()
    )
    assert 0.95 * everything < state.level < everything


def clustered(rng: np.random.Generator, count: int) -> np.ndarray:
    """Anomalies that come in bursts."""
    return np.repeat(rng.uniform(size=count // 20) < 0.2, 20)


def test_lord_keeps_the_rate_on_independent_p_values_in_bursts():
    rng, found = np.random.default_rng(2), []
    for _ in range(80):
        odd = clustered(rng, 1000)
        p = np.where(odd, rng.uniform(size=1000) ** 8, rng.uniform(size=1000))
        found.append(realised(follow(Lord(RATE), p)[1], odd))
    rates, powers = np.array(found).T
    assert rates.mean() <= HIGHEST + 2.0 * rates.std() / np.sqrt(len(rates))
    plain = np.mean([np.mean(rng.uniform(size=200) ** 8 <= RATE / 1000) for _ in range(50)])
    assert powers.mean() > 1.2 * plain  # Bonferroni's


def test_conformal_p_values_are_too_coarse_for_long_streams_and_the_tails_are_not():
    """With 2,000 reference items none is below 1/2001; after some twenty usual items, LORD++ asks for less."""
    rng, coarse, fine = np.random.default_rng(3), [], []
    for _ in range(60):
        odd = clustered(rng, 600)
        odd[:60] = False
        scores, reference = rng.normal(size=600) + 5.0 * odd, rng.normal(size=2000)
        coarse.append(realised(follow(Lord(RATE), p_values(scores, reference))[1], odd))
        fine.append(realised(follow(Lord(RATE), Tail.fit(reference).p_values(scores, reference))[1], odd))
    rates, powers = np.array(fine).T
    assert rates.mean() <= HIGHEST + 2.0 * rates.std() / np.sqrt(len(rates))
    assert np.mean(coarse, axis=0)[1] < 0.1 < 0.7 < powers.mean()


@pytest.mark.parametrize("kind", ["small shared reference", "one p-value all along", "scores that wander"])
def test_e_lond_keeps_the_rate_under_any_dependence(kind):
    rng, found = np.random.default_rng(4), []
    for _ in range(200):
        odd, count = clustered(rng, 400), 400
        if kind == "small shared reference":
            scores, reference = rng.normal(size=count) + 5.0 * odd, rng.normal(size=60)
            e = soft_rank(np.exp(3.0 * scores), np.exp(3.0 * reference))
        elif kind == "one p-value all along":
            e = np.where(odd, 1e5, from_p(np.full(count, rng.uniform()), 0.2))
        else:
            steps = rng.normal(size=count)
            for i in range(1, count):
                steps[i] = 0.95 * steps[i - 1] + np.sqrt(1.0 - 0.95**2) * steps[i]
            e = np.where(odd, 1e5, np.exp(3.0 * steps - 4.5))
        found.append(realised(follow(ELond(RATE), e)[1], odd))
    rates, powers = np.array(found).T
    assert rates.mean() <= HIGHEST + 2.0 * rates.std() / np.sqrt(len(rates))
    assert kind == "small shared reference" or powers.mean() > 0.5


def test_bad_input_is_named():
    with pytest.raises(RecipeError, match="rate"):
        Lord(1.5)
    with pytest.raises(DomainInputError, match="out of range"):
        Lord(RATE).next(2.0)
    with pytest.raises(DomainInputError, match="not a number"):
        ELond(RATE).next(float("nan"))
