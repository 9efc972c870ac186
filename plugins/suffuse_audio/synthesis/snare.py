"""A snare drum: the modes of a round skin, and the rattle of the wires under it."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy.special import jn_zeros

from suffuse_audio.synthesis.shaping import Samples, band, decay, times

MODES = np.array([jn_zeros(order, count)[-1] for order, count in ((0, 1), (1, 1), (2, 1), (0, 2), (3, 1), (1, 2))])
"""Zeros of Bessel's functions: the frequencies of an ideal round skin, of no, one, two … nodal lines (Rayleigh)."""

RATIOS = MODES / MODES[0]


def snare(rng: Generator, rate: int, frames: int) -> Samples:
    """A snare drum.

    Arguments:
        rng: draws its size, where it is hit, how long it sounds, and how loud its wires are.
        rate: frames a second.
        frames: how many.
    """
    t = times(frames, rate)
    f = rng.uniform(150.0, 230.0)
    bend = 0.06 * 0.02 * (1 - np.exp(-t / 0.02))  # a little higher at first, as every skin
    strength = np.exp(rng.normal(0.0, 0.4, len(RATIOS))) / RATIOS
    lasting = rng.uniform(0.2, 0.45) / RATIOS**0.7
    phase = rng.uniform(0.0, 2 * np.pi, len(RATIOS))
    modes = np.sin(2 * np.pi * np.outer(f * RATIOS, t + bend) + phase[:, None]) * decay(t, lasting[:, None])
    skin = strength @ modes / strength.sum()
    rattle = band(rng.standard_normal(frames), rate, rng.uniform(900.0, 2000.0), 9000.0)
    wires = rattle / rattle.std() * decay(t, rng.uniform(0.25, 0.6)) * np.clip(t / 0.002, 0.0, 1.0)
    stick = rng.standard_normal(frames) * decay(t, 0.012)
    return np.asarray(skin + rng.uniform(0.12, 0.3) * wires + 0.1 * stick)
