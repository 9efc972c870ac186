"""Sounds longer than a window: cut, and what was made of the pieces put together without a seam."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from suffuse_audio.clip import Clip
from suffuse_audio.resampling import mixed, resample

OVERLAP = 0.25
"""The share of a window that the next one lies over."""


def cut(clip: Clip, seconds: float, channels: int) -> list[Clip]:
    """The windows of a sound, the last as long as what is left.

    Arguments:
        clip: at any rate.
        seconds: of a window.
        channels: that a window has; a sound with more is cut channel by channel where this is 1.
    """
    starts, length = _starts(clip, seconds)
    split = channels == 1 and clip.channels > 1
    alone = [Clip(clip.samples[:, [c]], clip.rate) for c in range(clip.channels)] if split else [clip]
    return [channel[start : start + length] for channel in alone for start in starts]


def faded(made: Sequence[Clip], clip: Clip, seconds: float, channels: int) -> Clip:
    """What was made of the windows of a sound, each faded into the next, at its rate and with its channels.

    Arguments:
        made: of each window that :func:`cut` gave, in their order, at any rate.
        clip, seconds, channels: as they were cut.
    """
    starts, length = _starts(clip, seconds)
    total, weights = np.zeros(clip.samples.shape, np.float32), np.zeros((len(clip), 1), np.float32)
    for k, start in enumerate(starts):
        here = min(length, len(clip) - start)
        weight = _fading(here, round(OVERLAP * length), start > 0, start + here < len(clip))[:, None]
        parts = [of_length(mixed(resample(one, clip.rate), channels), here) for one in made[k :: len(starts)]]
        sound = mixed(Clip(np.concatenate([part.samples for part in parts], axis=1), clip.rate), clip.channels)
        total[start : start + here] += weight * sound.samples
        weights[start : start + here] += weight
    return Clip(total / weights, clip.rate)


def of_length(clip: Clip, frames: int) -> Clip:
    """The clip, cut off or followed by silence."""
    lacking = max(0, frames - len(clip))
    return Clip(np.pad(clip.samples[:frames], ((0, lacking), (0, 0))), clip.rate)


def _starts(clip: Clip, seconds: float) -> tuple[list[int], int]:
    """Where windows of a sound begin, at its own rate, and how long they are."""
    length = max(1, int(seconds * clip.rate))
    step = max(1, round((1.0 - OVERLAP) * length))
    return list(range(0, max(1, len(clip) - length + step), step)), length


def _fading(frames: int, overlap: int, before: bool, after: bool) -> NDArray[np.float32]:
    """The weights of a window, falling to 0 where another lies over it, before it or after it."""
    weight = np.ones(frames, np.float32)
    ramp = np.sin(0.5 * math.pi * (np.arange(min(overlap, frames)) + 0.5) / max(1, overlap)) ** 2
    if before:
        weight[: len(ramp)] *= ramp
    if after:
        weight[len(weight) - len(ramp) :] *= ramp[::-1]
    return np.asarray(weight.clip(min=1e-6), np.float32)
