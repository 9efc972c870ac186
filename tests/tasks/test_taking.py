"""What of items that are read a model takes, and that the rest is told, wherever items are read."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from suffuse.conditions import Number, conditions_from_json, conditions_to_json
from suffuse.domain import Codec, Section, Taken, Unreadable
from suffuse.errors import DataError, DomainInputError
from suffuse.model import Model
from suffuse.registry import isolated
from suffuse.tasks.blend import blend
from suffuse.tasks.filtering.same import novel
from suffuse.tasks.index import index_files
from suffuse.tasks.inpaint import inpaint
from suffuse.tasks.items import numbered, read_items, read_whole
from suffuse.tasks.plan import warn_of_unseen
from suffuse.tasks.restore import restore
from suffuse.tasks.score import make_scorer
from suffuse.tasks.scoring.sources import find_sources, read_batches
from suffuse.tasks.search import search
from suffuse.tasks.taking import taken_each, warn_of_left
from suffuse.tasks.vary import vary
from tests.toy import LENGTH, Plugin, Toy, WaveCodec, Waves


@pytest.fixture(autouse=True)
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A toy domain whose models take the first points of a longer wave, and no wave of zeros."""

    def taken(self: Toy, items: Sequence[Any], data: Section, codec: Codec) -> Taken:
        assert data.model_dump()["labelled"] is True and codec.to_json()
        empty = Unreadable(DataError("is silent", field="wave"))
        found = [empty if not any(item) else item[:LENGTH] for item in items]
        return Taken(found, {i: "the end" for i, item in enumerate(items) if len(item) > LENGTH})

    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Toy, "taken", taken)
    with isolated(Plugin()):
        yield


WAVES = [Waves(i, 1, True)[0].item for i in range(4)]
SILENT = [0.0] * LENGTH


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Waves 0 to 3, the second silent, the last two too long."""
    lines = [WAVES[0], SILENT, [*WAVES[2], 9.0], [*WAVES[3], 9.0, 9.0]]
    (tmp_path / "waves.json").write_text(json.dumps(lines))
    return tmp_path / "waves.json"


def test_files_are_read_as_the_model_takes_them(model: Model, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        items, names = read_items(model, [file])
    assert items == [WAVES[0], WAVES[2], WAVES[3]] and names == [f"{file}:{i}" for i in (0, 2, 3)]
    left, silent = caplog.messages
    assert left == f"{file}: of 2 of 4 items something is left off: the end (2)"
    assert "1 of 4 items cannot be read" in silent and "is silent" in silent
    with pytest.raises(DataError, match="is silent"):
        read_whole(model, file)
    caplog.clear()
    assert numbered(model, file, {3}) == {3: WAVES[3]} and not caplog.text


def test_scores_and_filters_read_alike(model: Model, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        (batch,) = read_batches(model, find_sources(model, [file]), 8)
    assert [batch.items[i] for i in (0, 2, 3)] == [WAVES[0], WAVES[2], WAVES[3]]
    assert isinstance(batch.items[1], Unreadable) and "the end (2)" in caplog.text
    scorer = make_scorer(model, statistic="profile", levels=2)
    assert len(scorer([batch.items[0], batch.items[2]])) == 2
    _, reasons = novel(model, str(file)).judge([WAVES[3], WAVES[1]])
    assert reasons == ["is known", None]


def test_neighbours_are_those_of_the_file_by_their_numbers(model: Model, file: Path) -> None:
    """What cannot be read does not shift the numbers of what comes after it."""
    index = index_files(model, file)
    assert [entry.number for entry in index.entries] == [0, 2, 3]
    (hits,) = search(model, [WAVES[3]], index, 1)
    assert hits[0].entry.name == f"{file}:3" and hits[0].item == WAVES[3]


@pytest.mark.parametrize("batch", [2, 64])
def test_what_cannot_be_made_of_an_item_is_told_by_its_own_number(model: Model, batch: int) -> None:
    """However many are made of each."""
    items = [WAVES[0], WAVES[1], [1.0]]
    with pytest.raises(DomainInputError) as error:
        vary(model, items, 0.3, count=4, batch=batch)
    assert error.value.field == "items[2]"
    with pytest.raises(DomainInputError) as error:
        inpaint(model, items, fill="0:4", count=4, batch=batch, steps=2)
    assert error.value.field == "items[2]"
    with pytest.raises(DomainInputError) as error:
        restore(model, items, noise=0.5, degrade=True, count=4, batch=batch, steps=2)
    assert error.value.field == "items[2]"


def test_numbers_that_no_training_item_had_are_told_once(
    model: Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    numbered = replace(model, conditions={"label": Number(2.0, 1.0)})
    monkeypatch.setattr(WaveCodec, "seen", lambda self, name: (1.0, 3.0) if name == "label" else None)
    warn_of_unseen(numbered, {"label": [1, "3", None, 2.5]})
    assert not caplog.text
    warn_of_unseen(numbered, {"label": ["9", 9, 0.5, 2]})
    assert caplog.messages == ["label: 9, 0.5 is asked for, and training items had 1 to 3; what comes out is a guess"]
    with pytest.raises(DomainInputError, match="is not a number"):
        warn_of_unseen(numbered, {"label": "many"})
    warn_of_unseen(model, {"label": "f1"})


def test_conditions_know_themselves_what_training_items_had(model: Model, caplog: pytest.LogCaptureFixture) -> None:
    space = {"label": Number.fit([1.0, 2.5, 3.0])}
    assert conditions_from_json(conditions_to_json(space)) == space and space["label"].seen == (1.0, 3.0)
    assert conditions_from_json({"label": {"kind": "number", "mean": 2.0, "std": 1.0}})["label"] == Number(2.0, 1.0)
    fitted = replace(model, conditions=space)
    warn_of_unseen(fitted, {"label": [1, 3.0]})
    assert not caplog.text
    for verb in (vary, partial(restore, noise=0.5), partial(inpaint, fill="0:4")):
        caplog.clear()
        with pytest.raises(RuntimeError, match="indices"):  # its network knows labels alone
            verb(fitted, [WAVES[0]], conditions={"label": -1.0}, steps=1)
        assert caplog.messages == ["label: -1 is asked for, and training items had 1 to 3; what comes out is a guess"]


def test_what_the_model_cannot_hold_is_told_once(
    model: Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(WaveCodec, "left_off", lambda self, item: ["the low"] if item[0] < 0.0 else ["all", "the low"])
    warn_of_left(model.codec, [[[1.0], [-1.0]], [[-1.0], [-2.0]], [[-1.0]]])
    assert caplog.messages == [
        "what is made lacks what the model cannot hold: the low (3 of 3 items); all (1 of 3 items)"
    ]
    waves = [*WAVES, [-1.0] * LENGTH]
    low = sum(wave[0] < 0.0 for wave in waves)
    for verb in (vary, partial(restore, noise=0.5)):
        caplog.clear()
        verb(model, waves, steps=1)
        (told,) = caplog.messages
        assert f"the low (5 of 5 items); all ({5 - low} of 5 items)" in told
    caplog.clear()
    blend(model, WAVES[0], WAVES[1], 2, steps=1)
    assert "the low (2 of 2 items)" in caplog.text


def test_many_batches_are_told_of_once(model: Model, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = list(taken_each(model, iter([[WAVES[0]], [[*WAVES[1], 1.0]], [[*WAVES[2], 1.0]]]), "a stream"))
    assert found == [[WAVES[0]], [WAVES[1]], [WAVES[2]]]
    assert caplog.messages == ["a stream: of 2 of 3 items something is left off: the end (2)"]
