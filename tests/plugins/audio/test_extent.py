"""Sounds of a length that is asked for, shorter and longer than those of training."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("torchaudio")

from suffuse.errors import DomainInputError
from suffuse.model import load
from suffuse.recipe import load_recipe
from suffuse.tasks.extent import parse_extent
from suffuse.tasks.generate import generate
from suffuse.tasks.train import train

TINY = [
    "data.rate=4000", "data.seconds=0.25", "data.limit=60", "codec.representation=stft", "codec.offset=keep",
    "network={name: unet, width: 16, multipliers: [1, 2], blocks: 1, fold: 4, heads: 2}", "train.batch=8",
    "train.steps=3", "train.sample_every=1000", "train.validation_count=8", "sample.steps=2", "sample.count=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("sounds")
    train(load_recipe("audio/sounds", TINY), out=folder)
    return load(folder)


@pytest.mark.parametrize(("extent", "seconds"), [("0.1s", 0.1), ("250ms", 0.25), ("3s", 3.0), ("0.01min", 0.6)])
def test_sounds_last_as_long_as_asked(model: Any, extent: str, seconds: float) -> None:
    for clip in generate(model, 2, extent=extent).items:
        assert seconds <= clip.seconds + 1e-9 <= seconds + model.codec.hop / 4000 + 1e-9
        assert np.isfinite(clip.samples).all() and clip.samples.any()


def test_the_same_seed_gives_the_same_long_sound_whatever_the_batch(model: Any) -> None:
    many = generate(model, 3, extent="1s", seed=5).items
    alone = generate(model, 1, extent="1s", seed=6).items
    np.testing.assert_allclose(many[1].samples, alone[0].samples, atol=1e-4)


def test_the_window_itself_is_what_it_is_without_an_extent(model: Any) -> None:
    plain, told = (generate(model, 1, seed=2, extent=extent).items[0] for extent in (None, "256ms"))
    np.testing.assert_array_equal(plain.samples, told.samples)


@pytest.mark.parametrize(
    ("extent", "said"), [("3", "no extent"), ("s", "no extent"), ("3 years", "no unit named"), ("0s", "out of range"),
                         ("1000000000s", "out of range"), ("-1s", "no extent")],
)  # fmt: skip
def test_what_is_no_extent_is_refused(model: Any, extent: str, said: str) -> None:
    with pytest.raises(DomainInputError, match=said):
        parse_extent(model.codec, extent)


def test_the_next_size_that_can_be_made_is_told(model: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert parse_extent(model.codec, "0.3s").places == 38
    assert caplog.messages == ["0.3s: the next that the model can make is 0.304 s"]
    caplog.clear()
    parse_extent(model.codec, "256ms"), parse_extent(model.codec, "0.001h")
    assert not caplog.messages
