"""A codec that fits data: rate, channels and window chosen, mean and deviation measured."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from suffuse.domain import Dataset, Section
from suffuse.rng import permutation
from suffuse_audio.clip import Clip, levels, require_clip
from suffuse_audio.codec import Crop, SoundCodec
from suffuse_audio.representations import AnyRepresentation, ComplexStft

logger = logging.getLogger(__name__)

LOOKED_AT = 512
"""The clips from which rate, channels and length are found."""
MEASURED = 1024
"""The clips from which mean and deviation are found."""
HIGHEST_CHOSEN = 24_000
"""The highest rate that is chosen unasked."""
LONGEST_CHOSEN = 4.0
"""The longest window that is chosen unasked, in seconds."""
COVERED = 0.98
"""The share of the training clips that a chosen window holds whole."""
PLACES = 8
"""The window is of a multiple of so many places, so that networks that halve it need no padding."""


class Options(Section):
    """The ``codec`` section of a recipe.

    Arguments:
        representation: what the network sees: ``stft``, ``magnitude``, ``log-mel``, ``waveform``, or a mapping of
            ``name`` and options (:mod:`suffuse_audio.representations`).
        rate: samples a second; left out, the most common of the training clips, 24,000 at most.
        channels: 1 or more; left out, 1 unless most training clips have more.
        seconds: the window; left out, one that holds 98 % of the training clips whole, four seconds at most.
        crop: of longer clips, their ``start``, or, in training, a ``random`` window that begins anywhere; or
            ``repeat``, which is that also of shorter clips, heard again and again with at most a quarter of silence
            between: so windows are full, as those of long sounds are.
        offset: of each channel's mean (DC), which nobody hears: ``remove`` it, or ``keep`` it.
    """

    representation: AnyRepresentation = Field(default_factory=ComplexStft)
    rate: int | None = Field(default=None, ge=100)
    channels: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0.0)
    crop: Crop = "start"
    offset: Literal["remove", "keep"] = "remove"


def fit_codec(options: Options, train: Dataset) -> SoundCodec:
    """Choose rate, channels and window where the options leave them open, and measure mean and deviation."""
    clips = list(_some(train, LOOKED_AT))
    rate = options.rate or min(HIGHEST_CHOSEN, Counter(clip.rate for clip in clips).most_common(1)[0][0])
    channels = options.channels or (1 if np.mean([clip.channels > 1 for clip in clips]) <= 0.5 else 2)
    places = _places(options, rate, clips)
    _tell(rate, channels, places * options.representation.hop(rate) / rate, options, clips)
    raw = SoundCodec(
        options.representation, rate, channels, places, level=float(np.median(levels(clips))), crop=options.crop,
        offset=options.offset,
    )  # fmt: skip
    del clips
    mean, std = _moments(raw, train)
    return replace(raw, mean=mean, std=std)


def _some(train: Dataset, count: int) -> Iterator[Clip]:
    """Clips of the whole training part, the same on every call."""
    chosen = permutation(len(train), "audio", "codec")[:count].sort().values
    return (require_clip(train[i].item, i) for i in chosen.tolist())


def _places(options: Options, rate: int, clips: Sequence[Clip]) -> int:
    """How many places the window has."""
    seconds = options.seconds
    if seconds is None:
        longest = float(np.quantile([clip.seconds for clip in clips], COVERED, method="higher"))
        seconds = min(LONGEST_CHOSEN, longest)
    return PLACES * max(1, math.ceil(seconds * rate / options.representation.hop(rate) / PLACES - 1e-9))


def _tell(rate: int, channels: int, seconds: float, options: Options, clips: Sequence[Clip]) -> None:
    """Say what was chosen, and what it leaves out."""
    if None in (options.rate, options.channels, options.seconds):
        logger.info(
            "the model hears %d Hz, %d channel%s, windows of %.3g s (codec.rate, codec.channels and codec.seconds "
            "choose others)", rate, channels, "s"[: channels > 1], seconds,
        )  # fmt: skip
    longer = sum(clip.seconds > seconds for clip in clips)
    if longer:
        logger.warning(
            "%d of %d training clips looked at are longer than the window of %.3g s; %s is learnt from",
            longer, len(clips), seconds, "their start" if options.crop == "start" else "a random part",
        )  # fmt: skip


def _moments(raw: SoundCodec, train: Dataset) -> tuple[float, float]:
    """The mean and the deviation of what the representation gives, over the training clips."""
    total, square, count = 0.0, 0.0, 0
    for clip in _some(train, MEASURED):
        x = raw.encode([clip]).double()
        total, square, count = total + float(x.sum()), square + float(x.square().sum()), count + x.numel()
    mean = total / count
    mean, _ = raw.representation.moments(mean, 1.0)
    variance = square / count - mean * (2.0 * total / count - mean)
    return mean, max(variance, 1e-12) ** 0.5
