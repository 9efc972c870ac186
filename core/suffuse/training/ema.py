r"""Moving averages of the weights.

Both rules are :math:`\bar θ ← \bar θ + (1 - β_k)(θ - \bar θ)` after step k:

- exponential: β_k = min(decay, (1 + k)/(10 + k)), so that early averages forget the initialization;
- power (Karras et al. 2024, eq. 2): :math:`β_k = (1 - 1/k)^{γ+1}`, whose width is a fixed share ``std`` of training.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from suffuse.recipe import EmaSection


class Decay(Protocol):
    """How much of the average is kept at step ``k`` (counted from 1)."""

    def __call__(self, k: int) -> float: ...


@dataclass(frozen=True)
class Exponential:
    """A constant decay, after a warm-up."""

    decay: float = 0.999

    def __call__(self, k: int) -> float:
        return min(self.decay, (1.0 + k) / (10.0 + k))


@dataclass(frozen=True)
class Power:
    """A profile t^γ, whose standard deviation is ``std`` times the length of training."""

    std: float = 0.1

    @property
    def gamma(self) -> float:
        """The exponent: the largest root of (γ+1)/((γ+2)²(γ+3)) = std² (Karras et al. 2024, algorithm 2)."""
        inverse = self.std**-2
        return float(np.roots([1.0, 7.0, 16.0 - inverse, 12.0 - inverse]).real.max())

    def __call__(self, k: int) -> float:
        return float((1.0 - 1.0 / k) ** (self.gamma + 1.0))


def no_average(k: int) -> float:
    """Keep nothing: the average is the weights themselves."""
    return 0.0


def make_decay(section: EmaSection) -> Decay:
    """The rule that a recipe asks for."""
    rules: dict[str, Decay] = {
        "power": Power(section.std),
        "exponential": Exponential(section.decay),
        "none": no_average,
    }
    return rules[section.kind]


class Average:
    """A network that holds the average of another's weights; in evaluation mode, not trainable.

    Arguments:
        source: the network that is trained.
        decay: the rule.
    """

    def __init__(self, source: nn.Module, decay: Decay) -> None:
        self.network = copy.deepcopy(source).eval().requires_grad_(False)
        self.decay = decay
        self._mine: list[Tensor] = list(self.network.parameters())
        self._theirs: list[Tensor] = list(source.parameters())
        self._buffers = list(zip(self.network.buffers(), source.buffers(), strict=True))

    @torch.no_grad()
    def update(self, k: int) -> None:
        """Move the average towards the weights after step ``k``, counted from 1; buffers are copied."""
        torch._foreach_lerp_(self._mine, self._theirs, 1.0 - self.decay(k))
        for mine, theirs in self._buffers:
            mine.copy_(theirs)
