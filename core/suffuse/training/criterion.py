"""What a trainer minimizes: a loss with the denoiser that learns inside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self

from torch import Tensor, nn

from suffuse.conditions import Conditions
from suffuse.denoise import Preconditioned
from suffuse.rng import Rng
from suffuse.state import State


class Criterion(nn.Module, ABC):
    """A loss of batches; a module, so that it can be wrapped for many processes and mixed precision as a whole.

    Arguments:
        denoiser: what learns.
    """

    def __init__(self, denoiser: Preconditioned) -> None:
        super().__init__()
        self.denoiser = denoiser

    @abstractmethod
    def forward(self, x0: State, conditions: Conditions, rng: Rng) -> Tensor:
        """The mean loss of a batch at random times, all randomness from ``rng`` (one stream a sample)."""

    @abstractmethod
    def at_quantile(self, x0: State, quantile: float, conditions: Conditions, rng: Rng) -> Tensor:
        """The loss of each sample, ``[batch]``, at a quantile of the times that are trained on: for validation."""

    @abstractmethod
    def of(self, denoiser: Preconditioned) -> Self:
        """The same loss of another denoiser, as of the moving average."""

    def helpers(self) -> Mapping[str, nn.Module]:
        """Modules that learn besides the denoiser, by name: checkpoints hold them too, model files do not."""
        return {}
