"""What spectral representations share: windows and hops in seconds."""

from __future__ import annotations

from pydantic import Field

from suffuse_audio.representations.base import Representation
from suffuse_audio.stft import Stft


class Spectral(Representation):
    """A representation by a short-time Fourier transform.

    Arguments:
        window: the seconds of a window.
        overlap: how many windows lie over each sample. From 4 on magnitudes alone tell a signal nearly exactly.
    """

    window: float = Field(default=0.032, gt=0.0, le=1.0)
    overlap: int = Field(default=4, ge=2, le=16)

    def stft(self, rate: int) -> Stft:
        """The transform at a sample rate; its hop is even, and its window a multiple of that."""
        hop = max(2, 2 * round(self.window * rate / self.overlap / 2))
        return Stft(hop * self.overlap, hop)

    def hop(self, rate: int) -> int:
        return self.stft(rate).hop

    def reach(self, rate: int) -> int:
        return self.stft(rate).margin
