r"""Diffusion posterior sampling (Chung et al. 2023, DPS).

The paper descends the norm of the residual, :math:`-ζ ∇_{x_t} \|y - A(\hat x)\|`, once a step: a step length that
depends on how many steps there are. Here the same gradient is scaled as a likelihood is, by the residual expected of
data N(0, I),

.. math:: ∇_{x_t} \log p(y | x_t) \approx -ζ\, \frac{\sqrt m}{\sqrt{s^2 + r_t^2}}\, ∇_{x_t} \|y - A(\hat x)\|,
          \qquad w = ζ\, \frac{\sqrt m}{\sqrt{s^2 + r_t^2}}\, \frac{y - A(\hat x)}{\|y - A(\hat x)\|},

with m the count of numbers measured and :math:`r_t^2 = σ_t^2/(α_t^2 + σ_t^2)`. No system is solved.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from suffuse.errors import RecipeError
from suffuse.inverse.belief import Belief
from suffuse.inverse.likelihood import Likelihood, spread
from suffuse.inverse.solve import inner
from suffuse.inverse.tangent import Tangent
from suffuse.numerics import sqrt
from suffuse.posterior import Time
from suffuse.state import State, combine, map_fields


@dataclass(frozen=True, eq=False)
class DPS(Likelihood):
    """Guidance by the norm of the residual; arguments as of :class:`~suffuse.inverse.likelihood.Likelihood`, and

    Arguments:
        strength: ζ.
    """

    strength: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.strength > 0.0:
            raise RecipeError("must be positive", field="dps.strength", expected="> 0", got=self.strength)

    def weigh(self, residual: State, local: Tangent, belief: Belief, t: Time) -> State:
        square = inner(residual, residual)
        measured = map_fields(lambda r: (r != 0.0).to(r.dtype), residual)  # what a mask left out differs by nothing
        count = inner(measured, measured)
        expected = sqrt(self.noise**2 + spread(self.process.schedule, t) ** 2)
        length = (count / square.clamp_min(torch.finfo(torch.float64).tiny)).sqrt()
        return combine((self.strength / expected * length, residual))
