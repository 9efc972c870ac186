r"""A belief whose covariance is known too.

By Tweedie's formula for the second moment (Efron 2011; Meng et al. 2021), with x̂(x_t) = E[x₀ | x_t],

.. math:: \mathrm{Cov}[x_0 | x_t] = \frac{σ_t^2}{α_t} \frac{∂ \hat x}{∂ x_t},

which one backward pass of the denoiser multiplies with a vector. Where noise drowns the signal, α → 0, and the
derivative with it; there the belief is formed at the noise level :data:`MOST_NOISE`, on the state shrunk to it, which
says as little of x₀.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.inverse.solve import Linear
from suffuse.numerics import clamp
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Gaussian, Process, Product, Schedule, time_of_ratio
from suffuse.sampling.needs import Need
from suffuse.state import State, fields, over_batch, refill

MOST_NOISE = 100.0
"""The noise level σ/α beyond which nothing is believed that was not believed there."""

EARLIEST = 1e-9
"""A time before which the state is clean, and its noise too little to divide by."""


@dataclass(frozen=True)
class Belief:
    """What a denoiser believes of x₀, and how sure it is. Valid within :func:`differentiable`.

    Arguments:
        posterior: the belief.
        covariance: Cov[x₀ | x_t] times a vector, on the fields of Gaussian noise; 0 on others.
    """

    posterior: Posterior
    covariance: Linear


@contextmanager
def differentiable() -> Iterator[None]:
    """Derivatives can be taken here, though samplers run without."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def gaussian_schedules(process: Process, state: State) -> dict[str, Schedule]:
    """The schedule of every field of a state whose noise is Gaussian, by the field's name."""
    members = {name: process.fields[name] if isinstance(process, Product) else process for name, _ in fields(state)}
    return {name: member.schedule for name, member in members.items() if isinstance(member, Gaussian)}


def _has_gaussian(process: Process) -> bool:
    members = process.fields.values() if isinstance(process, Product) else [process]
    return any(isinstance(member, Gaussian) for member in members)


SMOOTH: Need[Process] = Need("a field of Gaussian noise", _has_gaussian, "use the method repaint")


def believe(denoiser: Denoiser, process: Process, x_t: State, t: Time, conditions: Conditions) -> Belief:
    """The belief at a time, :data:`EARLIEST` or later, with its covariance. Call within :func:`differentiable`.

    Raises:
        UnsupportedError: no field's noise is Gaussian.
    """
    clocks = gaussian_schedules(SMOOTH.of(process, "a method of derivatives"), x_t)
    u = clamp(t, 0.0, min(time_of_ratio(schedule, MOST_NOISE) for schedule in clocks.values()))
    entries = {name: value.detach().clone() for name, value in fields(x_t)}
    for name, schedule in clocks.items():
        entries[name] = _scaled(schedule.sigma(u) / schedule.sigma(t), entries[name]).requires_grad_()
    posterior = denoiser(refill(x_t, entries), u, conditions)
    means = dict(fields(posterior.mean))

    def covariance(v: State) -> State:
        weights = dict(fields(v))
        pulled = torch.autograd.grad(
            [means[name] for name in clocks], [entries[name] for name in clocks], [weights[name] for name in clocks],
            retain_graph=True, materialize_grads=True,
        )  # fmt: skip
        found = {name: torch.zeros_like(value) for name, value in entries.items()}
        for (name, schedule), gradient in zip(clocks.items(), pulled, strict=True):
            found[name] = _scaled(schedule.sigma(u) * (schedule.sigma(u) / schedule.alpha(u)), gradient)
        return refill(x_t, found)

    anchor = None if posterior.anchor is None else _detached(posterior.anchor)
    return Belief(Posterior(_detached(posterior.mean), anchor), covariance)


def _scaled(coefficient: float | Tensor, value: Tensor) -> Tensor:
    return value * (over_batch(coefficient, value) if isinstance(coefficient, Tensor) else coefficient)


def _detached(state: State) -> State:
    return refill(state, {name: value.detach() for name, value in fields(state)})
