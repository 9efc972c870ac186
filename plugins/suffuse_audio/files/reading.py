"""Sound files, read whole or in parts by libsndfile: WAV, FLAC, OGG, Opus, MP3, AIFF of any rate and channels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from suffuse.errors import DataError
from suffuse_audio.clip import Clip, Depth

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".au", ".caf", ".w64")

UNTOLD = 1 << 40
"""Frames; a header that tells more tells no length, as that of a stream that was piped."""

STREAMED = 0x7FFFF000
"""Bytes; a header that tells as many or more was written before anybody knew how many there would be."""

LENGTHS = re.compile(r"^ *(?:data|SSND|Data Size|riff|Riff size) *: *(\d+) \(should be (\d+)\)", re.MULTILINE)
"""What libsndfile logs of a header that tells another length than the file has: of the samples, or of all of it."""

DEPTHS: Mapping[str, Depth] = {
    "PCM_S8": 16, "PCM_U8": 16, "PCM_16": 16, "ALAC_16": 16, "PCM_24": 24, "ALAC_20": 24, "ALAC_24": 24,
    "PCM_32": "float", "ALAC_32": "float", "FLOAT": "float", "DOUBLE": "float",
}  # fmt: skip
"""By libsndfile's name of how samples are stored, the depth that holds them as they are read; lossy files have none."""

BLOCK = 1 << 18
"""Frames that :func:`blocks` reads at a time unless told otherwise: two megabytes of stereo."""


@dataclass(frozen=True)
class Info:
    """What the head of a sound file tells.

    Arguments:
        rate: frames a second.
        channels: how many.
        frames: how many, at least one.
        depth: of a sample; ``None``: such files have none.
    """

    rate: int
    channels: int
    frames: int
    depth: Depth | None = None

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.frames / self.rate


def info(path: str | Path) -> Info:
    """What a file holds, from its head alone.

    Raises:
        DataError: it is missing, empty or no sound.
    """
    with _opened(Path(path)) as file:
        return _told(file, Path(path))


def checked(path: str | Path, gaps: bool = False) -> Info:
    """As :func:`info`, of a file that was read to its end, a block at a time.

    Raises:
        DataError: as :func:`read_clip`.
    """
    path = Path(path)
    with _opened(path) as file:
        told = _told(file, path)
        for _ in _blocks(file, path, told, BLOCK, gaps):
            pass
        return told


def read_clip(path: str | Path, start: int = 0, frames: int | None = None, gaps: bool = False) -> Clip:
    """The sound in a file, or a part of it; a part is found by seeking and nothing else is decoded.

    Arguments:
        path: of the file.
        start: the first frame, from 0.
        frames: how many; ``None``: all that follow.
        gaps: whether samples that are NaN are gaps, which a clip may have, and no fault.

    Raises:
        DataError: the file is missing, empty, no sound, cut off, or holds samples that are not finite; or the part
            reaches beyond its end.
    """
    path = Path(path)
    with _opened(path) as file:
        told = _told(file, path)
        wanted = told.frames - start if frames is None else frames
        if start < 0 or wanted < 1 or start + wanted > told.frames:
            raise DataError(
                "does not hold that part", field=str(path), expected=f"a part of its {told.frames} frames",
                got=f"{wanted} frames from {start}",
            )  # fmt: skip
        return _part(file, path, start, wanted, gaps)


def blocks(path: str | Path, frames: int = BLOCK) -> Iterator[Clip]:
    """A file from its beginning to its end, at most ``frames`` at a time; the memory needed is that of one block.

    Raises:
        DataError: as :func:`read_clip`. What was given before holds.
    """
    path = Path(path)
    with _opened(path) as file:
        yield from _blocks(file, path, _told(file, path), frames)


def spans(path: str | Path, starts: Iterable[int], frames: int, gaps: bool = False) -> Iterator[Clip]:
    """Parts of a file in rising order, read from its beginning to its end; the memory needed is that of one part.

    Arguments:
        path: of the file.
        starts: the first frames of the parts; they may lie over each other.
        frames: of each; fewer where the file ends.
        gaps: as of :func:`read_clip`.

    Raises:
        DataError: as :func:`read_clip`. What was given before holds.
    """
    path = Path(path)
    with _opened(path) as file:
        told = _told(file, path)
        held, first = np.zeros((0, told.channels), np.float32), 0
        for start in starts:
            held, first = held[max(0, start - first) :], max(start, first)
            lacking = min(start + frames, told.frames) - first - len(held)
            if lacking > 0:
                held = np.concatenate([held, _part(file, path, first + len(held), lacking, gaps).samples])
            yield Clip(held[:frames], told.rate)


def bad_sound(path: Path, reason: object) -> DataError:
    """The error for a file that cannot be read as a sound."""
    return DataError(
        f"cannot be read as a sound ({reason})",
        field=str(path),
        expected=f"one of {', '.join(suffix[1:] for suffix in SUFFIXES)}",
        fix="replace or remove the file, or convert it: ffmpeg -i FILE FILE.wav; "
        "in training data, data.on_error=skip leaves such files out",
    )


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """A file that is read; whatever libsndfile raises while it is open becomes a :class:`DataError` of it."""
    if not path.is_file():
        raise DataError(
            "is a folder, not a file" if path.is_dir() else "there is no such file", field=str(path),
            fix="check the path",
        )  # fmt: skip
    if not path.stat().st_size:
        raise bad_sound(path, "it is empty: 0 bytes")
    try:
        with soundfile.SoundFile(path) as file:
            yield file
    except soundfile.LibsndfileError as error:
        reason = error.error_string.removeprefix("Error : ").rstrip(".")
        # what its MP3 decoder says of anything that is no MP3
        raise bad_sound(path, "no sound is found in it" if "does not exist" in reason else reason) from error
    except (OSError, TypeError) as error:  # it may not be read; TypeError: headerless raw samples
        raise bad_sound(path, error) from error


def _told(file: soundfile.SoundFile, path: Path) -> Info:
    if file.frames < 1:
        raise bad_sound(path, "it holds no samples")
    if file.frames > UNTOLD:
        raise bad_sound(path, "its head does not tell how long it is")
    for told, there in LENGTHS.findall(file.extra_info):
        if int(there) < int(told) < STREAMED and round(file.frames * int(told) / max(1, int(there))) > file.frames:
            raise bad_sound(path, f"it is cut off: {there} of {told} bytes are there")
    return Info(file.samplerate, file.channels, file.frames, DEPTHS.get(file.subtype))


def _blocks(file: soundfile.SoundFile, path: Path, told: Info, frames: int, gaps: bool = False) -> Iterator[Clip]:
    for start in range(0, told.frames, frames):
        yield _part(file, path, start, min(frames, told.frames - start), gaps)


def _part(file: soundfile.SoundFile, path: Path, start: int, frames: int, gaps: bool = False) -> Clip:
    if file.tell() != start:
        file.seek(start)
    samples = file.read(frames, dtype="float32", always_2d=True)
    if len(samples) < frames:
        raise bad_sound(path, f"it is cut off: {start + len(samples)} of {file.frames} frames are there")
    bad = np.flatnonzero((np.isinf(samples) if gaps else ~np.isfinite(samples)).any(axis=1))
    if len(bad):
        raise bad_sound(
            path, f"{len(bad)} samples are not finite, the first at {(start + bad[0]) / file.samplerate:.3f} s"
        )
    return Clip(samples, file.samplerate, DEPTHS.get(file.subtype))
