r"""Discrete flow matching: the chain with the fewest jumps, and as many more as are wanted.

Given x₀ = k, an entry whose marginal is α k + (1 - α) π needs no jumps but those to k, at the rate -α'/(1 - α) (Gat et
al. 2024; for uniform and absorbing kernels this is also the chain of fewest jumps of Campbell et al. 2024). One that is
in detailed balance with the marginal may be added (Campbell et al. 2024, section 3.2). Here it draws the entry anew
from the marginal itself,

.. math:: R(i \to j | k) = η\, q_t(j | k), \qquad R(i \to j) = η \sum_k p_k\, q_t(j | k),

which mends what earlier steps, with their older beliefs, got wrong. With a constant belief the transition probabilities
of both over a step are known in closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from suffuse.errors import RecipeError
from suffuse.posterior import Posterior
from suffuse.process import Categorical
from suffuse.rng import Rng
from suffuse.sampling.discrete.temperature import require_temperature, tempered
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import CATEGORICAL
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, map_fields


@dataclass(frozen=True)
class DiscreteFlow(OneEvaluation[Categorical]):
    """Jumps to the data alone, and entries drawn anew.

    Without stochasticity this is ``ddim`` on a categorical field: :meth:`~suffuse.process.Categorical.leap`.

    Arguments:
        stochasticity: η, how often an entry is drawn anew on the whole way from t = 1 to 0, on average.
        temperature: of the belief; 1 leaves it as it is.
    """

    stochasticity: float = 0.0
    temperature: float = 1.0
    needs = CATEGORICAL

    def __post_init__(self) -> None:
        require_temperature(self.temperature)
        if not (math.isfinite(self.stochasticity) and self.stochasticity >= 0.0):
            raise RecipeError("is out of range", field="stochasticity", expected=">= 0", got=self.stochasticity)

    def advance(self, process: Categorical, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        mean = tempered(process, posterior.mean, self.temperature)
        outcomes = process.leap(now.x, mean, now.t, s)
        if self.stochasticity > 0.0:
            anew = -math.expm1(-self.stochasticity * (now.t - s))
            fresh = process.marginal(process.certain(now.x, mean), s)
            outcomes = map_fields(lambda a, b: (1.0 - anew) * a + anew * b, outcomes, fresh)
        return process.draw(outcomes, rng.at("flow"))
