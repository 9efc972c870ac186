"""Labelled sounds, made on the machine where they are wanted by models of what makes such sounds.

Strings, bells, flutes, sung vowels and drums. Each is drawn from its own number and the seed, so that any part of the
set is the same however much is made of it. Nobody's recordings are in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, overload

import numpy as np

from suffuse.datasets import Listed
from suffuse_audio.clip import Clip, clip_of
from suffuse_audio.synthesis.bell import bell
from suffuse_audio.synthesis.flute import flute
from suffuse_audio.synthesis.hihat import hihat
from suffuse_audio.synthesis.kick import kick
from suffuse_audio.synthesis.plucked import plucked
from suffuse_audio.synthesis.shaping import Samples, finished, frequency
from suffuse_audio.synthesis.snare import snare
from suffuse_audio.synthesis.vowel import FORMANTS, vowel

__all__ = ["KINDS", "RATE", "SECONDS", "Kind", "Sounds", "frequency", "make", "sounds"]

COUNT, RATE, SECONDS = 2200, 8000, 0.5
"""Of the data set unless told otherwise: sounds, frames a second, and how long each is."""


@dataclass(frozen=True)
class Kind:
    """A kind of sound.

    Arguments:
        make: of a generator, a rate and a number of frames, and a pitch if it has one, the samples.
        pitches: the lowest and the highest MIDI note number; ``None``: it has no pitch.
    """

    make: Callable[..., Samples]
    pitches: tuple[float, float] | None = None


KINDS: Mapping[str, Kind] = {
    "string": Kind(plucked, (40.0, 74.0)),
    "bell": Kind(bell, (60.0, 84.0)),
    "flute": Kind(flute, (60.0, 86.0)),
    "kick": Kind(kick),
    "snare": Kind(snare),
    "hihat": Kind(hihat),
    **{name: Kind(partial(vowel, name=name), (43.0, 64.0)) for name in FORMANTS},
}
"""By label; the vowels are called by their letters."""


@dataclass(frozen=True, eq=False)
class Sounds(Sequence[Clip]):
    """Some of the generated sounds, made when they are asked for, and kept.

    Arguments:
        numbers: of the sounds.
        rate: frames a second.
        frames: of each.
        seed: draws them all.
    """

    numbers: Sequence[int]
    rate: int
    frames: int
    seed: int
    kept: dict[int, Clip] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Clip: ...

    @overload
    def __getitem__(self, index: slice) -> Sounds: ...

    def __getitem__(self, index: int | slice) -> Clip | Sounds:
        if isinstance(index, slice):
            return self.take(range(*index.indices(len(self))))
        number = self.numbers[index]
        if number not in self.kept:
            self.kept[number] = clip_of(_made(number, self.rate, self.frames, self.seed), self.rate)
        return self.kept[number]

    def take(self, indices: Sequence[int]) -> Sounds:
        """Some of them."""
        return Sounds([self.numbers[i] for i in indices], self.rate, self.frames, self.seed, self.kept)


def make(count: int = COUNT, rate: int = RATE, seconds: float = SECONDS, seed: int = 0) -> Listed:
    """So many sounds, each kind as often as any other.

    Arguments:
        count: how many.
        rate: frames a second, at least 4,000.
        seconds: how long each is.
        seed: draws them; the first sounds are the same however many there are.

    Returns:
        the sounds, with their ``label`` and their ``pitch``, a MIDI note number, ``None`` of drums.
    """
    return sounds(range(count), rate, seconds, seed)


def sounds(numbers: Sequence[int], rate: int = RATE, seconds: float = SECONDS, seed: int = 0) -> Listed:
    """As :func:`make`, those of these numbers."""
    told: Mapping[str, list[Any]] = {
        "label": [_label(number) for number in numbers],
        "pitch": [_pitch(number, _generator(number, seed)) for number in numbers],
    }
    return Listed(Sounds(list(numbers), rate, round(seconds * rate), seed), told)


def _generator(number: int, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, number])


def _label(number: int) -> str:
    return tuple(KINDS)[number % len(KINDS)]


def _pitch(number: int, rng: np.random.Generator) -> float | None:
    """The first thing that is drawn, so that a sound need not be made for it."""
    pitches = KINDS[_label(number)].pitches
    return None if pitches is None else float(rng.uniform(*pitches))


def _made(number: int, rate: int, frames: int, seed: int) -> Samples:
    """The samples of a sound."""
    rng = _generator(number, seed)
    pitch = _pitch(number, rng)
    told = () if pitch is None else (pitch,)
    return finished(KINDS[_label(number)].make(rng, rate, frames, *told), rng, rate)
