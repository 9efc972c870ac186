"""Sound files: read whole and in parts, written without a loss that nobody was told of; broken ones named."""

from __future__ import annotations

import logging
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")

import soundfile

from suffuse.errors import DataError, DomainInputError, RecipeError, StorageError
from suffuse.recipe import read_section
from suffuse_audio import files
from suffuse_audio.clip import Clip, clip_of
from suffuse_audio.domain import joined
from suffuse_audio.files import Writing, blocks, check_depth, checked, deepest, info, prepared, read_clip, write_clip


def noise(frames: int = 5000, channels: int = 2, rate: int = 16000, peak: float = 0.999) -> Clip:
    samples = np.random.default_rng(0).uniform(-peak, peak, (frames, channels))
    return clip_of(samples, rate)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff", "a.ogg", "a.opus", "a.mp3"])
def test_every_format_is_written_and_read(tmp_path, name):
    t = np.arange(16000) / 16000
    made = clip_of(np.stack([0.5 * np.sin(2 * np.pi * 440 * t), 0.25 * np.sin(2 * np.pi * 660 * t)], 1), 16000)
    write_clip(made, tmp_path / name)
    read = read_clip(tmp_path / name)
    assert (read.rate, read.samples.shape, read.samples.dtype) == (16000, made.samples.shape, np.float32)
    error = np.square(read.samples - made.samples)[1000:-1000].mean() / np.square(made.samples).mean()
    assert error < 0.02  # what the lossy ones lose
    assert soundfile.info(tmp_path / name).frames == 16000


@pytest.mark.parametrize("depth", [16, 24, "float"])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff"])
def test_depths_keep_samples_to_half_a_step(tmp_path, suffix, depth):
    made, path = noise(), tmp_path / f"a{suffix}"
    if (suffix, depth) == (".flac", "float"):
        with pytest.raises(DomainInputError, match="cannot have a depth of float"):
            write_clip(made, path, depth)
        return
    write_clip(made, path, depth)
    assert soundfile.info(path).subtype == {16: "PCM_16", 24: "PCM_24", "float": "FLOAT"}[depth]
    error = np.abs(soundfile.read(path, dtype="float64")[0] - made.samples).max()
    assert error <= (0.0 if depth == "float" else 0.5 / 2 ** (depth - 1))
    assert np.array_equal(read_clip(path).samples, soundfile.read(path, dtype="float32")[0])


def test_written_twice_nothing_changes(tmp_path):
    write_clip(noise(), tmp_path / "a.flac", 16)
    once = read_clip(tmp_path / "a.flac")
    write_clip(once, tmp_path / "b.wav", 16)
    assert np.array_equal(read_clip(tmp_path / "b.wav").samples, once.samples)


@pytest.mark.parametrize(
    ("name", "subtype", "asked", "written"),
    [("a.wav", "PCM_24", None, "PCM_24"), ("a.wav", "FLOAT", None, "FLOAT"), ("a.wav", "PCM_32", None, "FLOAT"),
     ("a.wav", "PCM_U8", None, "PCM_16"), ("a.wav", "FLOAT", 16, "PCM_16"), ("a.flac", "FLOAT", None, "PCM_24"),
     ("a.mp3", "PCM_24", None, "MPEG_LAYER_III"), ("a.wav", "ULAW", None, "PCM_16")],
)  # fmt: skip
def test_a_sound_is_written_as_deep_as_its_file_was(tmp_path, name, subtype, asked, written):
    soundfile.write(tmp_path / "source.wav", noise(peak=0.5).samples, 16000, subtype)
    (clip,) = prepared([read_clip(tmp_path / "source.wav")], Writing(depth=asked))
    write_clip(clip, tmp_path / name)
    assert soundfile.info(tmp_path / name).subtype == written


def test_a_float_source_over_full_scale_stays_as_it_is(tmp_path, caplog):
    soundfile.write(tmp_path / "source.wav", 3.0 * noise().samples, 16000, "FLOAT")
    source = read_clip(tmp_path / "source.wav")
    write_clip(source, tmp_path / "again.wav")
    assert np.array_equal(read_clip(tmp_path / "again.wav").samples, source.samples) and not caplog.messages


def test_several_in_one_file_are_as_deep_as_the_deepest():
    clips = [Clip(noise().samples, 16000, depth) for depth in (None, 24, 16)]
    assert (deepest(clips), deepest(clips[:1]), deepest([*clips, Clip(clips[0].samples, 1, "float")])) == (
        24, None, "float",
    )  # fmt: skip
    assert joined(clips).depth == 24


