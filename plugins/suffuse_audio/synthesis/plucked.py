"""A plucked string: the extended algorithm of Karplus and Strong (Jaffe & Smith 1983, *Computer Music Journal* 7:2).

A burst of noise, as long as a period, goes round a delay line. The loop loses a little of everything, and more of what
is high; an allpass adds the part of a sample that the delay line lacks, so that the string is in tune.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy.signal import lfilter

from suffuse_audio.synthesis.shaping import Samples, frequency


def plucked(rng: Generator, rate: int, frames: int, pitch: float) -> Samples:
    """A string that is plucked somewhere, more or less hard.

    Arguments:
        rng: draws how long it sounds, how bright it is, and where it is plucked.
        rate: frames a second.
        frames: how many.
        pitch: MIDI note number.
    """
    f = frequency(pitch)
    omega, period = 2 * np.pi * f / rate, rate / f
    mute = rng.uniform(0.05, 0.3)
    loss, lag = _lowpass(mute, omega)
    kept = min(0.001 ** (1 / (f * rng.uniform(1.0, 5.0))) / loss, 0.9999)
    whole = int(period - lag - 0.1)
    tune = _allpass(period - lag - whole, omega)
    # y = x + kept · z^-whole · ((1 - mute) + mute/z) · (tune + 1/z)/(1 + tune/z) · y
    ahead = np.array([1.0, tune])
    loop = np.zeros(whole + 3)
    loop[:2] = ahead
    loop[whole:] -= kept * np.convolve([1 - mute, mute], [tune, 1.0])
    return np.asarray(lfilter(ahead, loop, _pluck(rng, rate, frames, period)))


def _pluck(rng: Generator, rate: int, frames: int, period: float) -> Samples:
    """What the string gets: a period of noise, dull if plucked softly, without what the place of the pick rules out."""
    burst = np.zeros(frames)
    length = min(round(period), frames)
    burst[:length] = rng.uniform(-1.0, 1.0, length)
    burst[:length] -= burst[:length].mean()
    soft = np.exp(-2 * np.pi * rng.uniform(700.0, 4000.0) / rate)
    burst = lfilter([1 - soft], [1.0, -soft], burst)
    place = max(1, round(rng.uniform(0.1, 0.45) * period))
    burst[place:] -= burst[:-place].copy()
    return np.asarray(burst)


def _lowpass(mute: float, omega: float) -> tuple[float, float]:
    """The gain and the delay, in samples, of (1 - mute) + mute/z."""
    response = (1 - mute) + mute * np.exp(-1j * omega)
    return float(abs(response)), float(-np.angle(response) / omega)


def _allpass(delay: float, omega: float) -> float:
    """The coefficient of an allpass that delays by so many samples, 0.1 to 1.1, at a frequency: Jaffe and Smith's."""
    return float(np.sin((1 - delay) * omega / 2) / np.sin((1 + delay) * omega / 2))
