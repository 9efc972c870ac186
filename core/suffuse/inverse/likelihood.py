r"""Guidance by the likelihood of a measurement.

With y = A(x₀) + s·z, the belief given both x_t and y is, by the score of p(x_t | y),

.. math:: E[x_0 | x_t, y] = \hat x + \frac{σ_t^2}{α_t} ∇_{x_t} \log p(y | x_t)
          \approx \hat x + V A^\top w, \qquad V = \mathrm{Cov}[x_0 | x_t],

where w weights the residual :math:`r = y - A(\hat x)`. Were p(x₀ | x_t) the Gaussian N(x̂, V), then
:math:`w = (s^2 + A V A^\top)^{-1} r` would be right. The methods differ in what they put in place of this inverse.

A nonlinear A is replaced by its tangent at x̂. Fields whose noise is not Gaussian are left as the denoiser has them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import DomainInputError
from suffuse.inverse.belief import EARLIEST, Belief, believe, differentiable, gaussian_schedules
from suffuse.inverse.tangent import Tangent, tangent
from suffuse.numerics import clamp, sqrt
from suffuse.operators import Operator
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Process, Schedule
from suffuse.state import State, combine, fields, refill


@dataclass(frozen=True, eq=False)
class Likelihood(ABC):
    """A denoiser that knows a measurement.

    Arguments:
        denoiser: the belief without it, differentiable in x_t.
        process: under which it is asked.
        operator: what was measured.
        measurement: y, of each sample of the batch.
        noise: s, the standard deviation of the measurement's noise.
    """

    denoiser: Denoiser
    process: Process
    operator: Operator
    measurement: State
    noise: float = 0.0

    def __post_init__(self) -> None:
        require_noise(self.noise)

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        t = clamp(t, EARLIEST, 1.0)
        with differentiable():
            belief = believe(self.denoiser, self.process, x_t, t, conditions)
            with torch.no_grad():
                local = tangent(self.operator.given(self.measurement, self.noise), belief.posterior.mean)
                residual = residual_of(self.process, self.measurement, local.value)
                weighted = self.weigh(residual, local, belief, t)
                return shifted(belief.posterior, belief.covariance(local.pull(weighted)))

    @abstractmethod
    def weigh(self, residual: State, local: Tangent, belief: Belief, t: Time) -> State:
        """w, shaped like the measurement.

        Arguments:
            residual: r, 0 on fields whose noise is not Gaussian.
            local: A near x̂.
            belief: x̂ and V.
            t: the time.
        """


def residual_of(process: Process, measurement: State, value: State) -> State:
    """y - A(x̂), 0 on fields whose noise is not Gaussian."""
    residual = combine((1.0, measurement), (-1.0, value))
    if isinstance(residual, Tensor):
        return residual
    smooth = gaussian_schedules(process, residual)
    return refill(residual, {name: v if name in smooth else torch.zeros_like(v) for name, v in fields(residual)})


def spread(schedule: Schedule, t: Time) -> Time:
    """The deviation of x₀ given x_t, if the data were N(0, 1): σ/√(α² + σ²) (Song et al. 2023, section 3.2)."""
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    return sigma / sqrt(alpha * alpha + sigma * sigma)


def shifted(posterior: Posterior, shift: State) -> Posterior:
    """The belief moved, and the direction of its noise with it."""
    anchor = None if posterior.anchor is None else combine((1.0, posterior.anchor), (1.0, shift))
    return Posterior(combine((1.0, posterior.mean), (1.0, shift)), anchor)


def require_noise(noise: float) -> None:
    """The deviation of a measurement's noise is a number and not negative."""
    if not (math.isfinite(noise) and noise >= 0.0):
        raise DomainInputError("is not the deviation of noise", field="noise", expected=">= 0", got=noise)
