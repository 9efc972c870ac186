"""Models of letters that are drawn independently, whose belief is exact: what variations keep is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suffuse.domain import Codec
from suffuse.model import Model
from suffuse.posterior import Posterior, Time
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Absorbing
from suffuse.recipe import validate
from suffuse.rng import Rng
from suffuse.state import State
from tests.toy import recipe


@dataclass(frozen=True)
class Letters(Codec):
    """Items are lists of 6 letters of abc."""

    def encode(self, items: Sequence[Any], rng: Rng | None = None) -> State:
        index = torch.tensor([["abc".index(letter) for letter in item] for item in items])
        return nn.functional.one_hot(index, 3).float()

    def decode(self, state: State) -> list[Any]:
        assert isinstance(state, Tensor)
        return [["abc"[i] for i in row] for row in state.argmax(-1).tolist()]

    def like(self, count: int, rng: Rng | None = None) -> State:
        return torch.zeros(count, 6, 3)

    def to_json(self) -> dict[str, Any]:
        return {}


class Independent(nn.Module):
    """The exact belief about letters that are drawn independently."""

    chances = torch.tensor([0.7, 0.2, 0.1])

    def __init__(self, process: Categorical) -> None:
        super().__init__()
        self.process = process
        self.network = nn.Linear(1, 1)

    def forward(self, x_t: Tensor, t: Time, conditions: Mapping[str, Any]) -> Posterior:
        if self.process.absorbing:
            hidden = (x_t == 0.0).all(-1, keepdim=True)
            return Posterior(torch.where(hidden, self.chances, x_t))
        alpha = torch.as_tensor(self.process.alpha(t), dtype=x_t.dtype).reshape(-1, 1, 1)
        belief = self.chances * (alpha * x_t + (1.0 - alpha) / 3.0)
        return Posterior(belief / belief.sum(-1, keepdim=True))


def letters(process: Categorical) -> Model:
    denoiser: Any = Independent(process).requires_grad_(False)
    return Model(validate(recipe(data={"labelled": False})), Letters(), {}, denoiser)


def kept_share(kernel: Any, strength: float, chance: float) -> float:
    """The chance that a letter of this frequency comes out as it went in, by Bayes' rule."""
    alpha = 1.0 - strength
    if isinstance(kernel, Absorbing):
        return alpha + strength * chance
    chances = Independent.chances.tolist()
    own = chances.index(pytest.approx(chance))
    total = 0.0
    for seen in range(3):
        reach = alpha * (seen == own) + strength / 3.0
        evidence = sum(p * (alpha * (seen == k) + strength / 3.0) for k, p in enumerate(chances))
        total += reach * chances[own] * reach / evidence
    return total
