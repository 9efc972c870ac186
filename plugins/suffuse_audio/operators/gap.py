"""A sound with a stretch missing, as after a lost packet or a scratch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.rng import Rng
from suffuse_audio.operators.heard import Heard


@dataclass(frozen=True, kw_only=True)
class GapSound(Heard):
    """A stretch of samples is set to zero.

    Arguments:
        seconds: of the stretch: from, to; drawn for each sound in a bridge, as is its place, anywhere in the window;
            else the mean of the two in the middle.
    """

    seconds: tuple[float, float]
    ends: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        low, high = self.seconds
        if not 0.0 < low <= high:
            raise RecipeError(
                "is out of range", field="gap-sound.seconds", expected="two lengths above 0, rising", got=self.seconds
            )

    def drawn(self, rng: Rng) -> Self:
        low, high = self.seconds
        length = low + (high - low) * rng.at("seconds").uniform(shape=())
        window = self._codec().frames / self._codec().rate
        first = (window - length).clamp_min(0.0) * rng.at("place").uniform(shape=())
        return replace(self, ends=torch.stack([first, first + length], dim=1))

    def measured(self, waves: Tensor) -> Tensor:
        codec = self._codec()
        window = codec.frames / codec.rate
        middle = [0.5 * (window + sign * sum(self.seconds) / 2.0) for sign in (-1.0, 1.0)]
        ends = waves.new_tensor(middle).expand(len(waves), 2) if self.ends is None else self.ends.to(waves)
        times = torch.arange(waves.shape[-1], device=waves.device) / codec.rate
        lacking = (times >= ends[:, :1]) & (times < ends[:, 1:])
        return waves.masked_fill(lacking[:, None], 0.0)


def gap_sound(seconds: tuple[float, float] = (0.02, 0.1)) -> GapSound:
    """The options of :class:`GapSound`."""
    return GapSound(seconds=seconds)
