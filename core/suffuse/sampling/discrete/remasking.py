r"""Remasking: what was shown may be masked again, so that early mistakes can be mended (ReMDM, Wang et al. 2025).

.. math::

    q_σ(x_s | x_t, x_0) = \begin{cases}
        (1 - σ)\, x_0 + σ\, m & x_t \ne m \\
        \frac{α_s - (1 - σ) α_t}{1 - α_t}\, x_0 + \frac{1 - α_s - σ α_t}{1 - α_t}\, m & x_t = m
    \end{cases}

has the marginals of the masked process for every σ up to :math:`σ_{\max} = \min(1, (1 - α_s)/α_t)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from suffuse.errors import RecipeError
from suffuse.posterior import Posterior
from suffuse.process import Categorical
from suffuse.process.kernels import stationary_like
from suffuse.rng import Rng
from suffuse.sampling.discrete.temperature import require_temperature, tempered
from suffuse.sampling.loop import Step
from suffuse.sampling.needs import ABSORBING
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, map_fields


@dataclass(frozen=True)
class Remasking(OneEvaluation[Categorical]):
    """Ancestral sampling of masks that takes some of its words back.

    Arguments:
        eta: how much is masked again; 0 is ancestral sampling.
        strategy: ``rescale``, a share ``eta`` of the most that the marginals allow; or ``cap``, a share ``eta`` of all
            that is shown, at every step, as far as they allow (Wang et al. 2025, section 4).
        temperature: of the belief; 1 leaves it as it is.
        interval: the times between which it remasks, from low to high; outside it is ancestral.
    """

    eta: float = 0.1
    strategy: Literal["rescale", "cap"] = "rescale"
    temperature: float = 1.0
    interval: tuple[float, float] = (0.0, 1.0)
    needs = ABSORBING

    def __post_init__(self) -> None:
        require_temperature(self.temperature)
        if not 0.0 <= self.eta <= 1.0:
            raise RecipeError("is out of range", field="eta", expected="between 0 and 1", got=self.eta)
        if self.strategy not in ("rescale", "cap"):
            raise RecipeError("is unknown", field="strategy", expected="rescale or cap", got=repr(self.strategy))
        if not 0.0 <= self.interval[0] <= self.interval[1] <= 1.0:
            raise RecipeError("is no interval", field="interval", expected="0 <= low <= high <= 1", got=self.interval)

    def advance(self, process: Categorical, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        alpha_t, noise_t = float(process.alpha(now.t)), float(process.noise(now.t))
        alpha_s = float(process.alpha(s))
        again = self._again(now.t, alpha_t, alpha_s)
        shown = (alpha_s - (1.0 - again) * alpha_t) / noise_t

        def rule(x: Tensor, p: Tensor) -> Tensor:
            mask = stationary_like(process.kernel, x)
            move = torch.where(x[..., -1:] == 1.0, shown, 1.0 - again)
            return move * p + (1.0 - move) * mask

        mean = tempered(process, posterior.mean, self.temperature)
        outcomes = map_fields(rule, process.outcomes(now.x), process.belief(now.x, mean))
        return process.draw(outcomes, rng.at("remask"))

    def _again(self, t: float, alpha_t: float, alpha_s: float) -> float:
        """σ, the probability with which a shown entry is masked."""
        if not self.interval[0] <= t <= self.interval[1]:
            return 0.0
        most = min(1.0, (1.0 - alpha_s) / alpha_t)
        return self.eta * most if self.strategy == "rescale" else min(self.eta, most)
