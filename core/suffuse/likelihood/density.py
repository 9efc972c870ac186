r"""The likelihood of a state, by the change of variables along the probability flow (Song et al. 2021, eq. 39).

The flow of :mod:`suffuse.likelihood.flow` carries the density along, so that with d real entries

.. math:: \log p(x_0) = \log p_1(x_1) + d \log c(1) + \int_{u_r}^{u_1} \frac{d - \mathrm{div}_y\, \hat x_0}{u}\, du
          + d \log(1 - u_r) + \tfrac{1}{2} (d - \mathrm{div}_{\tilde x}\, \hat x_0),

the last two terms being those of the first stretch, from the data to the noise level r = σ/α where the ODE begins. Its
rule is exact but for O(r⁴): what is given is the density of the data themselves, not of data with noise of level r.

**Where data are discrete** (8-bit pixels, counts, repeated rows) they have no density: the better the model, the higher
this number, without bound, as r falls. Compare it at one ``level`` only.

**The prior.** Where α(1) = 0, x₁ is N(0, σ(1)²) exactly. Otherwise something of the data is left in it, and its density
is taken to be :math:`\mathcal N(0, σ(1)^2 + α(1)^2 v)`, with v the data's variance, 1 where a codec standardizes: mean
and variance are right, what else the data have is neglected. With v = 0 it is the density of what is *generated* from
:meth:`~suffuse.process.Process.prior`. With ρ = α(1)/σ(1), which is 0.007 under VP-linear, 0.0125 under EDM and 0.02
under VE, a single sample is wrong by about d ρ² at most, and the mean over data by far less. Whoever knows p₁ can give
it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError, nearest
from suffuse.likelihood.divergence import rademacher, with_divergence
from suffuse.likelihood.flow import LEVEL, Flow, gaussian
from suffuse.likelihood.normal import entries, log_normal, standard_error
from suffuse.posterior import Denoiser, Time
from suffuse.process import Process
from suffuse.rng import Rng
from suffuse.sampling.integrate import dormand_prince, runge_kutta4
from suffuse.sampling.loop import NO_CONDITIONS
from suffuse.state import State, combine

Y = TypeVar("Y", bound=State | tuple[State, ...])
Divergence = Literal["auto", "exact", "hutchinson"]

MOST_EXACT = 64
"""The most entries of a sample for which the divergence is exact by itself."""


class Solver(Protocol):
    """How the flow is integrated from data to noise."""

    def integrate(self, f: Callable[[Time, Y], Y], y: Y, flow: Flow) -> tuple[Y, int]:
        """y at the end of the flow, and how often f was called."""
        ...


@dataclass(frozen=True)
class Adaptive:
    """Dormand-Prince, each sample with steps of its own, so that it gets the same number alone and in any batch.

    Arguments:
        rtol, atol: the tolerance of one step.
    """

    rtol: float = 1e-5
    atol: float = 1e-5

    def integrate(self, f: Callable[[Time, Y], Y], y: Y, flow: Flow) -> tuple[Y, int]:
        return dormand_prince(f, y, flow.first, flow.last, self.rtol, self.atol)


@dataclass(frozen=True)
class Fixed:
    """Runge and Kutta's rule of order 4, four evaluations a step: the cost is known beforehand.

    Arguments:
        steps: from data to noise.
    """

    steps: int = 20

    def integrate(self, f: Callable[[Time, Y], Y], y: Y, flow: Flow) -> tuple[Y, int]:
        return runge_kutta4(f, y, flow.graded(self.steps)), 4 * self.steps


@dataclass(frozen=True)
class LogProb:
    """The log-density of states.

    Arguments:
        nats: log p(x₀), the sum over a sample's real entries: float64 ``[batch]``.
        prior: log p₁ of the noise that the states were carried to, float64 ``[batch]``.
        divergence: what is added to it, float64 ``[batch, probes]``; ``nats`` has the mean over probes.
        entries: how many real entries each sample has, float64 ``[batch]``.
        evaluations: of the denoiser.
        code: the states at t = 1, from which the flow leads back.
    """

    nats: Tensor
    prior: Tensor
    divergence: Tensor
    entries: Tensor
    evaluations: int
    code: State

    @property
    def error(self) -> Tensor:
        """The standard error of ``nats`` that is due to the probes ``[batch]``; NaN with one probe, or exactly."""
        return standard_error(self.divergence)


def log_prob(
    denoiser: Denoiser,
    process: Process,
    x: State,
    *,
    rng: Rng,
    conditions: Conditions = NO_CONDITIONS,
    divergence: Divergence = "auto",
    probes: int = 1,
    solver: Solver | None = None,
    level: float = LEVEL,
    variance: float = 1.0,
    prior: Callable[[State], Tensor] | None = None,
) -> LogProb:
    """The log-density of clean states under a model, in nats, summed over each sample's real entries.

    Arguments:
        denoiser: the belief.
        process: Gaussian, or a product of Gaussians under one schedule.
        x: clean states.
        rng: one stream for each sample; only the probes are drawn from it.
        conditions: handed to the denoiser.
        divergence: ``exact`` (a backward pass for each entry of a sample), ``hutchinson`` (one for each probe: an
            unbiased estimate), or ``auto``: exact up to 64 entries.
        probes: of Hutchinson's estimate, the same along the whole of a sample's trajectory, so that the integrand is
            smooth.
        solver: :class:`Adaptive` by default.
        level: the noise level σ/α at which the ODE begins.
        variance: of the data, for the prior.
        prior: log p₁ of states at t = 1, ``[batch]``, in place of the normal distribution.

    Raises:
        UnsupportedError: the process is not Gaussian.
        RecipeError: an option is wrong.
    """
    flow = Flow(denoiser, gaussian(process, "log_prob").schedule, conditions, level)
    drawn = _probes(divergence, probes, x, rng)
    count = entries(x)
    solver = Adaptive() if solver is None else solver

    def slope(u: Time, y: tuple[State, ...]) -> tuple[State, ...]:
        belief, trace = with_divergence(lambda z: flow.belief(z, u), y[0], drawn)
        grown = (count[:, None] - trace) / (u.to(trace.device)[:, None] if isinstance(u, Tensor) else u)
        return combine((1.0 / u, y[0]), (-1.0 / u, belief)), grown

    kept = 1.0 - flow.first
    belief, trace = with_divergence(flow.near, x, drawn)
    start = 0.5 * (count[:, None] - trace) + count[:, None] * math.log(kept)
    departed: tuple[State, ...] = (combine((1.5 * kept, x), (-0.5 * kept, belief)), start)
    (y, grown), evaluations = solver.integrate(slope, departed, flow)
    assert isinstance(grown, Tensor)
    scale = flow.path.scale(1.0)
    code, added = combine((scale, y)), grown + count[:, None] * math.log(scale)
    spread = flow.schedule.sigma(1.0) ** 2 + flow.schedule.alpha(1.0) ** 2 * variance
    noise = log_normal(code, spread) if prior is None else prior(code).double()
    return LogProb(noise + added.mean(1), noise, added, count, evaluations + 1, code)


def _probes(divergence: str, probes: int, x: State, rng: Rng) -> Sequence[State] | None:
    known = ("auto", "exact", "hutchinson")
    if divergence not in known:
        guess = nearest(divergence, known)
        raise RecipeError(
            "is unknown", field="divergence", expected=f"one of {', '.join(known)}", got=repr(divergence),
            fix=f"did you mean {guess!r}?" if guess else None,
        )  # fmt: skip
    if probes < 1:
        raise RecipeError("must be at least 1", field="probes", expected=">= 1", got=probes)
    if divergence == "exact" or (divergence == "auto" and float(entries(x).max()) <= MOST_EXACT):
        return None
    return [rademacher(x, rng.at("probe", i)) for i in range(probes)]
