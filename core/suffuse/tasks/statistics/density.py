"""How dense the noised data are at an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import UnsupportedError
from suffuse.nn.memory import Dense, Memory
from suffuse.state import State
from suffuse.trained import Trained


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
        network = model.denoiser.network
        if not isinstance(network, Dense) or not isinstance(network, Memory):
            raise UnsupportedError(
                "is not known", field="statistic", expected="a network that tells it, as patches",
                got=model.recipe.network.name, fix="take the statistic residual, elbo or likelihood",
            )  # fmt: skip
        return -network.log_density(x, self.level * network.spacing, given).cpu()[:, None]

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        return figures[:, 0]
