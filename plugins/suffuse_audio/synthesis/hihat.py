"""A hi-hat: six square waves out of tune with one another, and noise, of which only what is high is let through.

The frequencies are those of the Roland TR-808's cymbals (Werner, Abel & Smith 2014, *The TR-808 Cymbal*, ICMC).
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from suffuse_audio.synthesis.shaping import HIGHEST, Samples, band, decay, times

SQUARES = np.array([205.3, 304.4, 369.6, 522.7, 540.0, 800.0])
"""Hertz."""

OPEN = 0.35
"""The share of hi-hats that are open, and ring on."""


def hihat(rng: Generator, rate: int, frames: int) -> Samples:
    """A hi-hat, closed or open.

    Arguments:
        rng: draws its size, how long it rings, and how much of it is noise.
        rate: frames a second.
        frames: how many.
    """
    t = times(frames, rate)
    metal = _squares(rng, rate, SQUARES * rng.uniform(0.9, 1.3), t)
    noise = rng.standard_normal(frames)
    mixture = metal / metal.std() + rng.uniform(0.4, 1.2) * noise
    bright = band(mixture, rate, min(7000.0, rng.uniform(0.5, 0.65) * rate / 2), order=4)
    ringing = rng.uniform(0.35, 1.2) if rng.random() < OPEN else rng.uniform(0.05, 0.18)
    return np.asarray(bright * decay(t, ringing) * np.clip(t / 0.0005, 0.0, 1.0))


def _squares(rng: Generator, rate: int, frequencies: Samples, t: Samples) -> Samples:
    """Square waves, each the sum of its odd partials below the Nyquist frequency: nothing is folded back."""
    odd = np.arange(1, HIGHEST * rate / 2 / frequencies.min(), 2)
    f = np.outer(frequencies, odd)
    strength = np.broadcast_to(1 / odd, f.shape)[f < HIGHEST * rate / 2]
    phase = (rng.uniform(0.0, 2 * np.pi, len(frequencies))[:, None] * odd)[f < HIGHEST * rate / 2]
    return np.asarray(strength @ np.sin(2 * np.pi * np.outer(f[f < HIGHEST * rate / 2], t) + phase[:, None]))