def test_a_depth_that_a_suffix_cannot_have_is_told_without_a_sound():
    check_depth(Writing(depth="float"), ".wav")
    check_depth(Writing(), ".mp3")
    with pytest.raises(DomainInputError, match=r"files ending in \.mp3: cannot have a depth of 24"):
        check_depth(Writing(depth=24), ".mp3")


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "AIFF", "AU", "W64", "RF64"])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_file_that_is_shorter_than_its_head_says_is_cut_off(tmp_path, kind, subtype):
    path = tmp_path / f"a.{kind.lower() if kind in ('AIFF', 'AU', 'W64') else 'wav'}"
    soundfile.write(path, noise().samples, 16000, subtype, format=kind)
    assert len(read_clip(path)) == 5000
    path.write_bytes(path.read_bytes()[:-100])
    for read in (read_clip, info, checked):
        with pytest.raises(DataError, match=r"it is cut off: .* bytes are there"):
            read(path)


@pytest.mark.parametrize("told", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_head_that_was_written_before_its_sound_tells_no_length(tmp_path, told):
    """As those of what was piped into a file."""
    soundfile.write(tmp_path / "a.wav", noise().samples, 16000, "PCM_16")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = content[4:8] = told.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    assert len(read_clip(tmp_path / "a.wav")) == 5000


def test_a_part_is_read_by_seeking(tmp_path):
    made = noise(9000)
    for name in ("a.wav", "a.flac", "a.ogg"):
        write_clip(made, tmp_path / name)
        whole = read_clip(tmp_path / name).samples
        assert np.array_equal(read_clip(tmp_path / name, 4321, 1000).samples, whole[4321:5321])
        assert np.array_equal(read_clip(tmp_path / name, 8999).samples, whole[8999:])
        for start, frames in ((8500, 501), (9000, 1), (-1, 5), (0, 0)):
            with pytest.raises(DataError, match="does not hold that part"):
                read_clip(tmp_path / name, start, frames)


@pytest.mark.parametrize(
    ("rate", "channels", "subtype", "frames"),
    [(8000, 1, "PCM_U8", 4000), (96000, 2, "PCM_24", 9600), (44100, 1, "PCM_16", 441), (22050, 6, "PCM_32", 500),
     (11025, 1, "ULAW", 800), (48000, 2, "DOUBLE", 480), (8000, 1, "PCM_16", 1)],
)  # fmt: skip
def test_any_rate_depth_and_channels_are_read(tmp_path, rate, channels, subtype, frames):
    x = np.random.default_rng(1).uniform(-0.9, 0.9, (frames, channels))
    soundfile.write(tmp_path / "a.wav", x, rate, subtype)
    read = read_clip(tmp_path / "a.wav")
    assert (read.rate, read.channels, len(read)) == (rate, channels, frames)
    told = info(tmp_path / "a.wav")
    assert (told.rate, told.channels, told.frames, told.seconds) == (rate, channels, frames, frames / rate)
    assert np.abs(read.samples - x).max() < (0.04 if subtype in ("PCM_U8", "ULAW") else 1e-4)


def test_an_hour_is_read_in_parts_and_needs_the_memory_of_one(tmp_path):
    path, hour = tmp_path / "hour.flac", 3600 * 8000
    block = (np.arange(80000) % 200 - 100).astype(np.int16)
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16", format="FLAC") as file:
        for _ in range(hour // len(block)):
            file.write(block)
    tracemalloc.start()
    total = sum(len(clip) for clip in blocks(path))
    assert checked(path).frames == hour == total
    late = read_clip(path, hour - 200, 200)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.array_equal(np.rint(late.samples[:, 0] * 2**15), block[-200:])
    assert peak < 8 * 2**20  # an hour is 115 MB


def broken(folder: Path) -> dict[str, Path]:
    """A file of each kind that cannot be read."""
    folder.mkdir(exist_ok=True)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("this is no sound\n" * 100)
    (folder / "text.mp3").write_text("this is no sound\n" * 100)
    write_clip(noise(40000), folder / "whole.flac")
    content = (folder / "whole.flac").read_bytes()
    (folder / "cut.flac").write_bytes(content[: len(content) // 2])
    (folder / "whole.flac").unlink()
    write_clip(noise(40000, peak=0.5), folder / "whole.mp3")
    content = (folder / "whole.mp3").read_bytes()
    (folder / "cut.mp3").write_bytes(content[: len(content) // 2])
    (folder / "whole.mp3").unlink()
    soundfile.write(folder / "nothing.wav", np.zeros((0, 1)), 8000)
    x = np.zeros(8000, np.float32)
    x[4000:4003] = np.nan
    soundfile.write(folder / "nan.wav", x, 8000, "FLOAT")
    (folder / "folder.wav").mkdir()
    return {path.stem + path.suffix[1:]: path for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    ("name", "message"),
    [("cutmp3", "it is cut off: .* of 40000 frames"),
     ("emptywav", "it is empty: 0 bytes"), ("textwav", "not recognised"), ("textmp3", "no sound is found"),
     ("cutflac", "lost sync"), ("nothingwav", "holds no samples"), ("nanwav", "3 samples are not finite.* 0.500 s"),
     ("folderwav", "is a folder")],
)  # fmt: skip
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path, name, message):
    path = broken(tmp_path / "broken")[name]
    for read in (read_clip, checked):
        with pytest.raises(DataError, match=message) as caught:
            read(path)
        assert caught.value.field == str(path) and caught.value.fix


def test_samples_that_are_no_numbers_are_gaps_where_gaps_are_meant(tmp_path):
    path = broken(tmp_path / "broken")["nanwav"]
    gap = np.isnan(read_clip(path, gaps=True).samples[:, 0])
    assert np.flatnonzero(gap).tolist() == [4000, 4001, 4002]
    soundfile.write(path, np.array([0.0, np.inf]), 8000, "FLOAT")
    with pytest.raises(DataError, match="not finite"):
        read_clip(path, gaps=True)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        info(tmp_path / "gone.wav")


def test_silence_and_offsets_are_written_and_told(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        write_clip(clip_of(np.zeros(800), 8000), tmp_path / "a.flac")
        write_clip(clip_of(np.full(800, 0.1), 8000), tmp_path / "b.flac")
    assert ["is silent" in caplog.messages[0], "offset of 0.100" in caplog.messages[1]] == [True, True]
    assert not read_clip(tmp_path / "a.flac").samples.any()


def test_what_is_over_full_scale_is_scaled_and_told_and_never_cut(tmp_path, caplog):
    t = np.arange(8000) / 8000
    loud = clip_of(2.0 * np.sin(2 * np.pi * 440 * t), 8000)
    with caplog.at_level(logging.WARNING):
        write_clip(loud, tmp_path / "a.wav")
    (told,) = caplog.messages
    assert "scaled down by 6.02 dB" in told and str(tmp_path / "a.wav") in told
    read = read_clip(tmp_path / "a.wav").samples
    assert np.abs(2 * read - loud.samples).max() < 3 / 2**15
    caplog.clear()
    write_clip(loud, tmp_path / "b.wav", "float")
    assert np.array_equal(read_clip(tmp_path / "b.wav").samples, loud.samples) and not caplog.messages


def test_full_scale_itself_is_not_scaled(tmp_path, caplog):
    write_clip(clip_of(np.tile([1.0, -1.0], 400), 8000), tmp_path / "a.wav")
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0][:2].tolist() == [32767, -32768]
    assert not caplog.messages


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_gaps_and_infinities_are_refused_and_the_old_file_stays(tmp_path, bad):
    samples = np.zeros(800, np.float32)
    samples[400] = bad
    write_clip(noise(), tmp_path / "a.wav")
    before = (tmp_path / "a.wav").read_bytes()
    for depth in (16, "float"):
        with pytest.raises(DomainInputError, match="not finite") as caught:
            write_clip(clip_of(samples, 8000), tmp_path / "a.wav", depth)
        assert "1 of 800 frames, the first at 0.050 s" in str(caught.value)
    assert (tmp_path / "a.wav").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(("name", "asked", "written"), [("a.opus", 11025, 12000), ("a.opus", 96000, 48000),
                                                         ("a.mp3", 4000, 8000), ("a.wav", 44101, 44101)])  # fmt: skip
def test_a_rate_that_a_file_cannot_have_becomes_the_next(tmp_path, name, asked, written):
    write_clip(noise(rate=asked), tmp_path / name)
    assert info(tmp_path / name).rate == written


@pytest.mark.parametrize(
    ("clip", "name", "message"),
    [(noise(), "a.txt", "ending in"), (noise(), "a.ogg", None),
     (noise(channels=9), "a.flac", "9 channels"), (Clip(np.zeros((0, 1), np.float32), 8000), "a.wav", "is empty")],
)  # fmt: skip
def test_what_a_file_cannot_hold_is_refused(tmp_path, clip, name, message):
    if message is None:
        with pytest.raises(DomainInputError, match="such files have none"):
            write_clip(clip, tmp_path / name, 16)
        return
    with pytest.raises(DomainInputError, match=message):
        write_clip(clip, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_clip(noise(), tmp_path / "file" / "a.wav")


def test_the_depth_is_an_option(tmp_path):
    for told, depth in ((24, 24), ("24", 24), ("float", "float"), (None, None)):
        options = read_section(Writing, {} if told is None else {"depth": told}, "writing")
        assert options.depth == depth
        (clip,) = prepared([noise()], options)
        write_clip(clip, tmp_path / "a.wav")
        assert soundfile.info(tmp_path / "a.wav").subtype == {24: "PCM_24", "float": "FLOAT", None: "PCM_16"}[depth]
    with pytest.raises(RecipeError):
        read_section(Writing, {"depth": 12}, "writing")


def test_minutes_of_vorbis(tmp_path):
    write_clip(noise(8000 * 240, 1, 8000, 0.5), tmp_path / "a.ogg")
    assert info(tmp_path / "a.ogg").frames == 8000 * 240


def test_suffixes_that_are_written_are_read():
    assert set(files.FORMATS) <= set(files.SUFFIXES)
