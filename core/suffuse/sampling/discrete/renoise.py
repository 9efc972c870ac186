r"""Predict, then noise again: x₀ from the belief, x_s from x₀.

.. math:: x_0 \sim p(x_0 | x_t)\ \text{entry by entry}, \qquad x_s \sim q(x_s | x_0)

Nothing of x_t but the belief is kept, so that every step may change every entry: what is inconsistent is found and
mended, at the price of more steps (Boget 2025, SID, on molecules; for masks the most that remasking can do). It is
:class:`~suffuse.sampling.consistency.Consistency` with a temperature.
"""

from __future__ import annotations

from dataclasses import dataclass

from suffuse.posterior import Posterior
from suffuse.process import Process
from suffuse.rng import Rng
from suffuse.sampling.discrete.temperature import require_temperature, tempered
from suffuse.sampling.loop import Step
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State


@dataclass(frozen=True)
class Renoise(OneEvaluation[Process]):
    """Every entry anew at every step; any process, Gaussian fields by the mean of their belief.

    Arguments:
        temperature: of the belief in categorical fields; 1 leaves it as it is.
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        require_temperature(self.temperature)

    def advance(self, process: Process, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        return process.corrupt(tempered(process, posterior.mean, self.temperature), s, rng)
