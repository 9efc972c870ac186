"""The named sets: what they hold, how they are found, and what is said where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")

import soundfile

from suffuse.conditions import Label, Number
from suffuse.datasets import condition_space
from suffuse.errors import DataError
from suffuse_audio import sets
from suffuse_audio.data import Data

HELD = Path(os.environ.get("SUFFUSE_DATA", "nowhere")) / "audio"
held = pytest.mark.skipif(not HELD.is_dir(), reason="$SUFFUSE_DATA has no folder audio")


def parts(splits) -> list[int]:
    return [len(part) for part in (splits.train, splits.validation, splits.test)]


def test_sounds():
    splits = sets.sounds(Data())
    assert parts(splits) == [1760, 220, 220]
    space = condition_space(splits.train)
    assert isinstance(space["label"], Label) and isinstance(space["pitch"], Number)
    clip = splits.train[0].item
    assert (clip.rate, len(clip)) == (8000, 4000)
    assert set(splits.train.items.numbers).isdisjoint({*splits.validation.items.numbers, *splits.test.items.numbers})


def test_sounds_of_another_rate_length_and_count():
    splits = sets.sounds(Data(rate=16000, seconds=0.1, limit=20, conditions="label"))
    assert (splits.train[3].item.rate, len(splits.train[3].item), len(splits.train)) == (16000, 1600, 20)
    assert set(condition_space(splits.train)) == {"label"}


@held
def test_fsdd():
    splits = sets.fsdd(Data(on_error="raise"))
    assert parts(splits) == [2430, 270, 300]
    space = condition_space(splits.train)
    assert set(space["label"].classes) == set(sets.DIGITS)
    assert space["speaker"].classes == ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    places = [window.path.stem for window in splits.test.items.places]
    assert all(int(stem.split("_")[2]) < 5 for stem in places)
    assert splits.test.conditions["label"][0] == sets.DIGITS[int(places[0][0])]
    assert splits.train[0].item.rate == 8000


@held
def test_fsdd_as_its_repository_has_it(tmp_path, monkeypatch):
    recordings = tmp_path / "audio" / "free-spoken-digit-dataset" / "recordings"
    recordings.mkdir(parents=True)
    for digit in range(10):
        for index in range(10):
            samples, rate = soundfile.read(HELD / "fsdd" / f"{digit}_theo_{index}.flac")
            soundfile.write(recordings / f"{digit}_theo_{index}.wav", samples, rate)
    monkeypatch.setenv("SUFFUSE_DATA", str(tmp_path))
    found = sets.fsdd(Data())
    for data in (
        Data(path=recordings),
        Data(path=recordings.parent),
        Data(root=tmp_path),
        Data(root=tmp_path / "audio"),
    ):
        assert parts(sets.fsdd(data)) == parts(found) == [45, 5, 50]


@held
def test_notes():
    splits = sets.notes(Data(on_error="raise"))
    assert parts(splits) == [1195, 133, 147]
    space = condition_space(splits.train)
    assert space["label"].classes == ("bass-clarinet", "contrabassoon", "oboe")
    assert isinstance(space["pitch"], Number)


@held
def test_notes_are_at_the_pitch_that_is_told():
    splits = sets.notes(Data(on_error="raise"))
    wrong = 0
    rows = [i for i in range(len(splits.test)) if splits.test.conditions["label"][i] == "oboe"]
    for i in rows:
        x, f = splits.test[i].item.samples[:, 0], 440 * 2 ** ((splits.test.conditions["pitch"][i] - 69) / 12)
        spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 16))
        hertz = np.fft.rfftfreq(1 << 16, 1 / 16000)
        near = np.flatnonzero((hertz > f * 0.8) & (hertz < f * 1.25))
        wrong += abs(1200 * np.log2(hertz[near[spectrum[near].argmax()]] / f)) > 50
    assert len(rows) > 20 and wrong <= 0.1 * len(rows)


@held
def test_drums():
    splits = sets.drums(Data(on_error="raise"))
    assert parts(splits) == [142, 16, 31]
    assert {"kick", "snare", "hat"} <= set(condition_space(splits.train)["label"].classes)
    assert {splits.train[i].item.rate for i in range(142)} >= {44100, 48000}


@held
def test_esc10():
    splits = sets.esc10(Data(on_error="raise"))
    assert parts(splits) == [288, 32, 80]
    assert len(condition_space(splits.train)["label"].classes) == 10
    cut = sets.esc10(Data(seconds=1.0))
    assert max(len(cut.train.items[i]) for i in range(0, len(cut.train), 50)) == 8000
    assert len(cut.train) > 3 * 288


@held
def test_waves():
    splits = sets.waves(Data())
    assert parts(splits) == [3386, 376, 399]
    clip = splits.train[0].item
    assert len(clip) == 512 and np.abs(clip.samples).max() <= 1.0


def esc50(root: Path) -> Path:
    (root / "meta").mkdir(parents=True)
    (root / "audio").mkdir()
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in range(1, 6):
        for k, (category, ten) in enumerate((("dog", True), ("rain", True), ("frog", False))):
            name = f"{fold}-{k}-A-0.wav"
            soundfile.write(root / "audio" / name, np.full(100, 0.1), 44100)
            lines.append(f"{name},{fold},{k},{category},{ten},{k},A")
    (root / "meta" / "esc50.csv").write_text("\n".join(lines) + "\n")
    return root


def test_esc10_as_the_repository_of_esc50_has_it(tmp_path):
    own = esc50(tmp_path / "ESC-50-master")
    for data in (Data(path=own), Data(root=tmp_path)):
        splits = sets.esc10(data)
        assert parts(splits) == [7, 1, 2]
        assert condition_space(splits.train)["label"].classes == ("dog", "rain")


@pytest.mark.parametrize("name", ["fsdd", "notes", "drums", "esc10", "waves"])
def test_what_is_not_there_is_told_with_where_to_get_it(tmp_path, monkeypatch, name):
    monkeypatch.setenv("SUFFUSE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=f"the data set {name} is not on this machine") as caught:
        getattr(sets, name)(Data())
    assert str(tmp_path) in str(caught.value) and "SUFFUSE_DATA" in str(caught.value.fix)


def test_a_folder_without_digits(tmp_path):
    with pytest.raises(DataError, match="holds no spoken digits"):
        sets.fsdd(Data(path=tmp_path))


def test_a_set_without_its_table(tmp_path):
    (tmp_path / "notes_16k").mkdir()
    with pytest.raises(DataError, match="lacks its table"):
        sets.notes(Data(root=tmp_path))
    (tmp_path / "manifest.csv").write_text("dataset,path,split,label,group\nother,a.wav,train,b,c\n")
    with pytest.raises(DataError, match="has no files"):
        sets.notes(Data(root=tmp_path))


@pytest.mark.parametrize(
    ("name", "number"), [("A4", 69), ("C4", 60), ("As4", 70), ("A#4", 70), ("Bb3", 58), ("c-1", 0), ("G9", 127)]
)
def test_notes_have_numbers(name, number):
    assert sets.midi(name) == number and isinstance(sets.midi(name), float)


def test_what_is_no_note():
    with pytest.raises(DataError, match="is no note"):
        sets.midi("H4")
