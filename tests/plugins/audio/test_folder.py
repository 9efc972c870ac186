"""Folders of sounds: classes, tables, windows, parts, and files that are broken."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")

import soundfile

from suffuse.conditions import Label, Number
from suffuse.datasets import condition_space
from suffuse.domain import Splits, examples_at
from suffuse.errors import DataError
from suffuse_audio import data as module
from suffuse_audio.data import Data, windows_of
from suffuse_audio.files import Info
from suffuse_audio.folder import folder


@pytest.fixture
def make(tmp_path):
    """``make({"cats/a.wav": 800, …}, rate)``: a folder of files with so many frames, each of a level of its own.

    What is text or bytes is written as it is.
    """

    def write(content: dict[str, int | str | bytes], rate: int = 8000) -> Path:
        for level, (name, told) in enumerate(content.items(), start=1):
            path = tmp_path / "sounds" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(told, int):
                soundfile.write(path, np.full(told, level / 100), rate)
            else:
                path.write_bytes(told if isinstance(told, bytes) else told.encode())
        return tmp_path / "sounds"

    return write


def every(splits: Splits) -> list:
    parts = [splits.train, splits.validation, *([] if splits.test is splits.validation else [splits.test])]
    return [part[i] for part in parts for i in range(len(part))]


def levels(part) -> set[float]:
    """Which files a part holds: each has its own level."""
    return {round(float(part[i].item.samples[0, 0]) * 100) for i in range(len(part))}


def test_subfolders_are_classes(make):
    root = make({**{f"{c}/deep/{i}.wav": 100 for c in ("cats", "dogs") for i in range(10)}, "stray.flac": 96})
    splits = folder(Data(path=root))
    assert splits.name == "sounds"
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [17, 2, 2]
    assert condition_space(splits.train) == {"label": Label(("cats", "dogs"))}
    assert sorted(str(e.conditions["label"]) for e in every(splits)) == ["None"] + ["cats"] * 10 + ["dogs"] * 10
    assert {len(e.item) for e in every(splits)} == {100, 96}


def test_how_long_clips_are_is_a_condition_where_that_differs(make):
    root = make({f"{c}/{i}.wav": 100 + i for c in ("cats", "dogs") for i in range(10)})
    clips = every(folder(Data(path=root)))
    assert all(e.conditions["seconds"] == len(e.item) / 8000 for e in clips)
    space = condition_space(folder(Data(path=root)).train)
    assert set(space) == {"label", "seconds"} and isinstance(space["seconds"], Number)
    assert space["seconds"].mean == pytest.approx(np.mean([len(e.item) for e in clips]) / 8000, rel=0.02)
    assert set(condition_space(folder(Data(path=root, conditions="label")).train)) == {"label"}
    windows = folder(Data(path=root, seconds=100 / 8000))
    assert set(condition_space(windows.train)) == {"label"}  # all are of one length
    asked = folder(Data(path=root, seconds=100 / 8000, conditions=("seconds", "label")))
    assert set(condition_space(asked.train)) == {"label", "seconds"}


def test_what_a_table_calls_seconds_is_its_own(make):
    rows = "".join(f"{i}.wav,{i}\n" for i in range(9))
    root = make({**{f"{i}.wav": 100 * (i + 1) for i in range(9)}, "labels.csv": f"file,seconds\n{rows}"})
    assert sorted(e.conditions["seconds"] for e in every(folder(Data(path=root)))) == [float(i) for i in range(9)]


def test_a_folder_without_subfolders_has_no_conditions(make):
    splits = folder(Data(path=make({f"{i}.wav": 100 for i in range(9)})))
    assert condition_space(splits.train) == {}


def test_parts_are_apart_and_follow_the_seed(make):
    root = make({f"{i:02}.wav": 10 for i in range(40)})
    first, again, other = (folder(Data(path=root, seed=seed)) for seed in (0, 0, 1))
    parts = [levels(part) for part in (first.train, first.validation, first.test)]
    assert [len(part) for part in parts] == [32, 4, 4] and len(set.union(*parts)) == 40
    assert levels(again.train) == parts[0] != levels(other.train)


def test_without_a_test_part_validation_serves(make):
    splits = folder(Data(path=make({f"{i}.wav": 10 for i in range(20)}), test=0.0))
    assert (len(splits.train), levels(splits.test)) == (18, levels(splits.validation))


def test_limit_is_of_the_training_part(make):
    splits = folder(Data(path=make({f"{i:02}.wav": 10 for i in range(40)}), limit=7))
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [7, 4, 4]


def test_folders_that_are_called_as_parts(make):
    files = {f"{part}/{c}/{i}.wav": 10 for part in ("train", "val", "test") for c in ("a", "b") for i in range(3)}
    splits = folder(Data(path=make(files)))
    assert [levels(part) for part in (splits.train, splits.validation, splits.test)] == [
        set(range(1, 7)), set(range(7, 13)), set(range(13, 19)),
    ]  # fmt: skip
    assert condition_space(splits.train) == {"label": Label(("a", "b"))}


TABLE = "file,label,speed,note\n" + "".join(f"x/{i}.wav,{i % 2},{i / 2},n{i}\n" for i in range(30))


def test_a_table_tells_conditions(make):
    root = make({**{f"x/{i}.wav": 10 for i in range(30)}, "unlisted.wav": 10, "labels.csv": TABLE})
    splits = folder(Data(path=root))
    assert len(every(splits)) == 30
    space = condition_space(splits.train)
    assert set(space) == {"label", "speed"}  # each note is of one file
    assert space["label"] == Label(("0", "1")) and isinstance(space["speed"], Number)
    for example in every(splits):
        number = round(float(example.item.samples[0, 0]) * 100) - 1
        assert example.conditions == {"label": str(number % 2), "speed": number / 2}


def test_conditions_are_picked(make):
    root = make({**{f"x/{i}.wav": 10 for i in range(30)}, "labels.csv": TABLE})
    assert set(condition_space(folder(Data(path=root, conditions="speed")).train)) == {"speed"}
    assert isinstance(condition_space(folder(Data(path=root, conditions="note")).train)["note"], Label)
    assert condition_space(folder(Data(path=root, conditions=())).train) == {}
    with pytest.raises(DataError, match="did you mean 'speed'") as caught:
        folder(Data(path=root, conditions=("label", "sped")))
    assert caught.value.field == "data.conditions"


def test_a_table_elsewhere_with_parts_and_empty_cells(make, tmp_path):
    root = make({f"x/{i}.wav": 10 for i in range(12)})
    rows = "".join(f"x/{i}.wav;{'test' if i < 3 else 'train'};{i if i % 2 else ''}\n" for i in range(12))
    table = tmp_path / "told.csv"
    table.write_text("path;split;pitch\n" + rows, encoding="utf-8-sig")
    splits = folder(Data(path=root, table=table, validation=0.3))
    assert levels(splits.test) == {1, 2, 3}
    assert [len(part) for part in (splits.train, splits.validation)] == [6, 3]
    told = {round(float(e.item.samples[0, 0]) * 100) - 1: e.conditions for e in every(splits)}
    assert told[4] == {"pitch": None, "label": "x"} and told[5] == {"pitch": 5.0, "label": "x"}


def test_a_table_with_a_column_split_whose_parts_there_are_not(make):
    root = make({**{f"{i}.wav": 10 for i in range(6)}, "metadata.csv": "file,split\n0.wav,fold1\n"})
    with pytest.raises(DataError, match="line 2 tells a part") as caught:
        folder(Data(path=root))
    assert "'fold1'" in str(caught.value)


@pytest.mark.parametrize("text", ["", "name,label\na.wav,1\n"])
def test_a_table_that_names_no_files(make, text):
    root = make({"a.wav": 10, "labels.csv": text})
    with pytest.raises(DataError, match="names no files"):
        folder(Data(path=root))


def test_a_table_that_is_no_text(make):
    with pytest.raises(DataError, match="UTF-8"):
        folder(Data(path=make({"a.wav": 10, "labels.csv": b"file\n\xff\xfe\x00"})))


def test_long_files_are_cut_into_windows(make):
    root = make({**{f"a/{i}.wav": 8000 * 3 + i for i in range(8)}, "b/short.wav": 100})
    splits = folder(Data(path=root, seconds=1.0))
    clips = every(splits)
    assert sorted(len(e.item) for e in clips) == [100] + [8000] * 24
    assert all(e.conditions["label"] == ("b" if len(e.item) == 100 else "a") for e in clips)
    parts = [levels(part) for part in (splits.train, splits.validation, splits.test)]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 9  # no file is in two parts


def test_windows_cover_a_file_in_order_and_hold_its_samples(make, tmp_path):
    root = make({})
    root.mkdir()
    ramp = np.arange(25000) / 25000
    soundfile.write(root / "ramp.wav", ramp, 1000, "FLOAT")
    splits = folder(Data(path=root, seconds=1.0, validation=0.2, test=0.2))
    starts = [np.rint(part[i].item.samples[0, 0] * 25000) for part in (splits.train, splits.test, splits.validation)
              for i in range(len(part))]  # fmt: skip
    assert starts == [1000.0 * i for i in range(25)]  # of one file, later windows are held out
    clip = splits.train[3].item
    assert np.array_equal(clip.samples[:, 0], ramp[3000:4000].astype(np.float32))


@pytest.mark.parametrize(
    ("frames", "starts"),
    [(50, [0]), (100, [0]), (109, [0]), (111, [0, 11]), (200, [0, 100]), (205, [0, 100]), (250, [0, 75, 150])],
)
def test_windows_lie_evenly(frames, starts):
    windows = windows_of(Path("a.wav"), Info(100, 1, frames), 1.0)
    assert [window.start for window in windows] == starts
    assert all(window.frames == min(frames, 100) and window.start + window.frames <= frames for window in windows)


def test_one_bad_file_of_many_is_left_out_and_told(make, caplog):
    good = {f"a/{i:03}.flac": 4000 for i in range(100)}
    root = make(good)
    whole = (root / "a/050.flac").read_bytes()
    (root / "a/050.flac").write_bytes(whole[: len(whole) // 2])
    with caplog.at_level(logging.WARNING):
        splits = folder(Data(path=root))
    assert len(every(splits)) == 99
    (told,) = caplog.messages
    assert "1 of 100 files" in told and "050.flac" in told and "cannot be read as a sound" in told


def test_a_bad_file_can_stop_the_work(make):
    root = make({**{f"{i}.wav": 10 for i in range(9)}, "bad.wav": "no sound at all"})
    with pytest.raises(DataError, match="not recognised") as caught:
        folder(Data(path=root, on_error="raise"))
    assert caught.value.field == str(root / "bad.wav")


def test_only_bad_files(make):
    with pytest.raises(DataError, match="it is empty: 0 bytes"):
        folder(Data(path=make({"a.wav": b"", "b.wav": b""})))


def test_a_file_that_a_table_names_and_that_is_missing_is_told(make, caplog):
    root = make({**{f"x/{i}.wav": 10 for i in range(30) if i != 7}, "labels.csv": TABLE})
    with caplog.at_level(logging.WARNING):
        assert len(every(folder(Data(path=root)))) == 29
    assert "7.wav: there is no such file" in caplog.text
    with pytest.raises(DataError, match="there is no such file"):
        folder(Data(path=root, on_error="raise"))


def test_mixed_rates_and_channels(make):
    root = make({f"a{i}.wav": 100 for i in range(5)})
    make({f"b{i}.flac": 300 for i in range(5)}, 44100)
    soundfile.write(root / "c.wav", np.zeros((50, 2)), 96000)
    assert {(e.item.rate, e.item.channels, len(e.item)) for e in every(folder(Data(path=root)))} == {
        (8000, 1, 100), (44100, 1, 300), (96000, 2, 50),
    }  # fmt: skip


def test_hidden_files_are_not_meant(make):
    root = make({**{f"{i}.wav": 10 for i in range(6)}, "._0.wav": b"junk", ".cache/x.wav": b"junk", "notes.txt": b"x"})
    assert len(every(folder(Data(path=root, on_error="raise")))) == 6


@pytest.mark.parametrize(
    ("content", "message"), [({"a.txt": b"x"}, "holds no sounds"), (None, "is not told"), ({"a.wav": 10}, "no clip")]
)
def test_what_is_no_folder_of_sounds(make, content, message):
    with pytest.raises(DataError, match=message):
        folder(Data(path=None if content is None else make(content)))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        folder(Data(path=tmp_path / "gone"))


def test_what_was_read_is_kept_where_it_is_little(make, monkeypatch):
    root = make({f"{i}.wav": 100 for i in range(10)})
    splits = folder(Data(path=root))
    first = splits.train[0].item
    assert splits.train[0].item is first and splits.train.items.take([0])[0] is first
    monkeypatch.setattr(module, "KEPT_BYTES", 100)
    splits = folder(Data(path=root))
    again = splits.train[0].item
    assert splits.train[0].item is not again and np.array_equal(splits.train[0].item.samples, again.samples)


def test_several_threads_read_at_once(make, monkeypatch):
    monkeypatch.setattr(module, "KEPT_BYTES", 0)
    splits = folder(Data(path=make({f"{i:02}.flac": 2000 for i in range(40)})))
    alone = [splits.train[i].item.samples for i in range(len(splits.train))]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: splits.train[i % len(alone)].item.samples, range(400)))
    assert all(np.array_equal(x, alone[i % len(alone)]) for i, x in enumerate(together))
    picked = examples_at(splits.train, [5, 2])
    assert np.array_equal(picked.items[1].samples, alone[2])


def test_sounds_that_the_table_does_not_name_are_counted_and_told(make, caplog):
    names = [f"{i}.wav" for i in range(10)]
    root = make({**dict.fromkeys([*names, "more/a.wav", "more/b.wav", "._0.wav"], 100), "notes.txt": "none"})
    (root / "labels.csv").write_text("file,label\n" + "\n".join(f"{name},x" for name in names))
    with caplog.at_level(logging.WARNING):
        assert len(every(folder(Data(path=root)))) == 10
    (told,) = caplog.messages
    assert "names 10 files; 2 other sounds" in told and "a.wav" in told
