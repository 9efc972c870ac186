"""The exact chain of a sampler of categorical states: all states are enumerated, and nothing is drawn.

A process whose ``draw`` returns the distribution it was given turns a step into a matrix over all states. What a number
of steps makes of the prior is then known exactly, and so is its total variation distance from the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from suffuse.process import Categorical, Kernel
from suffuse.process.kernels import narrow
from suffuse.rng import Rng
from suffuse.sampling import OneEvaluation, Step, UniformTime
from suffuse.state import State
from tests.oracles import DiscreteJoint, ExactDiscrete, every_state

Rule = OneEvaluation[Any]


@dataclass(frozen=True)
class Shown(Categorical):
    """Shows the distributions instead of drawing from them."""

    def draw(self, outcomes: State, rng: Rng) -> State:
        assert isinstance(outcomes, Tensor)
        return outcomes / outcomes.sum(-1, keepdim=True)


@dataclass(frozen=True)
class Chain:
    """The exact chain of a rule on a joint distribution: its law is ``[outcomes**n]`` at every time."""

    joint: DiscreteJoint
    kernel: Kernel
    rule: Rule

    @property
    def states(self) -> Tensor:
        """Every state over all outcomes."""
        return every_state(self.joint.table.ndim, len(self.kernel.stationary))

    def law(self, steps: int) -> Tensor:
        """The distribution of x₀ ``[K**n]`` after so many steps from the prior."""
        times = UniformTime(steps)(Shown(self.kernel).schedule)
        pi = torch.tensor(self.kernel.stationary, dtype=torch.float64)
        law = (self.states * pi).sum(-1).prod(-1)
        for t, s in pairwise(times):
            law = law @ self.matrix(t, s)
        clean = torch.einsum("sno,tno->stn", self.states[..., : self.kernel.classes], self.joint.states).prod(-1)
        return law @ clean

    def matrix(self, t: float, s: float) -> Tensor:
        """Transition probabilities between all states."""
        process = Shown(self.kernel)
        x = narrow(self.kernel, self.states)
        belief = ExactDiscrete(self.joint, process)(x, t, {})
        landed = self.rule.advance(process, Step(x, t), belief, s, Rng.of(0, len(x)))
        assert isinstance(landed, Tensor)
        return torch.einsum("sno,tno->stn", landed, self.states).prod(-1)

    def distance(self, steps: int) -> float:
        """Total variation between what the chain makes and the truth."""
        return 0.5 * float((self.law(steps) - self.joint.table.flatten()).abs().sum())
