"""A blown flute: few partials, the louder the more; breath around them; a chiff as it starts to speak.

The strengths follow measurements of flutes (Fletcher & Rossing, chapter 16): the fundamental leads, each partial is
some 6 to 14 dB under the one before, less if blown hard; the vibrato is of loudness, hardly of pitch (Fletcher 1975).
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy.signal import lfilter

from suffuse_audio.synthesis.shaping import Samples, band, blown, decay, frequency, partials, times

PARTIALS = np.arange(1.0, 11.0)


def flute(rng: Generator, rate: int, frames: int, pitch: float) -> Samples:
    """A flute that is blown more or less hard.

    Arguments:
        rng: draws how hard, the vibrato, and how much breath is heard.
        rate: frames a second.
        frames: how many.
        pitch: MIDI note number.
    """
    f, t, length = frequency(pitch), times(frames, rate), frames / rate
    heard = PARTIALS[partials(f, PARTIALS, rate)]
    sway = np.sin(2 * np.pi * rng.uniform(4.5, 6.0) * t + rng.uniform(0.0, 2 * np.pi)) * np.clip(t / 0.3, 0.0, 1.0)
    turns = np.cumsum(f * 2 ** (rng.uniform(0.0, 8.0) * sway / 1200)) / rate
    slope = rng.uniform(6.0, 14.0)
    strength = 10 ** ((-slope * (heard - 1) + rng.normal(0.0, 2.0, len(heard)) * (heard > 1)) / 20)
    hard = 1 + rng.uniform(0.05, 0.25) * sway
    tone = sum(
        s * hard**k * np.sin(2 * np.pi * k * turns + phase)  # the high partials sway most
        for k, s, phase in zip(heard, strength, rng.uniform(0.0, 2 * np.pi, len(heard)), strict=True)
    )
    attack, release = min(rng.uniform(0.04, 0.1), length / 4), min(rng.uniform(0.06, 0.12), length / 4)
    shape = blown(t, attack, release, length)
    breath = rng.uniform(0.01, 0.05) * _breath(rng, rate, frames, f)
    chiff = rng.uniform(0.05, 0.25) * _breath(rng, rate, frames, 2 * f) * decay(t, 0.12) * np.clip(t / 0.01, 0.0, 1.0)
    return np.asarray(shape * (tone + breath) + chiff)


def _breath(rng: Generator, rate: int, frames: int, f: float) -> Samples:
    """Noise of turbulent air, most of it where the pipe resonates."""
    noise = rng.standard_normal(frames)
    radius, angle = np.exp(-np.pi * 0.15 * f / rate), 2 * np.pi * min(f / rate, 0.45)
    pipe = lfilter([1 - radius], [1.0, -2 * radius * np.cos(angle), radius**2], noise)
    air = band(noise, rate, 0.5 * f, 4000.0, order=1)
    return np.asarray(pipe / pipe.std() + 0.4 * air / air.std())
