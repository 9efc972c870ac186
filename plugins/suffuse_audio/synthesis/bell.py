"""A struck bell, as a sum of the modes of its metal.

The partials are those measured on a church bell (Rossing & Perrin 1987, *Applied Acoustics* 20; Fletcher & Rossing,
*The Physics of Musical Instruments*, chapter 21): hum, prime, tierce, quint, nominal and so on. The hum outlives them
all, the nominal makes the strike. A real bell is not quite round, so that each is two that beat.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from suffuse_audio.synthesis.shaping import Samples, decay, frequency, partials, times

RATIOS = np.array([0.5, 1.0, 1.183, 1.506, 2.0, 2.514, 2.662, 3.011, 4.166, 5.433, 6.796, 8.215])
"""Of the partials to the prime, which is the note that one hears."""

LASTING = np.array([3.2, 1.0, 1.0, 0.4, 0.25, 0.15, 0.12, 0.1, 0.08, 0.06, 0.05, 0.04])
"""How long each sounds, against the prime."""

STRENGTH = np.array([0.5, 0.9, 0.8, 0.35, 1.2, 0.4, 0.35, 0.7, 0.6, 0.45, 0.3, 0.2])
"""How strongly a hard blow wakes each."""


def bell(rng: Generator, rate: int, frames: int, pitch: float) -> Samples:
    """A bell that is struck more or less hard.

    Arguments:
        rng: draws how hard, how long it sounds, and how round it is.
        rate: frames a second.
        frames: how many.
        pitch: MIDI note number of the prime.
    """
    f, t = frequency(pitch), times(frames, rate)
    heard = partials(f, RATIOS, rate)
    ratios, lasting = RATIOS[heard], LASTING[heard] * rng.uniform(1.2, 4.0) * (440.0 / f) ** 0.3
    strength = STRENGTH[heard] * np.exp(rng.normal(0.0, 0.25, len(ratios)))
    strength *= np.exp(-f * ratios / rng.uniform(1500.0, 8000.0))  # a soft clapper lets the high ones be
    beat = rng.uniform(0.2, 1.5, len(ratios))  # Hz between the two of a pair
    phase = rng.uniform(0.0, 2 * np.pi, len(ratios))
    pairs = np.sin(2 * np.pi * np.outer(f * ratios, t) + phase[:, None])
    sway = np.cos(np.pi * np.outer(beat, t))  # the two, on either side of the partial, and equally strong
    sway = 1 - rng.uniform(0.0, 0.5, len(ratios))[:, None] * (1 - sway)
    return np.asarray(strength @ (pairs * sway * decay(t, lasting[:, None])) * np.clip(t / 0.001, 0.0, 1.0))
