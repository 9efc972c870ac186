"""Rows that are judged in their turn: the realised rate on streams, and what the evidence promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suffuse.conformal import ELond, Lord, p_values
from suffuse.errors import DomainInputError, RecipeError
from suffuse.registry import isolated
from suffuse.tasks.score import make_scorer
from suffuse.tasks.scoring.evidence import ByRank, ByTail
from suffuse.tasks.scoring.files import score_lines
from suffuse.tasks.scoring.flags import ONLINE, InTurn, make_flagging
from suffuse.tasks.scoring.sources import find_sources
from tests import lines
from tests.lines import SHORT, wave, write
from tests.tasks.test_scoring import Sink

RATE = 0.1


def stream(seed: int, usual: int = 2000, count: int = 600, odd: float = 0.05) -> tuple[np.ndarray, ...]:
    """Scores of usual items, those of a stream, and which of these are odd."""
    rng = np.random.default_rng([seed, 1])
    is_odd = rng.random(count) < odd
    return np.sort(rng.normal(size=usual)), rng.normal(size=count) + 7.0 * is_odd, is_odd


@pytest.mark.parametrize("cut", [1, 7, 600])
@pytest.mark.parametrize("by", ONLINE)
def test_the_cut_of_a_stream_is_of_no_matter(by: str, cut: int) -> None:
    usual, scores, _ = stream(0)
    _, whole = ONLINE[by](RATE, usual).judge(scores)
    rule, flags = ONLINE[by](RATE, usual), []
    for first in range(0, len(scores), cut):
        rule, found = rule.judge(scores[first : first + cut])
        flags += found.tolist()
    assert flags == whole.tolist()
    assert rule.state.time == len(scores)


def test_the_realised_rate_is_the_rate_that_was_asked_for() -> None:
    false, found = [], []
    for seed in range(40):
        usual, scores, odd = stream(seed)
        _, flags = ONLINE["lord"](RATE, usual).judge(scores)
        false.append((flags & ~odd).sum() / max(1, flags.sum()))
        found.append((flags & odd).sum() / max(1, odd.sum()))
        naive = p_values(scores, usual) <= RATE
        assert (naive & ~odd).sum() > naive.sum() / 2, "without control most of those found are usual"
    assert np.mean(false) <= RATE + 3.0 * np.std(false) / np.sqrt(len(false))
    assert np.mean(found) > 0.9


def test_e_values_are_such_even_where_the_tail_is_not_of_its_form() -> None:
    """Their mean over usual items, and over references, is at most 1."""
    rng = np.random.default_rng(3)
    means = []
    for _ in range(100):
        usual, more = (np.round(rng.standard_t(2, size=n), 1) for n in (1000, 2000))
        means.append(ByRank.of(np.sort(usual))(more).mean())
    assert 0.5 < np.mean(means) <= 1.0 + 3.0 * np.std(means) / 10.0


def test_e_values_find_what_is_frequent_and_far_out() -> None:
    usual, scores, odd = stream(5, odd=0.5)
    _, flags = ONLINE["e-lond"](RATE, usual).judge(scores)
    assert flags.sum() > 20
    assert (flags & ~odd).sum() <= RATE * flags.sum()


# in a run -------------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lines.Lines, "watch", lines.Watch())
    with isolated(lines.Plugin()):
        yield


def usual_waves() -> list[dict]:
    return [wave(i) for i in range(1000, 1300) if i % 10 != 9]


def test_lines_are_flagged_as_they_come(tmp_path: Path) -> None:
    scorer = make_scorer(lines.exact(), levels=2, draws=1, reference=usual_waves())
    write(tmp_path / "a.jsonl", [*map(wave, range(30)), SHORT, *map(wave, range(30, 60))])
    rule, out = make_flagging(scorer, online=RATE), Sink()
    assert isinstance(rule, InTurn) and rule.state == Lord(RATE)
    summary = score_lines(scorer, find_sources(scorer.model, [tmp_path / "a.jsonl"]), out, batch=4, flagging=rule)  # type: ignore[arg-type]
    rows = [json.loads(text) for text in out if text != "flushed"]
    _, expected = rule.judge(np.array([row["score"] for row in rows]))
    assert [row["flag"] for row in rows] == expected.tolist()
    assert summary.flagged == expected.sum() > 0
    assert out[4] == "flushed", "a batch is out before the next is scored"


def test_wrong_rules_are_refused() -> None:
    scorer = make_scorer(lines.exact(), levels=2, draws=1, reference=usual_waves())
    assert ONLINE["e-lond"](RATE, stream(0)[0]).state == ELond(RATE)
    for options, said in (
        ({"online": 0.1, "fdr": 0.1}, "fdr, online"),
        ({"online": 1.0}, "between 0 and 1"),
        ({"online": 0.1, "by": "lond"}, "no procedure named 'lond'"),
    ):
        with pytest.raises(RecipeError, match=said):
            make_flagging(scorer, **options)
    with pytest.raises(RecipeError, match="--reference data"):
        make_flagging(replace(scorer, calibration=None), online=0.1)
    assert scorer.calibration is not None
    few = replace(scorer.calibration, values=scorer.calibration.values[:40])
    with pytest.raises(DomainInputError, match="too few"):
        make_flagging(replace(scorer, calibration=few), online=0.1)


def test_few_usual_items_lend_more_of_themselves_to_the_tail() -> None:
    usual = np.random.default_rng(0).normal(size=100)
    tail = ByTail.of(usual).tail
    assert (usual > tail.start).sum() == 11 and ByRank.of(usual).weigh.tail.start < np.quantile(usual, 0.9)


def test_evidence_is_finer_than_ranks() -> None:
    usual, *_ = stream(1)
    p = ByTail.of(usual)(np.array([0.0, 3.0, 6.0, 9.0]))
    assert p[0] == p_values([0.0], usual)[0]
    assert 0.0 < p[3] < p[2] < 1 / len(usual) < p[1]
    assert 0.0 < ByTail.of(np.linspace(0.0, 1.0, 1000))(np.array([1.5]))[0] < 1e-3, "there is no upper end"
    e = ByRank.of(usual)(np.array([0.0, 3.0, 6.0]))
    assert (np.diff(e) > 0.0).all() and e[2] <= 1001
