r"""What linear multistep rules share: weights for unequal steps, and steps that touch every state once.

A rule of order p draws a polynomial through the last p values f_j of what it integrates, at the nodes r_j, and
integrates that against a weight w with the moments :math:`μ_k = \int w(θ)\, θ^k dθ`. The result is
:math:`\sum_j ω_j f_j`, where the ω_j do to every power below p what the integral does:

.. math:: \sum_j ω_j r_j^k = μ_k, \qquad k = 0, \dots, p-1.

Coefficients are Python floats. A step is then one linear combination of states, in which x̂ stands for itself and
:math:`\hat ε = (x - α \hat x)/σ` for two terms.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

from suffuse.errors import RecipeError
from suffuse.numerics import expm1
from suffuse.posterior import Posterior
from suffuse.process import Gaussian, log_snr
from suffuse.sampling.loop import Past, Step
from suffuse.state import State, combine

Term = tuple[float, State]
"""A coefficient and what it multiplies."""

Weighted = Sequence[tuple[float, Posterior]]
"""Beliefs with weights that add up to 1."""


def weights(nodes: Sequence[float], moments: Sequence[float]) -> list[float]:
    """The ω that solve Σⱼ ωⱼ rⱼᵏ = μₖ for k = 0 … len(nodes) - 1 (Björck & Pereyra 1970).

    Arguments:
        nodes: r, all different.
        moments: μ, at least as many.
    """
    count = len(nodes)
    solved = list(moments[:count])
    for k in range(count - 1):
        for i in range(count - 1, k, -1):
            solved[i] -= nodes[k] * solved[i - 1]
    for k in range(count - 2, -1, -1):
        for i in range(k + 1, count):
            solved[i] /= nodes[i] - nodes[i - k - 1]
        for i in range(k, count - 1):
            solved[i] -= solved[i + 1]
    return solved


def power_moments(count: int) -> list[float]:
    """The moments of the even weight on [0, 1]: 1/(k + 1)."""
    return [1.0 / (k + 1) for k in range(count)]


def exponential_moments(z: float, count: int) -> list[float]:
    r"""The moments of the weight :math:`e^{zθ}` on [0, 1], over its integral.

    They are :math:`k!\,φ_{k+1}(-z)/φ_1(-z)` in the φ-functions of exponential integrators (Hochbruck & Ostermann 2010).

    Arguments:
        z: any finite number.
        count: how many.
    """
    if abs(z) < 1.0:
        found = [_last_moment(z, count - 1)]
        for k in range(count - 1, 0, -1):
            found.append((1.0 - z * found[-1]) / k)
        found.reverse()
    else:
        found = [-expm1(-z) / z]
        for k in range(1, count):
            found.append((1.0 - k * found[-1]) / z)
    return [m / found[0] for m in found]


def _last_moment(z: float, k: int) -> float:
    r""":math:`\int_0^1 e^{-z(1-θ)} θ^k dθ = \sum_i (-z)^i k!/(k+1+i)!` for small z."""
    term = total = 1.0 / (k + 1)
    for i in range(2, 20):
        term *= -z / (k + i)
        total += term
    return total


def within(order: int, highest: int) -> None:
    """Check an order.

    Raises:
        RecipeError: it is not one of 1 … ``highest``.
    """
    if not isinstance(order, int) or order not in range(1, highest + 1):
        raise RecipeError("is out of range", field="order", expected=f"a whole number, 1 to {highest}", got=order)


def half_log_snr(process: Gaussian, t: float) -> float:
    """λ = log(α/σ), the time of exponential integrators; -∞ in pure noise, ∞ at σ = 0."""
    return 0.5 * log_snr(process.schedule, t)


def usable(past: Iterable[Past], coordinate: Callable[[float], float]) -> list[tuple[float, Past]]:
    """The newest part of the past with its coordinates, as far as these are finite."""
    placed = ((coordinate(one.t), one) for one in past)
    return list(itertools.takewhile(lambda one: math.isfinite(one[0]), placed))


def drift(process: Gaussian, x: State, t: float, posterior: Posterior, clean: float, noise: float) -> tuple[Term, ...]:
    """``clean·x̂ + noise·ε̂``, with the noise ε̂ that a state and the belief about it imply."""
    c = noise / process.schedule.sigma(t)
    return (c, x), *believed(posterior, clean, -c * process.schedule.alpha(t))


def believed(posterior: Posterior, clean: float, direction: float) -> tuple[Term, ...]:
    """Multiples of the data's mean and of the mean that the noise is measured from; one term where these are one."""
    if posterior.anchor is None:
        return ((clean + direction, posterior.mean),)
    return (clean, posterior.mean), (direction, posterior.anchor)


def mix_noise(
    process: Gaussian, now: Step, posterior: Posterior, s: float, shares: Sequence[tuple[float, Past]]
) -> list[Term]:
    """The process's own step α_s x̂ + σ_s ε̂, with α_s (ρ_s - ρ_t) ω (ε̂' - ε̂) added for each earlier noise ε̂', ρ = σ/α.

    Arguments:
        shares: ω of each earlier noise; none where α_t = 0.
    """
    schedule = process.schedule
    alpha_s, sigma_s = schedule.alpha(s), schedule.sigma(s)
    reach = sigma_s - alpha_s * schedule.sigma(now.t) / schedule.alpha(now.t) if shares else 0.0
    own = sigma_s - reach * sum(share for share, _ in shares)
    terms = [*drift(process, now.x, now.t, posterior, alpha_s, own)]
    for share, one in shares:
        terms += drift(process, one.x, one.t, one.posterior, 0.0, reach * share)
    return terms


def carry(
    process: Gaussian, x: State, t: float, s: float, beliefs: Weighted, carried: float | None = None
) -> list[Term]:
    """The process's own step from t to s on a weighted mean of beliefs: α_s x̂ + c ε̂. The first term is the state's.

    Arguments:
        carried: c; σ_s unless given.
    """
    alpha_t, alpha_s = process.schedule.alpha(t), process.schedule.alpha(s)
    c = (process.schedule.sigma(s) if carried is None else carried) / process.schedule.sigma(t)
    terms: list[Term] = [(c, x)]
    for w, belief in beliefs:
        terms += believed(belief, alpha_s * w, -alpha_t * c * w)
    return terms


def total(*terms: Term) -> State:
    """The linear combination of terms, in which a state may occur more than once."""
    coefficients: dict[int, float] = {}
    states: dict[int, State] = {}
    for c, x in terms:
        coefficients[id(x)] = coefficients.get(id(x), 0.0) + c
        states[id(x)] = x
    return combine(*((c, states[key]) for key, c in coefficients.items()))
