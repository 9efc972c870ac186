"""Sound files, written so that what is heard is what was made.

libsndfile cuts what is over full scale and makes −1 of what is no number, both without a word. Nothing of either kind
gets to it from here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from pydantic import Field, field_validator

from suffuse.domain import Section
from suffuse.errors import DomainInputError
from suffuse.files import write_with, writer_of
from suffuse_audio.clip import Clip, Depth
from suffuse_audio.files.recording import BLOCK, Recording, Sound, parts_of
from suffuse_audio.resampling import resample

logger = logging.getLogger(__name__)

LARGEST = 2**32 - 2**16
"""Bytes of samples in a file of WAV or AIFF, whose heads have 32 bits for their number; libsndfile would not tell."""

QUIET = 1e-4
"""A peak below this, −80 dB of full scale, is silence."""

OFFSET = 0.02
"""A mean above this, −34 dB of full scale, is an offset that is worth a word."""


@dataclass(frozen=True)
class Format:
    """A kind of sound file.

    Arguments:
        name: libsndfile's.
        coded: libsndfile's subtype of what it has instead of a depth, which loses a little; ``None``: it has depths.
        depths: that it has.
        rates: that it has, rising; empty: every one.
    """

    name: str
    coded: str | None = None
    depths: tuple[Depth, ...] = ()
    rates: tuple[int, ...] = ()


FORMATS: Mapping[str, Format] = {
    ".wav": Format("WAV", depths=(16, 24, "float")),
    ".flac": Format("FLAC", depths=(16, 24)),
    ".ogg": Format("OGG", "VORBIS"),
    ".opus": Format("OGG", "OPUS", rates=(8000, 12000, 16000, 24000, 48000)),
    ".mp3": Format("MP3", "MPEG_LAYER_III", rates=(8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)),
    ".aiff": Format("AIFF", depths=(16, 24, "float")),
}
"""By suffix."""

SUBTYPES: Mapping[Depth, str] = {16: "PCM_16", 24: "PCM_24", "float": "FLOAT"}
"""From the least deep on."""

BYTES: Mapping[str, int] = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
"""Of a sample."""


class Writing(Section):
    """How sounds are written.

    Arguments:
        depth: of a sample: ``16`` or ``24`` bits, or ``float``, which alone can be over full scale; left out, that of
            the sound's own file, as far as the new one can have it, else 16 bits. OGG, Opus and MP3 have none.
    """

    depth: Depth | None = Field(default=None)

    @field_validator("depth", mode="before")
    @classmethod
    def _bits(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.isdecimal() else value


@dataclass(frozen=True, eq=False)
class Destined(Clip):
    """A clip that knows how deep a person wants it written."""

    asked: Depth | None = None


def prepared(items: Sequence[Sound], options: Writing) -> list[Sound]:
    """Sounds as :func:`write_clip` is to write them."""
    if options.depth is None:
        return list(items)
    return [
        replace(sound, asked=options.depth)
        if isinstance(sound, Recording)
        else Destined(sound.samples, sound.rate, sound.depth, options.depth)
        for sound in items
    ]


def check_depth(options: Writing, suffix: str) -> None:
    """Refuse a depth that files of a suffix cannot have.

    Raises:
        DomainInputError: it is such a one.
    """
    if suffix in FORMATS and options.depth is not None:
        _subtype(FORMATS[suffix], options.depth, f"files ending in {suffix}")


def deepest(clips: Sequence[Clip]) -> Depth | None:
    """The depth that holds all of some clips."""
    return max((clip.depth for clip in clips if clip.depth is not None), key=list(SUBTYPES).index, default=None)


def write_clip(sound: Sound, path: str | Path, depth: Depth | None = None) -> None:
    """Write a sound, with its own channels and at its own rate, or at the next that such a file can have.

    The file appears whole or not at all. One that stays in its own file is read twice, block by block.

    What is over full scale is scaled down as a whole, and that is told in the log, as are silence and an offset.

    Arguments:
        sound: finite, of at least one frame.
        path: of the file; its suffix is one of :data:`FORMATS`.
        depth: as of :class:`Writing`; left out, what was asked of the sound (see :func:`prepared`), else its own.

    Raises:
        DomainInputError: an unknown suffix, a depth, rate or number of channels that such a file cannot have, a clip
            that is empty, or samples that are not finite.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    kind = writer_of(FORMATS, path)
    if depth is None and isinstance(sound, Destined | Recording):
        depth = sound.asked
    if depth is None:
        depth = _own(kind, sound.depth)
    subtype = _subtype(kind, depth, str(path))
    seen = heard(sound, path)
    if (rate := _rate(kind, sound.rate)) != sound.rate:
        sound = resample(sound.whole() if isinstance(sound, Recording) else sound, rate)
        seen = heard(sound, path)
    _require_room(kind, subtype, sound, path)
    scale = 1.0 if depth == "float" else _within_full_scale(seen, path)
    _tell_odd(seen, scale, path)
    write_with(path, lambda temporary: _write(sound, scale, temporary, kind.name, subtype, path))


