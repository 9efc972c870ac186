"""The loss of phase."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffuse.errors import DomainInputError, RecipeError
from suffuse.operators.base import Operator, require_axes
from suffuse.state import State

_FLOOR = 1e-12
"""Added to the power, so that a magnitude of zero has a derivative."""


@dataclass(frozen=True)
class StftMagnitude(Operator):
    """The magnitudes of the short-time Fourier transform along the last axis.

    Hann windows are centred on their frames, the signal is mirrored at its ends, and the transform is orthonormal.
    Measurements are ``[batch, channels, *axes before the last, frequencies, frames]``.

    Arguments:
        window: entries of a window.
        hop: entries from one frame to the next; a quarter of the window by default.
    """

    window: int = 64
    hop: int | None = None
    linear: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.window < 2:
            raise RecipeError("is too short", field="stft-magnitude.window", expected=">= 2", got=self.window)
        if not 1 <= self._hop <= self.window:
            raise RecipeError(
                "is out of range", field="stft-magnitude.hop", expected=f"1 to {self.window}", got=self.hop
            )

    @property
    def _hop(self) -> int:
        return max(1, self.window // 4) if self.hop is None else self.hop

    def __call__(self, x: State) -> State:
        x = require_axes(x, self)
        if x.shape[-1] <= self.window // 2:
            raise DomainInputError(
                "is longer than the state", field="stft-magnitude.window",
                expected=f"at most {2 * x.shape[-1] - 2}", got=self.window,
            )  # fmt: skip
        spectrum = self._transform(x)
        return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + _FLOOR)

    def observe(self, encoded: State) -> State:
        return self(encoded)

    def show(self, y: State, like: State) -> State:
        """The signal of these magnitudes whose phases are all zero."""
        y, like = require_axes(y, self), require_axes(like, self)
        flat = torch.istft(
            torch.complex(y, torch.zeros_like(y)).flatten(0, -3),
            self.window, self._hop, window=self._hann(like), normalized=True, length=like.shape[-1],
        )  # fmt: skip
        return flat.reshape(like.shape)

    def _transform(self, x: Tensor) -> Tensor:
        spectrum = torch.stft(
            x.flatten(0, -2), self.window, self._hop, window=self._hann(x), normalized=True, return_complex=True
        )
        return spectrum.reshape(*x.shape[:-1], *spectrum.shape[1:])

    def _hann(self, x: Tensor) -> Tensor:
        positions = torch.arange(self.window, dtype=x.dtype, device=x.device)
        return 0.5 - 0.5 * torch.cos(2.0 * math.pi * positions / self.window)
