r"""Predictor and corrector: after each step, Langevin steps at the level that was reached.

.. math:: x \leftarrow x + ε\, s(x) + \sqrt{2ε}\, z, \qquad s(x) = \nabla \log p_t(x) = -\hat ε(x)/σ_t

leave the marginal of that level as it is, and so wash out the predictor's errors (Song et al. 2021, algorithms 2 to 5).

The paper sets the step by a signal-to-noise ratio r, :math:`ε = 2 (r \|z\|/\|s\|)^2`, with norms that are means over
the batch, so that a sample depends on its companions. Norms of the sample alone would not do either: the step would
depend on where the sample is, without bound where the score vanishes, and the marginal would not stay what it is. Here
both norms have the values that they have in expectation where data are thin compared with the noise, :math:`\sqrt d`
and :math:`\sqrt d/σ_t`: :math:`ε = 2 (r σ_t)^2`, one number for a level. The error of the discrete Langevin step is of
order r²: a variance becomes too large by at most the factor 1/(1 - r²).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian, Process
from suffuse.rng import Rng
from suffuse.sampling.ancestral import DDIM
from suffuse.sampling.loop import Sampler, Step, check_sampler
from suffuse.sampling.needs import GAUSSIAN, Need
from suffuse.state import State, combine


@dataclass(frozen=True)
class PredictorCorrector:
    """Any sampler's step, then Langevin steps; one more evaluation for each of these, none at σ = 0.

    Arguments:
        predictor: makes the step.
        steps: Langevin steps after it.
        snr: r, the signal-to-noise ratio of a Langevin step.
    """

    predictor: Sampler = field(default_factory=DDIM)
    steps: int = 1
    snr: float = 0.16
    needs: ClassVar[Need[Gaussian]] = GAUSSIAN

    def __post_init__(self) -> None:
        check_sampler(self.predictor, "predictor")
        if self.steps < 0:
            raise RecipeError("is negative", field="steps", expected=">= 0", got=self.steps)
        if not 0.0 < self.snr < 1.0:
            raise RecipeError("is out of range", field="snr", expected="between 0 and 1", got=self.snr)

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        process = self.needs.of(process, self)
        after = self.predictor.step(denoiser, process, now, s, rng, conditions)
        if process.schedule.sigma(s) == 0.0:
            return after
        x = after.x
        for number in range(self.steps):
            x = langevin(denoiser, process, x, s, self.snr, rng.at("corrector", number), conditions)
        return replace(after, x=x)


def langevin(
    denoiser: Denoiser, process: Gaussian, x: State, t: float, snr: float, rng: Rng, conditions: Conditions
) -> State:
    """One Langevin step at time t, σ_t > 0."""
    alpha, sigma = process.schedule.alpha(t), process.schedule.sigma(t)
    anchor = denoiser(x, t, conditions).noise_mean
    drift = 2.0 * snr**2  # ε/σ²
    fresh = math.sqrt(2.0 * drift) * sigma
    # ε s(x) = -(ε/σ²)·(x - α x̂₀)
    return combine((1.0 - drift, x), (drift * alpha, anchor), (fresh, rng.normal_like(x)))
