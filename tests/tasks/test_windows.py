"""Items that are larger than states are looked at window by window, and made piece by piece, a batch at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.csv
import pytest

from suffuse.domain import Item, Unit
from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.model import Model
from suffuse.tasks.explain import explain
from suffuse.tasks.score import calibrate, make_scorer, score
from suffuse.tasks.scoring.curves import curves
from suffuse.tasks.scoring.files import score_files
from suffuse.tasks.scoring.ranking import rank
from suffuse.tasks.scoring.shipping import Shipment
from suffuse.tasks.scoring.sources import find_sources, read_batches
from suffuse.windows import Window
from tests.toy import LENGTH, WaveCodec, Waves

OPTIONS: dict[str, Any] = {"levels": 2, "draws": 1}


@dataclass(frozen=True)
class Stretches:
    """The windows of a wave of any length."""

    wave: Sequence[float]
    step: int

    @property
    def starts(self) -> list[int]:
        last = max(0, len(self.wave) - LENGTH)
        starts = list(range(0, last + 1, self.step))
        return starts if starts[-1] == last else [*starts, last]

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[Window]:
        return (Window(self.wave[start : start + LENGTH], float(start)) for start in self.starts)


@dataclass(frozen=True)
class LongCodec(WaveCodec):
    """Of waves of any length, window by window."""

    def windows(self, item: Item, step: float = 1.0) -> Stretches:
        return Stretches(item, max(1, round(step * LENGTH)))

    def units(self) -> dict[str, Unit]:
        return {"p": Unit(0, 1.0)}


@pytest.fixture
def long(model: Model) -> Model:
    return replace(model, codec=LongCodec(**model.codec.to_json()))


def wave(*numbers: int) -> list[float]:
    """Several waves, one after the other."""
    return [x for i in numbers for x in Waves(0, 1000, False)[i].item]


ODD = [3.0, -3.0] * (LENGTH // 2)


def test_a_score_is_the_mean_of_the_windows_and_the_oddest_is_told(model: Model, long: Model) -> None:
    items = [wave(0, 1, 2) + ODD + wave(3), wave(4)]
    alone = score(model, [wave(0), wave(1), wave(2), ODD, wave(3), wave(4)], **OPTIONS)
    found = score(long, items, **OPTIONS)
    assert found.values == pytest.approx([sum(alone.values[:5]) / 5, alone.values[5]], rel=1e-5)
    assert found.highest is not None and found.at is not None
    assert found.highest.tolist() == pytest.approx([alone.values[3], alone.values[5]], rel=1e-5)
    assert found.at.tolist() == [24.0, 0.0]
    assert found.figures[0] == pytest.approx(
        [sum(alone.figures[i][k] for i in range(5)) / 5 for k in range(2)], rel=1e-5
    )
    assert [row["at"] for row in found.rows()] == [24.0, 0.0]
    assert alone.highest is None and "at" not in next(alone.rows())


def test_what_is_held_does_not_change_the_scores(long: Model) -> None:
    items = [wave(0, 1, 2) + ODD, wave(3), wave(4, 5)]
    assert score(long, items, batch=1, **OPTIONS).values == pytest.approx(
        score(long, items, **OPTIONS).values, rel=1e-5
    )


def test_windows_are_scored_apart_and_named_by_where_they_begin(model: Model, long: Model) -> None:
    found = score(long, [wave(0, 1) + ODD[:4], wave(3)], windows=True, **OPTIONS)
    assert found.names == ["0:0p", "0:8p", "0:12p", "1"]
    assert found.at is not None and found.at.tolist() == [0.0, 8.0, 12.0, 0.0]
    assert found.highest is None
    assert found.values[1] == pytest.approx(score(model, [wave(1)], **OPTIONS).values[0], rel=1e-5)
    assert len(score(long, [wave(0, 1)], windows=True, every="2p", **OPTIONS)) == 5


def test_the_mean_is_over_windows_that_overlap_if_that_is_asked(model: Model, long: Model) -> None:
    both = wave(0, 1)
    alone = score(model, [both[:8], both[4:12], both[8:]], **OPTIONS).values
    assert score(long, [both], every="4p", **OPTIONS).values == pytest.approx([sum(alone) / 3], rel=1e-5)


def test_items_are_compared_with_items_and_windows_with_windows(long: Model) -> None:
    usual = [wave(k, k + 1, k + 2) for k in range(0, 60, 3)]
    made = calibrate(long, usual, **OPTIONS)
    assert len(made.values) == 20 and len(made.figures) == 60
    assert (
        made.values.std() < 0.8 * made.of_windows(make_scorer(long, reference=made, **OPTIONS).statistic).values.std()
    )
    items = [wave(60, 61) + ODD]
    whole, parts = (score(long, items, reference=usual, windows=windows, **OPTIONS) for windows in (False, True))
    assert whole.p_values == [pytest.approx(1 / 21)]
    assert parts.p_values is not None and parts.p_values[2] == pytest.approx(1 / 61)
    assert min(parts.p_values[:2]) > 1 / 61


@pytest.mark.parametrize(("every", "message"), [("0.5p", "out of range"), ("9p", "out of range"), ("4s", "unit")])
def test_a_distance_is_within_a_window(long: Model, every: str, message: str) -> None:
    with pytest.raises(DomainInputError, match=message):
        score(long, [wave(0)], every=every)


@pytest.mark.parametrize("options", [{"windows": True}, {"every": "4p"}])
def test_where_items_have_no_windows_none_can_be_asked_for(model: Model, options: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match="looked at as a whole"):
        score(model, [wave(0)], **options)


def test_a_batch_of_files_holds_as_many_windows_as_it_may(long: Model, tmp_path: Path) -> None:
    for i in range(6):
        (tmp_path / f"{i}.json").write_text(json.dumps([wave(i, i + 1, i + 2)]))
    sources = find_sources(long, [tmp_path])
    assert [len(batch) for batch in read_batches(long, sources, 7)] == [2, 2, 2]


def test_a_file_of_windows_goes_on_where_it_was_stopped(long: Model, tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{i}.json").write_text(json.dumps([wave(i, i + 1, i + 2, i + 3), wave(i)]))
    scorer, sources = make_scorer(long, windows=True, **OPTIONS), find_sources(long, [tmp_path / "in"])
    score_files(scorer, sources, tmp_path / "whole.csv", batch=3)
    left = [2]

    def stop(scored: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_files(scorer, sources, tmp_path / "parts.csv", batch=3, on_batch=stop)
    again = score_files(scorer, sources, tmp_path / "parts.csv", batch=3)
    assert again.resumed and (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    rows = pyarrow.csv.read_csv(tmp_path / "whole.csv").to_pylist()
    assert [row["item"].removeprefix(f"{tmp_path}/in/") for row in rows[:6]] == [
        "0.json:0p", "0.json:8p", "0.json:16p", "0.json:24p", "0.json:1", "1.json:0p",
    ]  # fmt: skip
    assert [row["at"] for row in rows[:5]] == [0.0, 8.0, 16.0, 24.0, 0.0]


def test_what_cannot_be_scored_within_an_item_sets_it_apart(long: Model, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps([wave(0, 1), wave(0) + [1.0] * 3, [1.0, 2.0]]))
    found = rank(make_scorer(long, **OPTIONS), find_sources(long, [tmp_path / "in.json"]), 2)
    assert len(found.scores) == 2
    assert [fault.row for fault in found.faults] == [2]


def test_a_scorer_that_is_sent_cuts_as_before(long: Model) -> None:
    scorer = make_scorer(long, windows=True, every="4p", batch=5, **OPTIONS)
    sent = Shipment.of(scorer)
    assert (sent.cutting, sent.batch) == (scorer.cutting, 5)


def test_curves_are_drawn_of_items_with_many_windows_and_with_one(long: Model) -> None:
    found = score(long, [wave(*range(9)), wave(3)], windows=True, **OPTIONS)
    assert curves(found, "p").height > curves(score(long, [wave(3)], windows=True, **OPTIONS), "p").height


def test_of_a_long_item_the_oddest_window_is_explained(long: Model) -> None:
    found = explain(long, [wave(0, 1) + ODD + wave(2), wave(3)], names=["long", "short"], parts=1, tries=1, steps=2)
    assert [one.name for one in found] == ["long:16p", "short"]
    assert found[0].item == ODD
