r"""Pseudoinverse-guided diffusion (Song, Vahdat, Mardani & Kautz 2023, ΠGDM, eq. 7).

.. math:: w = (s^2 I + r_t^2 A A^\top)^{-1} (y - A(\hat x)), \qquad r_t^2 = \frac{σ_t^2}{α_t^2 + σ_t^2}:

the covariance of x₀ given x_t is taken for that of data N(0, I), whose entries know nothing of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from suffuse.inverse.belief import Belief
from suffuse.inverse.likelihood import Likelihood, spread
from suffuse.inverse.mmps import require_iterations
from suffuse.inverse.solve import conjugate_gradients
from suffuse.inverse.tangent import Tangent
from suffuse.posterior import Time
from suffuse.state import State, combine


@dataclass(frozen=True, eq=False)
class PiGDM(Likelihood):
    """Guidance with one deviation for all entries; arguments as of :class:`~suffuse.inverse.likelihood.Likelihood`, and

    Arguments:
        iterations: of conjugate gradients, on the operator alone.
    """

    iterations: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        require_iterations(self.iterations, "pigdm")

    def weigh(self, residual: State, local: Tangent, belief: Belief, t: Time) -> State:
        variance = spread(self.process.schedule, t) ** 2

        def predicted(w: State) -> State:
            return combine((self.noise**2, w), (variance, local.push(local.pull(w))))

        return conjugate_gradients(predicted, residual, self.iterations)
