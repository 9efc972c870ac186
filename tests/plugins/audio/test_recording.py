"""Sounds that stay in their files: as those in memory, however long they are."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("torchaudio")

import soundfile
from PIL import Image

from suffuse.domain import Unreadable
from suffuse.errors import DomainInputError, StorageError
from suffuse_audio.clip import Clip, clip_of, require_clip
from suffuse_audio.codec import SoundCodec
from suffuse_audio.domain import Audio
from suffuse_audio.files import Recording, Writing, kept, open_sound, read_clip, recording, write_clip, writing
from suffuse_audio.representations import ComplexStft
from suffuse_audio.windows import Windows

DOMAIN, RATE = Audio(), 8000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of more than 1,000 samples stay where they are."""
    monkeypatch.setattr(recording, "LARGE", 1000)


def noise(frames: int, channels: int = 1, rate: int = RATE, seed: int = 0) -> Clip:
    return clip_of(np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32), rate)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Clip, Recording]:
    """The same sound in memory and in a file."""
    clip = noise(10_000, 2)
    write_clip(clip, tmp_path / "a.wav", "float")
    (found,) = DOMAIN.read(tmp_path / "a.wav")
    assert isinstance(found, Recording)
    return clip, found


def test_it_is_like_the_clip(pair: tuple[Clip, Recording]) -> None:
    clip, found = pair
    assert (len(found), found.rate, found.channels, found.seconds) == (10_000, RATE, 2, 1.25)
    assert np.array_equal(found.samples, clip.samples) and np.array_equal(found[3:70].samples, clip.samples[3:70])
    assert np.array_equal(require_clip(found, 0).samples, clip.samples)
    sent = pickle.loads(pickle.dumps(found))
    assert np.array_equal(sent.samples, clip.samples)


@pytest.mark.parametrize(
    ("starts", "frames"), [((0, 400, 800), 500), ((0, 3000, 9900), 400), ((0, 0, 1), 10_000), ((), 5)]
)
def test_parts_may_overlap_or_leave_something_out(
    pair: tuple[Clip, Recording], starts: tuple[int, ...], frames: int
) -> None:
    clip, found = pair
    parts = list(found.spans(starts, frames))
    assert len(parts) == len(starts)
    for part, same in zip(parts, clip.spans(starts, frames), strict=True):
        assert np.array_equal(part.samples, same.samples)


@pytest.mark.parametrize("channels", [1, 2])
def test_pieces_windows_and_what_is_joined_are_the_same(pair: tuple[Clip, Recording], channels: int) -> None:
    codec = SoundCodec(ComplexStft(), RATE, channels, 32, level=-12.0)
    clip, found = pair
    for a, b in zip(codec.pieces(clip), codec.pieces(found), strict=True):
        assert np.array_equal(a.samples, b.samples)
    for one, same in zip(codec.windows(clip, 0.3), codec.windows(found, 0.3), strict=True):
        assert one.start == same.start and np.array_equal(one.item.samples, same.item.samples)
    whole, stored = (codec.join(codec.pieces(sound), sound) for sound in pair)
    assert isinstance(stored, Recording) and np.array_equal(whole.samples, stored.samples)
    np.testing.assert_allclose(whole.samples, clip.samples, atol=1e-6)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.opus"])
@pytest.mark.parametrize("loud", [1.0, 4.0])
def test_it_is_written_as_the_clip_is(
    pair: tuple[Clip, Recording], tmp_path: Path, name: str, loud: float, caplog: pytest.LogCaptureFixture
) -> None:
    clip = Clip(np.float32(loud) * pair[0].samples, RATE)
    made = kept(iter(np.array_split(clip.samples, 7)), RATE, 2)
    (tmp_path / "two").mkdir()
    DOMAIN.write([clip], tmp_path / name)
    DOMAIN.write([made], tmp_path / "two" / name)
    told = [record.getMessage().partition(": ")[2] for record in caplog.records]
    assert len(told) == 2 * (loud > 1.0) and len(set(told)) <= 1
    one, two = read_clip(tmp_path / name), read_clip(tmp_path / "two" / name)
    np.testing.assert_allclose(one.samples, two.samples, atol=1e-4)
    if name == "a.wav":
        assert np.array_equal(one.samples, two.samples)


