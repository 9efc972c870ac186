r"""Plug-and-play restoration (Zhu et al. 2023, DiffPIR, algorithm 1; at s = 0 that of Wang et al. 2023, DDNM).

The belief is moved to the state that balances the measurement with it,

.. math:: \hat x' = \arg\min_x \|y - A x\|^2 + ρ_t \|x - \hat x\|^2, \qquad ρ_t = λ s^2 \frac{α_t^2}{σ_t^2}
          \;\Rightarrow\; \hat x' = \hat x + A^\top (A A^\top + ρ_t I)^{-1} (y - A(\hat x)).

No derivative of the denoiser is needed: a step costs one evaluation, as without a measurement. A nonlinear A is
replaced by its tangent at x̂. Fields whose noise is not Gaussian are left as the denoiser has them.
"""

from __future__ import annotations

from dataclasses import dataclass

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.inverse.belief import SMOOTH
from suffuse.inverse.likelihood import require_noise, residual_of, shifted
from suffuse.inverse.mmps import require_iterations
from suffuse.inverse.solve import conjugate_gradients
from suffuse.inverse.tangent import tangent
from suffuse.operators import Operator
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Process
from suffuse.state import State, combine


@dataclass(frozen=True, eq=False)
class DiffPIR:
    """A denoiser that knows a measurement, by a proximal step.

    Arguments:
        denoiser: the belief without it.
        process: under which it is asked.
        operator: what was measured.
        measurement: y, of each sample of the batch.
        noise: s, the standard deviation of the measurement's noise.
        strength: λ, how much the belief counts against a noisy measurement.
        iterations: of conjugate gradients, on the operator alone.
    """

    denoiser: Denoiser
    process: Process
    operator: Operator
    measurement: State
    noise: float = 0.0
    strength: float = 1.0
    iterations: int = 10

    def __post_init__(self) -> None:
        require_noise(self.noise)
        require_iterations(self.iterations, "diffpir")
        if not self.strength > 0.0:
            raise RecipeError("must be positive", field="diffpir.strength", expected="> 0", got=self.strength)

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        schedule = SMOOTH.of(self.process, self).schedule
        posterior = self.denoiser(x_t, t, conditions)
        variance = schedule.sigma(t) ** 2
        penalty = self.strength * self.noise**2 * schedule.alpha(t) ** 2
        local = tangent(self.operator.given(self.measurement, self.noise), posterior.mean)

        def system(w: State) -> State:  # times σ², so that it is finite at both ends
            return combine((penalty, w), (variance, local.push(local.pull(w))))

        residual = combine((variance, residual_of(self.process, self.measurement, local.value)))
        return shifted(posterior, local.pull(conjugate_gradients(system, residual, self.iterations)))
