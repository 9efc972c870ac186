"""A sound whose high frequencies were lost, as on a telephone or at a lower rate."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.rng import Rng
from suffuse_audio.operators.heard import Heard


@dataclass(frozen=True, kw_only=True)
class NarrowSound(Heard):
    """Frequencies above a cutoff are set to zero.

    Arguments:
        cutoff: in Hz: from, to; drawn for each sound in a bridge, else the mean of the two.
    """

    cutoff: tuple[float, float]
    drawn_cutoff: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        low, high = self.cutoff
        if not 0.0 < low <= high:
            raise RecipeError(
                "is out of range", field="narrow-sound.cutoff", expected="two frequencies above 0, rising",
                got=self.cutoff,
            )  # fmt: skip

    def drawn(self, rng: Rng) -> Self:
        low, high = self.cutoff
        return replace(self, drawn_cutoff=low + (high - low) * rng.at("cutoff").uniform(shape=()))

    def measured(self, waves: Tensor) -> Tensor:
        cutoff = waves.new_full((len(waves),), sum(self.cutoff) / 2.0)
        cutoff = cutoff if self.drawn_cutoff is None else self.drawn_cutoff.to(waves)
        size = waves.shape[-1]
        frequencies = torch.fft.rfftfreq(size, 1.0 / self._codec().rate, device=waves.device)
        kept = frequencies <= cutoff[:, None, None]
        narrow: Tensor = torch.fft.irfft(torch.fft.rfft(waves) * kept, n=size)
        return narrow


def narrow_sound(cutoff: tuple[float, float] = (2000.0, 2000.0)) -> NarrowSound:
    """The options of :class:`NarrowSound`."""
    return NarrowSound(cutoff=cutoff)