def test_its_depth_can_be_asked_for(pair: tuple[Clip, Recording], tmp_path: Path) -> None:
    DOMAIN.write(DOMAIN.to_write([pair[1]], Writing(depth=24), {}), tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").subtype == "PCM_24"


def test_a_temporary_file_goes_with_the_sound() -> None:
    made = kept([np.zeros((10, 1), np.float32)], RATE, 1)
    path = made.path
    assert path.exists()
    del made
    assert not path.parent.exists()


def test_no_room_for_what_is_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise soundfile.LibsndfileError(2, "Error : ")

    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with pytest.raises(StorageError, match="could not be written"):
        kept([np.zeros((10, 1), np.float32)], RATE, 1)


def test_a_wav_that_would_be_too_large_is_refused(
    pair: tuple[Clip, Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LARGEST", 39_999)
    with pytest.raises(DomainInputError, match="cannot hold so long a sound"):
        write_clip(pair[1], tmp_path / "b.wav", 16)
    write_clip(pair[1], tmp_path / "b.flac")
    monkeypatch.setattr(writing, "LARGEST", 40_000)
    write_clip(pair[1], tmp_path / "b.wav", 16)


def test_a_gap_is_read_and_never_written(tmp_path: Path) -> None:
    samples = noise(5000).samples
    samples[3000:3010] = np.nan
    soundfile.write(tmp_path / "gap.wav", samples, RATE, "FLOAT")
    found = open_sound(tmp_path / "gap.wav")
    assert isinstance(found, Recording) and np.isnan(found.samples).sum() == 10
    with pytest.raises(DomainInputError, match=r"not finite(.|\n)*10 of 5000 frames, the first at 0.375 s"):
        write_clip(found, tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


def test_a_long_file_that_is_cut_off_is_set_apart_at_once(tmp_path: Path) -> None:
    write_clip(noise(50_000), tmp_path / "a.flac")
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    ((found,),) = DOMAIN.batches(tmp_path / "a.flac", 4)
    assert isinstance(found, Unreadable)


def test_it_is_drawn_with_its_own_length(pair: tuple[Clip, Recording]) -> None:
    picture = DOMAIN.picture([pair[1], pair[0]])
    assert isinstance(picture, Image.Image) and picture.size == DOMAIN.picture([pair[0], pair[0]]).size


def test_a_long_one_is_cut_joined_written_and_drawn_in_the_memory_of_a_few_windows(tmp_path: Path) -> None:
    path, minutes = tmp_path / "long.wav", 10
    with soundfile.SoundFile(path, "w", 44100, 2, "PCM_16") as file:
        for i in range(minutes):
            file.write(noise(60 * 44100, 2, 44100, i).samples)
    codec = SoundCodec(ComplexStft(), 44100, 2, 64)
    tracemalloc.start()
    found = open_sound(path)
    made = codec.join(codec.pieces(found), found)
    DOMAIN.write([made], tmp_path / "made.wav")
    DOMAIN.picture([made])
    assert sum(len(window.item) for window in codec.windows(found)) >= len(found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(made) == minutes * 60 * 44100 and soundfile.info(tmp_path / "made.wav").frames == len(made)
    assert peak < 60 * 2**20  # ten minutes are 212 MB


@pytest.mark.parametrize(
    ("frames", "step", "starts"),
    [(800, 1.0, [0]), (1000, 1.0, [0]), (1009, 1.0, [0]), (1010, 1.0, [0, 10]), (2000, 1.0, [0, 1000]),
     (2005, 1.0, [0, 1000]), (2500, 1.0, [0, 1000, 1500]), (2000, 0.5, [0, 500, 1000]), (2000, 0.7, [0, 700, 1000])],
)  # fmt: skip
def test_windows_lie_side_by_side_and_the_last_ends_with_the_sound(frames: int, step: float, starts: list[int]) -> None:
    windows = Windows(noise(frames), 0.125, step, 10 / RATE)
    assert windows.starts == starts and len(windows) == len(starts)
    assert [window.start for window in windows] == [start / RATE for start in starts]
    assert all(len(window.item) == min(frames, 1000) for window in windows if len(starts) > 1)
