"""The waveform itself. Let the network fold its time axis (``network.fold: 16``), or it will be slow."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from suffuse_audio.representations.base import Representation


class Waveform(Representation):
    """Samples as they are: ``[batch, channels, samples]``."""

    exact: ClassVar[bool] = True
    name: Literal["waveform"] = "waveform"

    def hop(self, rate: int) -> int:
        return 1

    def forward(self, waves: Tensor, rate: int) -> Tensor:
        return waves

    def inverse(self, x: Tensor, rate: int, channels: int) -> Tensor:
        return x

    def reach(self, rate: int) -> int:
        return 0

    def moments(self, mean: float, deviation: float) -> tuple[float, float]:
        return 0.0, deviation  # silence is 0
