r"""Predictor and corrector for categorical fields: after each step, jumps at the level that was reached.

The sum of the forward and the backward rates, :math:`R_t + \hat R_t`, leaves the marginal at t as it is (Campbell et
al. 2022, section 4.4): entries are forgotten and told again, and so the predictor's errors are washed out. All entries
jump at once, which is exact only for small steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser
from suffuse.process import Categorical, Process, Product
from suffuse.rng import Rng
from suffuse.sampling.ancestral import DDPM
from suffuse.sampling.discrete.rates import both_ways, jump
from suffuse.sampling.discrete.temperature import require_temperature, tempered
from suffuse.sampling.loop import Sampler, Step, check_sampler
from suffuse.sampling.needs import Need, has_categories
from suffuse.state import State, map_fields, merge, only


@dataclass(frozen=True)
class DiscreteCorrector:
    """Any sampler's step, then jumps of the categorical fields; one more evaluation for each of these, none at t = 0.

    Arguments:
        predictor: makes the step.
        steps: of the corrector, after each of the predictor's.
        size: of one: the share of the entries that the forward rate alone would redraw.
        temperature: of the belief in the corrector; 1 leaves it as it is.
    """

    predictor: Sampler = field(default_factory=DDPM)
    steps: int = 1
    size: float = 0.1
    temperature: float = 1.0
    needs: ClassVar[Need[Process]] = Need("a categorical field", has_categories)

    def __post_init__(self) -> None:
        check_sampler(self.predictor, "predictor")
        require_temperature(self.temperature)
        if self.steps < 0:
            raise RecipeError("is negative", field="steps", expected=">= 0", got=self.steps)
        if not (math.isfinite(self.size) and self.size > 0.0):
            raise RecipeError("must be positive", field="size", expected="> 0", got=self.size)

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        process = self.needs.of(process, self)
        after = self.predictor.step(denoiser, process, now, s, rng, conditions)
        if s == 0.0:
            return after
        x = after.x
        for number in range(self.steps):
            mean = tempered(process, denoiser(x, s, conditions).mean, self.temperature)
            x = self._corrected(process, x, mean, s, rng.at("corrector", number))
        return replace(after, x=x)

    def _corrected(self, process: Process, x: State, mean: State, t: float, rng: Rng) -> State:
        if isinstance(process, Product):
            parts = {
                name: self._corrected(member, only(x, name), only(mean, name), t, rng.at("field", name))
                for name, member in process.fields.items()
            }
            return merge(x, parts)
        if not isinstance(process, Categorical):
            return x

        def landed(x: Tensor, p: Tensor) -> Tensor:
            return jump(x, both_ways(process, x, p, t, self.size))

        return process.draw(map_fields(landed, process.outcomes(x), process.belief(x, mean)), rng)
