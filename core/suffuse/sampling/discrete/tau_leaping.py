"""Tau-leaping: the reverse chain in continuous time, with jumps of all entries at once (Campbell et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from suffuse.posterior import Posterior
from suffuse.process import Categorical
from suffuse.rng import Rng
from suffuse.sampling.discrete.rates import backward, jump
from suffuse.sampling.discrete.temperature import require_temperature, tempered
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import CATEGORICAL
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, map_fields


@dataclass(frozen=True)
class TauLeaping(OneEvaluation[Categorical]):
    """Every entry jumps, or not, by the rates of the belief at the step's start (Campbell et al. 2022, section 4.3).

    Classes have no order, so that an entry jumps at most once a step. Rates grow beyond bounds towards t = 0: the last
    step draws from the belief. Under an absorbing kernel this is ancestral sampling.

    Arguments:
        temperature: of the belief; 1 leaves it as it is.
    """

    temperature: float = 1.0
    needs = CATEGORICAL

    def __post_init__(self) -> None:
        require_temperature(self.temperature)

    def advance(self, process: Categorical, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        x, belief = process.outcomes(now.x), process.belief(now.x, tempered(process, posterior.mean, self.temperature))
        if process.alpha(s) == 1.0:
            return process.draw(belief, rng.at("leap"))

        def landed(x: Tensor, p: Tensor) -> Tensor:
            return jump(x, backward(process, x, p, now.t, s))

        return process.draw(map_fields(landed, x, belief), rng.at("leap"))
