"""A sound that was louder than what recorded it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.rng import Rng
from suffuse_audio.operators.heard import Heard


@dataclass(frozen=True, kw_only=True)
class ClippedSound(Heard):
    """Samples beyond a level are set to it.

    Arguments:
        level: as a share of each sound's own peak: from, to; drawn for each in a bridge, else the mean of the two.
    """

    level: tuple[float, float]
    shares: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        low, high = self.level
        if not 0.0 < low <= high <= 1.0:
            raise RecipeError(
                "is out of range", field="clipped-sound.level", expected="two shares above 0, rising, 1 at most",
                got=self.level,
            )  # fmt: skip

    def drawn(self, rng: Rng) -> Self:
        low, high = self.level
        return replace(self, shares=low + (high - low) * rng.at("level").uniform(shape=()))

    def measured(self, waves: Tensor) -> Tensor:
        shares = waves.new_full((len(waves),), sum(self.level) / 2.0) if self.shares is None else self.shares
        level = shares.to(waves)[:, None, None] * waves.detach().abs().amax((1, 2), keepdim=True)
        return waves.clamp(-level, level)


def clipped_sound(level: tuple[float, float] = (0.1, 0.5)) -> ClippedSound:
    """The options of :class:`ClippedSound`."""
    return ClippedSound(level=level)
