r"""Moment-matching posterior sampling (Rozet et al. 2024, "Learning Diffusion Priors from Observations by EM", sec. 4).

.. math:: w = (s^2 I + A V A^\top)^{-1} (y - A(\hat x)), \qquad V = \frac{σ_t^2}{α_t} \frac{∂ \hat x}{∂ x_t},

the inverse that is right for Gaussian data, by GMRES: each iteration multiplies with V by one backward pass of the
denoiser. As many iterations as y has numbers are exact where V is; few do in practice. (A network's derivative is not
quite symmetric, and conjugate gradients, which need that it is, become unstable after three or four.)
"""

from __future__ import annotations

from dataclasses import dataclass

from suffuse.errors import RecipeError
from suffuse.inverse.belief import Belief
from suffuse.inverse.likelihood import Likelihood
from suffuse.inverse.solve import gmres
from suffuse.inverse.tangent import Tangent
from suffuse.posterior import Time
from suffuse.state import State, combine


@dataclass(frozen=True, eq=False)
class MMPS(Likelihood):
    """Guidance with the belief's own covariance; arguments as of :class:`~suffuse.inverse.likelihood.Likelihood`, and

    Arguments:
        iterations: of GMRES.
    """

    iterations: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        require_iterations(self.iterations, "mmps")

    def weigh(self, residual: State, local: Tangent, belief: Belief, t: Time) -> State:
        def predicted(w: State) -> State:  # the covariance of y given x_t
            return combine((self.noise**2, w), (1.0, local.push(belief.covariance(local.pull(w)))))

        return gmres(predicted, residual, self.iterations)


def require_iterations(iterations: int, method: str) -> None:
    """At least one."""
    if iterations < 1:
        raise RecipeError("must be at least 1", field=f"{method}.iterations", expected=">= 1", got=iterations)
