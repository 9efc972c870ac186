r"""The complex spectrogram, its magnitudes compressed: a change of coordinates of the waveform, exactly invertible.

.. math:: S ↦ |S|^{p}\, e^{i \angle S}

brings loud and faint within reach of one noise level (EDMSound, Zhu et al. 2023; SGMSE+, Richter et al. 2023, eq. 15).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from suffuse_audio.representations.spectral import Spectral

_LEAST = 1e-12


class ComplexStft(Spectral):
    """Real and imaginary parts ``[batch, 2·channels, frequencies, frames]``.

    Arguments:
        power: p, above 0; 1 compresses nothing.
    """

    exact: ClassVar[bool] = True
    name: Literal["stft"] = "stft"
    power: float = Field(default=0.5, gt=0.0, le=1.0)

    def forward(self, waves: Tensor, rate: int) -> Tensor:
        spectrum = _to_power(self.stft(rate)(waves), self.power)
        return torch.view_as_real(spectrum).permute(0, 1, 4, 2, 3).flatten(1, 2).contiguous()

    def inverse(self, x: Tensor, rate: int, channels: int) -> Tensor:
        stft = self.stft(rate)
        parts = x.reshape(len(x), channels, 2, *x.shape[2:]).permute(0, 1, 3, 4, 2).contiguous()
        return stft.inverse(_to_power(torch.view_as_complex(parts), 1.0 / self.power))

    def moments(self, mean: float, deviation: float) -> tuple[float, float]:
        return 0.0, deviation  # silence is 0


def _to_power(spectrum: Tensor, power: float) -> Tensor:
    """Its magnitudes to a power, its phases as they are."""
    magnitude = spectrum.abs().clamp_min(_LEAST)
    return spectrum * magnitude.pow(power - 1.0)
