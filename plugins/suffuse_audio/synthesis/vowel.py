"""Sung vowels: the pulses of a throat (Rosenberg 1971, *JASA* 49) through the resonances of a mouth (Klatt 1980).

The resonances are the means of men, women and children measured by Peterson and Barney (1952, *JASA* 24): the higher
the voice, the smaller the mouth.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.random import Generator
from scipy.signal import firwin, lfilter, upfirdn

from suffuse_audio.synthesis.shaping import HIGHEST, Samples, blown, frequency, times

FORMANTS: Mapping[str, Samples] = {
    "a": np.array([[730.0, 1090.0, 2440.0], [850.0, 1220.0, 2810.0], [1030.0, 1370.0, 3170.0]]),
    "e": np.array([[530.0, 1840.0, 2480.0], [610.0, 2330.0, 2990.0], [690.0, 2610.0, 3570.0]]),
    "i": np.array([[270.0, 2290.0, 3010.0], [310.0, 2790.0, 3310.0], [370.0, 3200.0, 3730.0]]),
    "o": np.array([[570.0, 840.0, 2410.0], [590.0, 920.0, 2710.0], [680.0, 1060.0, 3180.0]]),
    "u": np.array([[300.0, 870.0, 2240.0], [370.0, 950.0, 2670.0], [430.0, 1170.0, 3260.0]]),
}
"""Hertz of the first three, of men, women and children."""

SPEAKING = (48.0, 57.0, 61.0)
"""How high men, women and children speak: MIDI note numbers of 130, 220 and 275 Hz."""

WIDTHS = (70.0, 100.0, 150.0, 250.0)
"""Of the resonances, in Hz."""

FINER = 4
"""How much finer the pulses are made than the sound: their edges would fold back."""

COARSER = firwin(16 * FINER + 1, 0.9 / FINER)
"""What lets through what the sound can hold of them."""


def vowel(rng: Generator, rate: int, frames: int, pitch: float, name: str) -> Samples:
    """A sung vowel, with vibrato.

    Arguments:
        rng: draws the singer, the vibrato, and how breathy the voice is.
        rate: frames a second.
        frames: how many.
        pitch: MIDI note number.
        name: ``a``, ``e``, ``i``, ``o`` or ``u``.
    """
    t = times(frames * FINER, rate * FINER)
    flow = _pulses(_phase(rng, frequency(pitch), t), rng.uniform(0.35, 0.55), rng.uniform(0.12, 0.2))
    sung = upfirdn(COARSER, flow, down=FINER)[:frames]
    breath = rng.standard_normal(frames) * rng.uniform(0.001, 0.008)
    voice = np.diff(sung, prepend=0.0) / sung.std() + breath  # the mouth radiates the change of flow
    for centre, width in zip(formants(rng, pitch, name), WIDTHS, strict=True):
        if centre < HIGHEST * rate / 2:
            voice = _resonance(voice, centre, width, rate)
    length = frames / rate
    attack, release = min(rng.uniform(0.03, 0.08), length / 4), min(rng.uniform(0.06, 0.12), length / 4)
    return np.asarray(voice * blown(times(frames, rate), attack, release, length))


def formants(rng: Generator, pitch: float, name: str) -> Samples:
    """Four resonances in Hz of somebody who sings at this pitch: speakers differ by a few hundredths."""
    size = pitch + rng.normal(0.0, 2.0)
    three = np.array([np.interp(size, SPEAKING, column) for column in FORMANTS[name].T])
    three *= np.exp(rng.normal(0.0, 0.03, 3))
    return np.append(three, max(3500.0, 1.2 * three[2]))


def _phase(rng: Generator, f: float, t: Samples) -> Samples:
    """Turns since the beginning, with a vibrato of up to 40 cents either way that sets in slowly."""
    rate, depth = rng.uniform(4.8, 6.2), rng.uniform(0.0, 40.0)
    onset = np.clip((t - 0.08) / 0.15, 0.0, 1.0)
    cents = depth * onset * np.sin(2 * np.pi * rate * t + rng.uniform(0.0, 2 * np.pi))
    return np.asarray(np.cumsum(f * 2 ** (cents / 1200)) * (t[1] - t[0]))


def _pulses(turns: Samples, opening: float, closing: float) -> Samples:
    """Rosenberg's flow through the glottis: it opens, closes faster, and stays closed for the rest of a turn."""
    x = turns % 1.0
    rising = 0.5 * (1 - np.cos(np.pi * x / opening))
    falling = np.cos(0.5 * np.pi * (x - opening) / closing)
    return np.where(x < opening, rising, np.where(x < opening + closing, falling, 0.0))


def _resonance(x: Samples, centre: float, width: float, rate: int) -> Samples:
    """Klatt's resonator, of gain one at 0 Hz."""
    radius, angle = np.exp(-np.pi * width / rate), 2 * np.pi * centre / rate
    loop = np.array([1.0, -2 * radius * np.cos(angle), radius**2])
    return np.asarray(lfilter([loop.sum()], loop, x))
