r"""Signals of given magnitudes, their phases found by going back and forth (Griffin & Lim 1984), with momentum.

.. math:: c_n = P_1(t_{n-1}), \quad t_n = P_2\bigl(c_n + α\, (c_n - c_{n-1})\bigr)

P₁ makes a spectrogram consistent, P₂ gives it the magnitudes (the fast algorithm of Perraudin, Balazs & Søndergaard
2013, eq. 8).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suffuse.rng import Rng
from suffuse_audio.stft import Stft

MOMENTUM = 0.99
_LEAST = 1e-12


def griffin_lim(stft: Stft, magnitude: Tensor, iterations: int) -> Tensor:
    """Signals ``[..., T·hop]`` whose spectrograms have nearly these magnitudes.

    The first phases are drawn, always the same, so that equal magnitudes give equal signals; of one quadrant, so that
    the mean has one sign in all frames.

    Arguments:
        stft: the transform.
        magnitude: ``[..., frequencies, T]``, not negative.
        iterations: times back and forth; 32 are enough for most.
    """
    drawn = Rng.of([0]).at("griffin-lim").uniform(shape=tuple(magnitude.shape[-2:]))[0]
    spectrum = torch.polar(magnitude, (0.5 * math.pi * drawn).to(magnitude).expand_as(magnitude).contiguous())
    before = torch.zeros_like(spectrum)
    for _ in range(iterations):
        consistent = stft(stft.inverse(spectrum))
        moved = consistent + MOMENTUM * (consistent - before)
        spectrum, before = magnitude * moved / moved.abs().clamp_min(_LEAST), consistent
    return stft.inverse(spectrum)
