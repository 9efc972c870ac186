r"""The short-time Fourier transform of signals of whole hops, and its least-squares inverse.

A signal of N = T·hop samples has exactly T frames: it lies in zeros of half a window less half a hop on either side,
so that frame k is about the middle of the k-th hop. Where the frames overlap the inverse is exact,

.. math:: x = \frac{\sum_k w_k\, F^{-1} S_k}{\sum_k w_k^2}

(Griffin & Lim 1984, eq. 6), and of a spectrogram that belongs to no signal it gives the one whose is nearest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from suffuse.errors import RecipeError


@dataclass(frozen=True)
class Stft:
    """An orthonormal transform under periodic Hann windows.

    Arguments:
        window: samples of a window, even.
        hop: samples from one frame to the next, even, at most half a window.
    """

    window: int
    hop: int

    def __post_init__(self) -> None:
        if self.window < 4 or self.window % 2:
            raise RecipeError("is no window", field="window", expected="an even number from 4", got=self.window)
        if not 2 <= self.hop <= self.window // 2 or self.hop % 2:
            raise RecipeError(
                "is out of range", field="hop", expected=f"an even number from 2 to {self.window // 2}", got=self.hop
            )

    @property
    def frequencies(self) -> int:
        """From 0 to half the sample rate, both included."""
        return self.window // 2 + 1

    @property
    def margin(self) -> int:
        """The zeros on either side."""
        return (self.window - self.hop) // 2

    def __call__(self, x: Tensor) -> Tensor:
        """Signals ``[..., T·hop]`` to complex spectrograms ``[..., frequencies, T]``."""
        frames = F.pad(x, (self.margin, self.margin)).unfold(-1, self.window, self.hop)
        spectrum: Tensor = torch.fft.rfft(frames * _hann(self.window).to(x), norm="ortho")
        return spectrum.mT

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Complex spectrograms ``[..., frequencies, T]`` to signals ``[..., T·hop]``."""
        frames = torch.fft.irfft(spectrum.mT, n=self.window, norm="ortho")
        window, count = _hann(self.window).to(frames), frames.shape[-2]
        summed = self._added(frames * window)
        weight = self._added(window.square().expand(count, -1))
        kept = slice(self.margin, self.margin + count * self.hop)
        return summed[..., kept] / weight[kept]

    def _added(self, frames: Tensor) -> Tensor:
        """Frames ``[..., T, window]`` laid over each other at their places."""
        count, window = frames.shape[-2:]
        size = (count - 1) * self.hop + window
        flat = frames.reshape(-1, count, window).mT
        summed: Tensor = F.fold(flat, (1, size), (1, window), stride=(1, self.hop))
        return summed.reshape(*frames.shape[:-2], size)


@lru_cache(maxsize=16)
def _hann(window: int) -> Tensor:
    return torch.hann_window(window, dtype=torch.float64)
