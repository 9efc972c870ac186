"""How dense the noised data are at an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import UnsupportedError
from suffuse.likelihood import beliefs, residual
from suffuse.nn.memory import Dense, Memory
from suffuse.state import State, to
from suffuse.tasks.statistics.base import shares
from suffuse.trained import Trained


@runtime_checkable
class DenseMemory(Memory, Dense, Protocol):
    """A memory that knows how dense the noised data are."""


@dataclass(frozen=True)
class DensityStatistic:
    """The negative logarithm of how dense the noised data are, where a network knows it exactly.

    Arguments:
        level: the noise level, in units of the spacing of what the network remembers.
    """

    level: float = 0.1
    name: ClassVar[str] = "density"
    needs_reference: ClassVar[bool] = False

    def units(self, calibrated: bool) -> str:
        return "nats"

    def labels(self, model: Trained) -> tuple[str, ...]:
        return ("-log p",)

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        network = self._known(model)
        return -network.log_density(x, self.level * network.spacing, given).cpu()[:, None]

    def contributions(self, model: Trained, x: State, given: Conditions) -> State:
        """What each entry adds to the square of r²∇log p = x̂ - x, which leads to denser places (Tweedie)."""
        ratio = self._known(model).spacing * self.level
        (squares,) = residual(model.process, x, beliefs(model.denoiser, model.process, x, (ratio,), given)).squares
        return shares(to(squares, dtype=torch.float64))

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        return figures[:, 0]

    def _known(self, model: Trained) -> DenseMemory:
        network = model.denoiser.network
        if not isinstance(network, DenseMemory):
            raise UnsupportedError(
                "is not known", field="statistic", expected="a network that tells it, as patches",
                got=model.recipe.network.name, fix="take the statistic residual, elbo or likelihood",
            )  # fmt: skip
        return network
