r"""Logarithms of magnitudes, whose phases Griffin-Lim finds again.

.. math:: x = 20 \log_{10} \max(|S|, s_{\min})

in decibels of full scale; what lies ``range`` below a full-scale tone counts as silence. ``magnitude`` keeps every
frequency, so that signals come back very nearly; ``log-mel`` has fewer bands, spaced as the ear hears, and is the
smaller picture: phases found for bands are less true.
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache, partial
from typing import Literal

import torch
import torchaudio
from pydantic import Field
from torch import Tensor

from suffuse_audio.griffin_lim import griffin_lim
from suffuse_audio.representations.spectral import Spectral

FAINT = 6.0
"""Decibels above the floor that are taken for silence: a network hits the floor only nearly."""
BAND_ITERATIONS = 50
"""Multiplicative updates from bands to frequencies."""
FINER = 16
"""Into so many parts a frequency is divided, to find the middle of a band."""
_LEAST = 1e-12


class Magnitude(Spectral):
    """Decibels ``[batch, channels, frequencies, frames]``; the highest frequency, half the rate, is left out.

    Arguments:
        range: the decibels below full scale where silence begins.
        iterations: of Griffin-Lim.
    """

    name: Literal["magnitude"] = "magnitude"
    window: float = Field(default=0.064, gt=0.0, le=1.0)
    range: float = Field(default=100.0, gt=0.0, le=200.0)
    iterations: int = Field(default=32, ge=1)

    def forward(self, waves: Tensor, rate: int) -> Tensor:
        magnitude = self._bands(self.stft(rate)(waves).abs(), rate)
        return self._decibels(magnitude / self._loudest(rate))

    def inverse(self, x: Tensor, rate: int, channels: int) -> Tensor:
        amplitude = torch.pow(10.0, x.clamp(-self.range, 20.0) / 20.0) * self._loudest(rate)
        silent = x <= -self.range + FAINT
        magnitude = amplitude.masked_fill(silent, 0.0)
        return torch.stack([self._signal(one, rate) for one in magnitude])  # each by itself, whatever its batch

    def _signal(self, magnitude: Tensor, rate: int) -> Tensor:
        return griffin_lim(self.stft(rate), self._spread(magnitude, rate), self.iterations)

    def _decibels(self, magnitude: Tensor) -> Tensor:
        least = 10.0 ** (-self.range / 20.0)
        return 20.0 * magnitude.clamp_min(least).log10()

    def _loudest(self, rate: int) -> float:
        """The magnitude of a full-scale tone in the middle of a band."""
        return math.sqrt(self.stft(rate).window) / 4.0

    def _bands(self, magnitude: Tensor, rate: int) -> Tensor:
        """Bands of magnitudes ``[..., frequencies, frames]``."""
        return magnitude[..., :-1, :]

    def _spread(self, bands: Tensor, rate: int) -> Tensor:
        """Magnitudes that have nearly these bands."""
        return torch.nn.functional.pad(bands, (0, 0, 0, 1))


class LogMel(Magnitude):
    """Decibels of mel bands ``[batch, channels, bands, frames]``.

    Arguments:
        bands: their number.
        lowest: the lower end of the lowest, in Hz.
    """

    name: Literal["log-mel"] = "log-mel"  # type: ignore[assignment]
    window: float = Field(default=0.032, gt=0.0, le=1.0)
    bands: int = Field(default=64, ge=2)
    lowest: float = Field(default=20.0, ge=0.0)

    def _bands(self, magnitude: Tensor, rate: int) -> Tensor:
        return self._weights(rate).to(magnitude) @ magnitude

    def _spread(self, bands: Tensor, rate: int) -> Tensor:
        """By multiplicative updates, which keep magnitudes positive (Lee & Seung 2001, eq. 4)."""
        weights = self._weights(rate).to(bands)
        back = weights.mT @ bands
        found = back / weights.sum(0)[:, None].clamp_min(_LEAST)
        for _ in range(BAND_ITERATIONS):
            found = found * back / (weights.mT @ (weights @ found)).clamp_min(_LEAST)
        return found

    def _weights(self, rate: int) -> Tensor:
        return _mel(self.stft(rate).frequencies, self.lowest, rate, self.bands)


@lru_cache(maxsize=16)
def _mel(frequencies: int, lowest: float, rate: int, bands: int) -> Tensor:
    """Triangles of height 1, ``[bands, frequencies]``.

    One that is narrower than a frequency may miss all, or nearly: it takes the nearest whole.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*all zero values")
        triangles = partial(torchaudio.functional.melscale_fbanks, f_min=lowest, f_max=rate / 2, n_mels=bands)
        weights: Tensor = triangles(frequencies, sample_rate=rate).mT.contiguous()
        centres = triangles(FINER * (frequencies - 1) + 1, sample_rate=rate).argmax(0) / FINER
    narrow = weights.amax(1) < 0.5
    weights[narrow] = 0.0
    weights[narrow, centres[narrow].round().long()] = 1.0
    return weights
