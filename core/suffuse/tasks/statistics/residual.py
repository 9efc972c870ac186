"""What the denoiser would change about an item, asked without noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.likelihood import Residual, beliefs, residual
from suffuse.nn.memory import AtLevels, Memory
from suffuse.numerics import log_spaced
from suffuse.state import State, combine, to
from suffuse.tasks.statistics.base import shares
from suffuse.trained import Trained

LOWEST, HIGHEST = 0.3, 1.2
"""The noise levels at which states are asked about without noise, in units of a memory's spacing; else of the data's
deviation, which is 1."""


@dataclass(frozen=True)
class ResidualStatistic:
    """How far the belief about an item, asked without noise, is from what it is: the mean over several noise levels.

    Arguments:
        levels: how many noise levels, from :data:`LOWEST` up to :data:`HIGHEST`, evenly spaced in the logarithm of σ/α,
            where ``ratios`` are not told. A network that remembers the data ties them to these.
        ratios: the noise levels σ/α themselves.
    """

    levels: int = 3
    ratios: tuple[float, ...] | None = None
    name: ClassVar[str] = "residual"
    needs_reference: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.ratios is not None:  # JSON has lists
            object.__setattr__(self, "ratios", tuple(self.ratios))

    def units(self, calibrated: bool) -> str:
        return "deviations of the data"

    def labels(self, model: Trained) -> tuple[str, ...]:
        return tuple(f"σ/α={ratio:.3g}" for ratio in self._ratios(model))

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        return self._residual(model, x, given).figures.cpu()

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        return figures.mean(1)

    def contributions(self, model: Trained, x: State, given: Conditions) -> State:
        """What each entry adds to the score: its part of the squares of each level, which count as their figures do."""
        found = self._residual(model, x, given)
        weights = 1.0 / found.figures.clamp_min(torch.finfo(torch.float64).tiny)
        return shares(combine(*((weights[:, i], to(s, dtype=torch.float64)) for i, s in enumerate(found.squares))))

    def settled(self, model: Trained) -> ResidualStatistic:
        """The same, its noise levels told as numbers."""
        return replace(self, ratios=self._ratios(model))

    def _ratios(self, model: Trained) -> tuple[float, ...]:
        if self.ratios is not None:
            return self.ratios
        network = model.denoiser.network
        unit = network.spacing if isinstance(network, Memory) else 1.0
        return log_spaced(unit * LOWEST, unit * HIGHEST, self.levels)

    def _residual(self, model: Trained, x: State, given: Conditions) -> Residual:
        network, ratios = model.denoiser.network, self._ratios(model)
        if isinstance(network, AtLevels):
            means = network.at_levels(x, ratios, given)
        else:
            means = beliefs(model.denoiser, model.process, x, ratios, given)
        return residual(model.process, x, means)


@dataclass(frozen=True)
class RelativeResidualStatistic(ResidualStatistic):
    """The same with each level in units of what it is for usual items, so that none outweighs the others.

    The score is the root of the mean of the squares.
    """

    name: ClassVar[str] = "relative-residual"
    needs_reference: ClassVar[bool] = True

    def units(self, calibrated: bool) -> str:
        return "times what is usual"

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        assert usual is not None
        unit = usual.square().mean(0)
        return (figures.square() / torch.where(unit > 0.0, unit, 1.0)).mean(1).sqrt()
