"""Sounds that stay in their files, so that they may be larger than memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from numpy.typing import NDArray

from suffuse.domain import Item
from suffuse.errors import DomainInputError, StorageError
from suffuse_audio.clip import Clip, Depth, Stored, require_clip
from suffuse_audio.files.reading import checked, info, read_clip, spans

LARGE = 1 << 22
"""Samples, of all channels: files with more stay where they are. 16 megabytes, 48 seconds of stereo at 44.1 kHz."""

BLOCK = 1 << 16
"""Frames that are handed to libsndfile at a time: its Vorbis encoder overruns the stack if it gets minutes at once."""


@dataclass(frozen=True, eq=False)
class Recording(Stored):
    """A sound in a file, read as it is needed. The file must stay as it is.

    Arguments:
        path: of the file.
        rate: frames a second.
        channels: how many.
        frames: how many.
        folder: a temporary one that the file is in, if it is; it goes when the recording does.
        depth: as of a clip.
        asked: how deep a person wants it written.
    """

    path: Path
    rate: int
    channels: int
    frames: int
    folder: TemporaryDirectory[str] | None = None
    depth: Depth | None = None
    asked: Depth | None = None

    def __len__(self) -> int:
        """Its frames."""
        return self.frames

    def __getitem__(self, part: slice) -> Clip:
        """A part of it in time."""
        first, end, _ = part.indices(self.frames)
        return read_clip(self.path, first, end - first, gaps=True)

    def __reduce__(self) -> tuple[object, ...]:
        """It may be sent to a process of the same machine, which does not have to tidy up."""
        return Recording, (self.path, self.rate, self.channels, self.frames, None, self.depth, self.asked)

    @property
    def samples(self) -> NDArray[np.float32]:
        """All of them, as of a clip."""
        return self.whole().samples

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self) / self.rate

    def whole(self) -> Clip:
        return read_clip(self.path, gaps=True)

    def spans(self, starts: Iterable[int], frames: int) -> Iterator[Clip]:
        """As :meth:`suffuse_audio.clip.Clip.spans`; no more than one part is held at a time."""
        return spans(self.path, starts, frames, gaps=True)


Sound = Clip | Recording


def open_sound(path: Path) -> Sound:
    """The sound in a file, gaps and all; a long one stays there, after a look at all of it.

    Raises:
        DataError: as :func:`suffuse_audio.files.read_clip`.
    """
    told = info(path)
    if told.frames * told.channels <= LARGE:
        return read_clip(path, gaps=True)
    checked(path, gaps=True)
    return Recording(path, told.rate, told.channels, told.frames, depth=told.depth)


def kept(blocks: Iterable[NDArray[np.float32]], rate: int, channels: int, depth: Depth | None = None) -> Recording:
    """A sound that is made block by block, in a temporary file.

    Arguments:
        blocks: ``[frames, channels]``, one after the other.
        rate, channels, depth: of the sound.

    Raises:
        StorageError: there is no room for it among the temporary files.
    """
    folder = tempfile.TemporaryDirectory(prefix="suffuse-")
    path, frames = Path(folder.name) / "sound.w64", 0
    with soundfile.SoundFile(path, "w", rate, channels, "FLOAT", format="W64") as file:
        for block in blocks:
            try:
                file.write(block)
            except soundfile.LibsndfileError as error:
                raise StorageError(
                    f"could not be written ({error.error_string.removeprefix('Error : ')})", field=folder.name,
                    fix="free some space, or set TMPDIR to another folder",
                ) from error  # fmt: skip
            frames += len(block)
    return Recording(path, rate, channels, frames, folder, depth)


def require_sound(item: Item, index: int) -> Sound:
    """An item, if it is a sound that can be encoded; where it is.

    Raises:
        DomainInputError: as :func:`suffuse_audio.clip.require_clip`. One that stays in its file was looked at then.
    """
    return item if isinstance(item, Recording) else require_clip(item, index)


def require_whole(item: Item, index: int) -> None:
    """Refuse what is no sound, or one with a gap.

    Raises:
        DomainInputError: it is such a one, or as :func:`require_sound`.
    """
    sound = require_sound(item, index)
    lacking, first = 0, 0
    for k, part in enumerate(parts_of(sound)):
        gaps = np.flatnonzero(np.isnan(part.samples).any(axis=1))
        if len(gaps) and not lacking:
            first = k * BLOCK + int(gaps[0])
        lacking += len(gaps)
    if lacking:
        raise DomainInputError(
            "has a gap", field=f"items[{index}]", expected="a sound without one",
            got=f"{lacking} frames that are NaN, the first at {first / sound.rate:.3f} s",
            fix="fill it first: suffuse inpaint",
        )  # fmt: skip


def parts_of(sound: Sound, frames: int = BLOCK) -> Iterator[Clip]:
    """All of a sound, at most so many frames at a time."""
    return sound.spans(range(0, len(sound), frames), frames)


def mean_power(sound: Sound) -> float:
    """The mean square of what is no gap; 0 if all is."""
    power, count = 0.0, 0
    for block in parts_of(sound):
        heard = block.samples[~np.isnan(block.samples)]
        power += float(np.square(heard, dtype=np.float64).sum())
        count += heard.size
    return power / max(count, 1)
