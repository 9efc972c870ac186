"""The domain of sounds: files of one and of several, pictures, conditions, broken files among others."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("torchaudio")

import soundfile
from PIL import Image

from suffuse.conditions import Label, Number
from suffuse.domain import Unreadable
from suffuse.errors import DataError, DomainInputError
from suffuse.recipe import load_recipe
from suffuse.registry import load_domain, names
from suffuse.registry.face import find
from suffuse_audio.clip import Clip, clip_of
from suffuse_audio.data import Data
from suffuse_audio.domain import BETWEEN, Audio, joined
from suffuse_audio.files import Writing, read_clip
from suffuse_audio.fitting import Options

DOMAIN = Audio()


def ones(seconds: float, rate: int = 8000, channels: int = 1, level: float = 0.5) -> Clip:
    return clip_of(np.full((round(seconds * rate), channels), level), rate)


def test_several_sounds_share_a_file_with_silence_between(tmp_path):
    DOMAIN.write([ones(0.1), ones(0.2, level=0.25), ones(0.1, level=-0.5)], tmp_path / "three.wav")
    (read,) = DOMAIN.read(tmp_path / "three.wav")
    pause = round(BETWEEN * 8000)
    expected = np.concatenate(
        [np.full(800, 0.5), np.zeros(pause), np.full(1600, 0.25), np.zeros(pause), -np.full(800, 0.5)]
    )
    assert np.array_equal(read.samples[:, 0], expected.astype(np.float32))


def test_they_are_brought_to_the_rate_and_channels_of_the_first():
    whole = joined([ones(0.1, 16000, 2), ones(0.1, 8000, 1, 0.25)])
    assert (whole.rate, whole.channels, len(whole)) == (16000, 2, 1600 + 4000 + 1600)
    assert np.allclose(whole.samples[-1000:-500], 0.25, atol=1e-3)
    one = ones(0.1)
    assert joined([one]) is one
    with pytest.raises(DomainInputError, match="is empty"):
        joined([])


def test_a_picture_is_written_where_that_is_asked(tmp_path):
    DOMAIN.write([ones(0.1), ones(0.2)], tmp_path / "two.png")
    with Image.open(tmp_path / "two.png") as picture:
        assert picture.size == DOMAIN.picture([ones(0.1), ones(0.2)]).size


def test_every_suffix_is_written_and_another_one_is_told(tmp_path):
    for suffix in DOMAIN.writes:
        DOMAIN.write([ones(0.1), ones(0.1)], tmp_path / f"a{suffix}")
    assert {path.suffix for path in tmp_path.iterdir()} == set(DOMAIN.writes)
    with pytest.raises(DomainInputError, match="ending in"):
        DOMAIN.write([ones(0.1)], tmp_path / "a.m4a")


def test_depths_are_an_option_of_writing(tmp_path):
    for depth, subtype in ((None, "PCM_16"), (24, "PCM_24"), ("float", "FLOAT")):
        items = DOMAIN.to_write([ones(0.1)], Writing(depth=depth), {})
        DOMAIN.write(items, tmp_path / "a.wav")
        assert soundfile.info(tmp_path / "a.wav").subtype == subtype


def test_gaps_are_read_and_never_written(tmp_path):
    gap = ones(0.1)
    gap.samples[100:200] = np.nan
    soundfile.write(tmp_path / "gap.wav", gap.samples, 8000, "FLOAT")
    (read,) = DOMAIN.read(tmp_path / "gap.wav")
    assert np.flatnonzero(np.isnan(read.samples[:, 0])).tolist() == list(range(100, 200))
    with pytest.raises(DomainInputError, match="100 of 800 frames"):
        DOMAIN.write([read], tmp_path / "again.wav")
    with pytest.raises(DomainInputError, match="is no sound"):
        DOMAIN.write(["a"], tmp_path / "again.wav")
    assert not (tmp_path / "again.wav").exists()


def test_a_broken_file_does_not_stand_in_the_way(tmp_path):
    (tmp_path / "bad.wav").write_text("this is no sound")
    (batch,) = DOMAIN.batches(tmp_path / "bad.wav", 8)
    assert isinstance(batch[0], Unreadable) and batch[0].error.field == str(tmp_path / "bad.wav")
    with pytest.raises(DataError, match="not recognised"):
        DOMAIN.read(tmp_path / "bad.wav")


def test_conditions_are_classes_and_numbers():
    space = DOMAIN.conditions(DOMAIN.splits(Data(limit=60)))
    assert isinstance(space["label"], Label) and isinstance(space["pitch"], Number) and set(space) == {"label", "pitch"}
    assert DOMAIN.conditions(DOMAIN.splits(Data(limit=60, conditions=()))) == {}


def test_an_unknown_data_set_is_told_what_there_is():
    with pytest.raises(DataError, match="sounds"):
        DOMAIN.splits(Data(name="sound"))


def test_recipes_fit_the_domain():
    recipes = [name for name in names("recipe") if find("recipe", name).domain == "audio"]
    assert {"sounds", "fsdd", "audio"} <= set(recipes)
    for name in recipes:
        recipe = load_recipe(f"audio/{name}")
        Data(**recipe.data), Options(**recipe.codec)
        assert recipe.domain == "audio"
    assert isinstance(load_domain("audio"), Audio)


def test_the_plugin_itself_imports_nothing_heavy():
    code = (
        "import sys, suffuse_audio.plugin; "
        "print([m for m in ('numpy', 'torch', 'torchaudio', 'soundfile', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_written_is_read_back(tmp_path):
    rng = np.random.default_rng(0)
    clip = clip_of(rng.uniform(-0.9, 0.9, (500, 2)), 44100)
    DOMAIN.write([clip], tmp_path / "a.flac")
    assert np.abs(read_clip(tmp_path / "a.flac").samples - clip.samples).max() <= 0.5 / 2**15
