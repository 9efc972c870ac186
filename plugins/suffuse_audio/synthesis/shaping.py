"""What the generated sounds have in common: tuning, envelopes, an end without a click."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

Samples = NDArray[np.float64]

END = 0.01
"""Seconds in which every sound fades at its end."""

HIGHEST = 0.9
"""Of the Nyquist frequency, the highest partial that is made."""


def frequency(pitch: float) -> float:
    """Hertz of a MIDI note number: 69 is 440 Hz, and 12 an octave."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def times(frames: int, rate: int) -> Samples:
    """Seconds of every frame."""
    return np.arange(frames) / rate


def decay(t: Samples, seconds: float | Samples) -> Samples:
    """An envelope that falls by 60 dB in so many seconds."""
    return np.asarray(np.exp(-6.907755 * t / seconds))


def blown(t: Samples, attack: float, release: float, length: float) -> Samples:
    """The envelope of what is sung or blown: rises, holds, and is let go before the end; all in seconds."""
    rise = np.clip(t / attack, 0.0, 1.0)
    fall = np.clip((length - t) / release, 0.0, 1.0)
    return np.asarray(np.sin(0.5 * np.pi * rise) ** 2 * np.sin(0.5 * np.pi * fall) ** 2)


def band(x: Samples, rate: int, low: float, high: float | None = None, order: int = 2) -> Samples:
    """What lies between two frequencies in Hz, or above one; both are kept below the Nyquist frequency."""
    top = HIGHEST * rate / 2
    low = min(low, 0.7 * top)
    if high is None or high >= top:
        return np.asarray(sosfilt(butter(order, low, "highpass", fs=rate, output="sos"), x))
    return np.asarray(sosfilt(butter(order, (low, max(high, 1.2 * low)), "bandpass", fs=rate, output="sos"), x))


def partials(fundamental: float, ratios: Samples, rate: int) -> NDArray[np.bool_]:
    """Which of the partials lie safely below the Nyquist frequency."""
    return np.asarray(fundamental * ratios < HIGHEST * rate / 2)


def finished(x: Samples, rng: Generator, rate: int) -> Samples:
    """A sound at a loudness of its own, between 12 dB and half a dB under full scale, that ends in silence."""
    fade = min(round(END * rate), len(x))
    x = x - x.mean()
    x[len(x) - fade :] *= np.cos(np.linspace(0.0, 0.5 * np.pi, fade)) ** 2
    return np.asarray(x * (10 ** (rng.uniform(-12.0, -0.5) / 20) / np.abs(x).max()))
