"""Sounds longer than a window: cut, and what was made of the pieces put together without a seam.

Of a sound of any length no more is held than a window or two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from suffuse.windows import Window
from suffuse_audio.clip import Clip
from suffuse_audio.files import Sound
from suffuse_audio.resampling import mixed, resample

OVERLAP = 0.25
"""The share of a window that the next one lies over."""


@dataclass(frozen=True)
class Pieces:
    """The windows of a sound that lie over each other, the last as long as what is left.

    Where a window has one channel and the sound more, each channel of a window is a piece.

    Arguments:
        sound: at any rate.
        seconds: of a window.
        channels: that a window has.
        gain: what they are multiplied by.
    """

    sound: Sound
    seconds: float
    channels: int
    gain: float = 1.0

    @property
    def length(self) -> int:
        """Frames of a window, at the sound's own rate."""
        return max(1, int(self.seconds * self.sound.rate))

    @property
    def starts(self) -> range:
        """Where windows begin."""
        step = max(1, round((1.0 - OVERLAP) * self.length))
        return range(0, max(1, len(self.sound) - self.length + step), step)

    @property
    def lanes(self) -> int:
        """How many pieces a window is cut into."""
        return self.sound.channels if self.channels == 1 else 1

    def __len__(self) -> int:
        return len(self.starts) * self.lanes

    def __iter__(self) -> Iterator[Clip]:
        for window in self.sound.spans(self.starts, self.length):
            samples = window.samples * np.float32(self.gain)
            yield from (Clip(part, window.rate) for part in np.split(samples, self.lanes, axis=1))

    def joined(self, made: Iterable[Clip]) -> Iterator[NDArray[np.float32]]:
        """What was made of the pieces, each window faded into the next, at the sound's rate and with its channels.

        Arguments:
            made: of each, in their order, at any rate.

        Yields:
            the samples of stretches that follow each other, as long as the sound together.
        """
        sound, parts = self.sound, iter(made)
        empty = np.zeros((0, sound.channels), np.float32)
        total, weights, overlap = empty, empty[:, :1], round(OVERLAP * self.length)
        for start, following in zip(self.starts, (*self.starts[1:], len(sound)), strict=True):
            here = min(self.length, len(sound) - start)
            weight = _fading(here, overlap, start > 0, start + here < len(sound))[:, None]
            lanes = [
                of_length(mixed(resample(one, sound.rate), self.channels), here) for one in islice(parts, self.lanes)
            ]
            window = mixed(Clip(np.concatenate([lane.samples for lane in lanes], axis=1), sound.rate), sound.channels)
            more = here - len(total)
            total = np.pad(total, ((0, more), (0, 0))) + weight * window.samples
            weights = np.pad(weights, ((0, more), (0, 0))) + weight
            done = following - start  # nothing of what comes reaches back here
            yield total[:done] / weights[:done] / np.float32(self.gain)
            total, weights = total[done:], weights[done:]


@dataclass(frozen=True)
class Windows:
    """The windows of a sound, of one length; the last ends with it.

    Arguments:
        sound: at any rate.
        seconds: of a window.
        step: how far they begin from each other, in windows.
        least: the seconds that are worth a window at the end.
    """

    sound: Sound
    seconds: float
    step: float
    least: float

    @property
    def length(self) -> int:
        """Frames of a window, at the sound's own rate."""
        return max(1, round(self.seconds * self.sound.rate))

    @property
    def starts(self) -> list[int]:
        """Where windows begin."""
        over, step = len(self.sound) - self.length, max(1.0, self.step * self.seconds * self.sound.rate)
        if over < self.least * self.sound.rate:
            return [0]
        starts = [round(k * step) for k in range(int(over / step) + 1)]
        return starts + ([over] if over - starts[-1] >= self.least * self.sound.rate else [])

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[Window]:
        starts = self.starts
        if len(starts) == 1:
            yield Window(self.sound, 0.0)
            return
        for start, clip in zip(starts, self.sound.spans(starts, self.length), strict=True):
            yield Window(clip, start / self.sound.rate)


def of_length(clip: Clip, frames: int) -> Clip:
    """The clip, cut off or followed by silence."""
    lacking = max(0, frames - len(clip))
    return Clip(np.pad(clip.samples[:frames], ((0, lacking), (0, 0))), clip.rate)


def _fading(frames: int, overlap: int, before: bool, after: bool) -> NDArray[np.float32]:
    """The weights of a window, falling to 0 where another lies over it, before it or after it."""
    weight = np.ones(frames, np.float32)
    ramp = np.sin(0.5 * math.pi * (np.arange(min(overlap, frames)) + 0.5) / max(1, overlap)) ** 2
    if before:
        weight[: len(ramp)] *= ramp
    if after:
        weight[len(weight) - len(ramp) :] *= ramp[::-1]
    return np.asarray(weight.clip(min=1e-6), np.float32)
