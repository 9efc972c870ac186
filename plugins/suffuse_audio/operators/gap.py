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
        seconds: of the stretch: from, to; drawn for each sound in a bridge, as is its place; else the mean of the two,
            in the middle.
        drawn_seconds, drawn_share: of each sound: how long, and by which share of its energy the middle comes; so gaps
            lie where there is something to be heard.
    """

    seconds: tuple[float, float]
    drawn_seconds: Tensor | None = field(default=None, repr=False)
    drawn_share: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        low, high = self.seconds
        if not 0.0 < low <= high:
            raise RecipeError(
                "is out of range", field="gap-sound.seconds", expected="two lengths above 0, rising", got=self.seconds
            )

    def drawn(self, rng: Rng) -> Self:
        low, high = self.seconds
        seconds = low + (high - low) * rng.at("seconds").uniform(shape=())
        return replace(self, drawn_seconds=seconds, drawn_share=rng.at("place").uniform(shape=()))

    def measured(self, waves: Tensor) -> Tensor:
        seconds = waves.new_full((len(waves),), sum(self.seconds) / 2.0)
        seconds = seconds if self.drawn_seconds is None else self.drawn_seconds.to(waves)
        places = torch.arange(waves.shape[-1], device=waves.device)
        away = (places - self._middles(waves)[:, None]).abs()
        return waves.masked_fill((away < 0.5 * seconds[:, None] * self._codec().rate)[:, None], 0.0)

    def _middles(self, waves: Tensor) -> Tensor:
        """The places of the middles, ``[batch]``."""
        if self.drawn_share is None:
            return waves.new_full((len(waves),), 0.5 * (waves.shape[-1] - 1))
        energy = waves.detach().square().sum(1).double().cumsum(1)
        share = self.drawn_share.to(energy)[:, None] * energy[:, -1:]
        return torch.searchsorted(energy, share).squeeze(1).to(waves)


def gap_sound(seconds: tuple[float, float] = (0.02, 0.1)) -> GapSound:
    """The options of :class:`GapSound`."""
    return GapSound(seconds=seconds)
