"""A bass drum: a sine that falls to the drum's own note, and the click of the beater."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from suffuse_audio.synthesis.shaping import Samples, band, decay, times


def kick(rng: Generator, rate: int, frames: int) -> Samples:
    """A bass drum.

    A skin is tighter while it is bent, so that its note falls as it comes to rest: f(t) = f₁ + (f₀ - f₁) e^(-t/τ).

    Arguments:
        rng: draws its notes, how fast it falls, how long it sounds, and how hard the beater is.
        rate: frames a second.
        frames: how many.
    """
    t = times(frames, rate)
    last, first, tau = rng.uniform(42.0, 65.0), rng.uniform(140.0, 320.0), rng.uniform(0.015, 0.045)
    turns = last * t + (first - last) * tau * (1 - np.exp(-t / tau))
    body = np.sin(2 * np.pi * turns) * decay(t, rng.uniform(0.25, 0.7)) * np.clip(t / 0.0015, 0.0, 1.0)
    drive = rng.uniform(1.0, 2.5)
    click = band(rng.standard_normal(frames), rate, 1200.0) * decay(t, rng.uniform(0.008, 0.03))
    return np.asarray(np.tanh(drive * body) / np.tanh(drive) + rng.uniform(0.05, 0.3) * click)