@dataclass(frozen=True, eq=False)
class Heard:
    """What is to be known of a sound before it is written.

    Arguments:
        peak: the greatest magnitude.
        offset: the greatest mean of a channel, either way.
    """

    peak: float
    offset: float


def heard(sound: Sound, path: Path) -> Heard:
    """Listen to a sound that is to be written.

    Raises:
        DomainInputError: it is empty, has gaps, or is not finite.
    """
    peak, total, bad, first = 0.0, np.zeros(sound.channels), 0, 0
    for k, block in enumerate(parts_of(sound)):
        wrong = np.flatnonzero(~np.isfinite(block.samples).all(axis=1))
        if len(wrong) and not bad:
            first = k * BLOCK + int(wrong[0])
        bad += len(wrong)
        peak = max(peak, float(np.abs(block.samples).max()))
        total += block.samples.sum(axis=0, dtype=np.float64)
    if not len(sound) or not sound.channels:
        raise DomainInputError("cannot be written: the sound is empty", field=str(path), got="0 frames")
    if bad:
        raise DomainInputError(
            "cannot be written: the sound has samples that are not finite", field=str(path), expected="finite samples",
            got=f"{bad} of {len(sound)} frames, the first at {first / sound.rate:.3f} s",
            fix="fill the gaps first: suffuse inpaint",
        )  # fmt: skip
    return Heard(peak, float(np.abs(total / len(sound)).max()))


def _require_room(kind: Format, subtype: str, sound: Sound, path: Path) -> None:
    size = len(sound) * sound.channels * BYTES.get(subtype, 0)
    if kind.name in ("WAV", "AIFF") and size > LARGEST:
        raise DomainInputError(
            "cannot hold so long a sound", field=str(path), expected=f"at most {LARGEST / 2**30:.3g} GiB",
            got=f"{size / 2**30:.3g} GiB, {sound.seconds / 3600:.3g} hours", fix="write .flac",
        )  # fmt: skip


def _within_full_scale(seen: Heard, path: Path) -> float:
    """What a sound is multiplied by so that it is not over full scale; if it is, the log tells."""
    if seen.peak <= 1.0:
        return 1.0
    logger.warning(
        "%s: is over full scale and scaled down by %.2f dB; depth=float keeps it as it is",
        path, 20 * np.log10(seen.peak),
    )  # fmt: skip
    return 1.0 / seen.peak


def _tell_odd(seen: Heard, scale: float, path: Path) -> None:
    """Tell in the log what nobody wants to hear."""
    if scale * seen.peak < QUIET:
        logger.warning("%s: is silent (peak %.1g of full scale)", path, scale * seen.peak)
    if scale * seen.offset > OFFSET:
        logger.warning("%s: has an offset of %.3f of full scale", path, scale * seen.offset)


def _rate(kind: Format, rate: int) -> int:
    """The least rate of a file that is not below a clip's; the greatest, where all are."""
    return next((r for r in kind.rates if r >= rate), kind.rates[-1]) if kind.rates else rate


def _own(kind: Format, depth: Depth | None) -> Depth | None:
    """A clip's own depth, or the deepest that a file can have if that is less."""
    return depth if depth is None or depth in kind.depths else next(reversed(kind.depths), None)


def _subtype(kind: Format, depth: Depth | None, what: str) -> str:
    """libsndfile's name of a depth."""
    if depth is None:
        return kind.coded or SUBTYPES[16]
    if depth not in kind.depths:
        raise DomainInputError(
            f"cannot have a depth of {depth}", field=what,
            expected=f"one of {', '.join(map(str, kind.depths))}" if kind.depths else "no depth: such files have none",
            fix="leave the depth out, or write .wav",
        )  # fmt: skip
    return SUBTYPES[depth]


def _write(sound: Sound, scale: float, temporary: Path, name: str, subtype: str, path: Path) -> None:
    try:
        with soundfile.SoundFile(temporary, "w", sound.rate, sound.channels, subtype, format=name) as file:
            for block in parts_of(sound):
                file.write(quantized(block.samples if scale == 1.0 else block.samples * np.float32(scale), subtype))
    except soundfile.LibsndfileError as error:
        raise DomainInputError(
            f"cannot be written ({error.error_string.removeprefix('Error : ').rstrip('.')})", field=str(path),
            expected=f"a rate and channels that a file of {name}, {subtype}, can have",
            got=f"{sound.rate} Hz, {sound.channels} channels", fix="write .wav or .flac",
        ) from error  # fmt: skip


def quantized(samples: NDArray[np.float32], subtype: str) -> NDArray[Any]:
    """Samples within full scale as libsndfile takes them without a change: integers to the nearest step.

    Its own scale from floats is 32,767, and that back is 1/32,768: a loss of up to a step more.
    """
    if subtype == "PCM_16":
        steps = np.clip(np.rint(samples * np.float32(2**15)), -(2**15), 2**15 - 1)
        return np.asarray(steps.astype(np.int16))
    if subtype == "PCM_24":
        fine = np.clip(np.rint(samples.astype(np.float64) * 2**23), -(2**23), 2**23 - 1)
        return np.asarray(np.left_shift(fine.astype(np.int32), 8))
    return samples
