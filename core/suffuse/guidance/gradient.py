r"""Guidance by the gradient of a log-likelihood log p(y | …), which any differentiable function may be.

By Bayes' rule :math:`p(x_0 | x_t, y) \propto p(x_0 | x_t)\, p(y | x_0)`. With the log-likelihood replaced by its
tangent at the belief, this is the belief tilted by the slope g (:func:`suffuse.guidance.beliefs.tilt`). For a Gaussian
field that is Tweedie's formula,

.. math:: \hat x_0^y = \hat x_0 + \tfrac{σ^2}{α} \nabla_{x_t} \log p(y | x_t),

with :math:`\log p(y | x_t) ≈ \log p(y | \hat x_0(x_t))` in :class:`Gradient` (Chung et al. 2023, DPS, and many before);
it is exact where the log-likelihood is that of the noisy state, as of the noisy classifier in :class:`Classifier`
(Dhariwal & Nichol 2021). For a categorical field it is the first-order Taylor expansion over the classes of an entry,
:math:`p(k) \propto \hat x_0[k] \exp(g_k)` (Vignac et al. 2023, DiGress, section 5; Nisonoff et al. 2024, TAG), exact
where the log-likelihood is linear in the one-hot vectors.

Where α = 0 nothing is known of the state and a Gaussian field is left alone; near it σ²/α multiplies every error of the
network's derivative, and :class:`~suffuse.guidance.Within` an interval such as (0, 20) is steadier.

Called where gradients are recorded, both can be differentiated through, and so be guided by further gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.conditions import Condition, Conditions
from suffuse.errors import UnsupportedError
from suffuse.guidance.beliefs import is_categorical, tilt
from suffuse.guidance.checks import require_finite
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Process
from suffuse.state import State, fields, map_all, refill

LogLikelihood = Callable[[State, Conditions], Tensor]
"""``(x₀, conditions) -> [batch]``: log p(y | x₀), in nats, up to a constant; differentiable."""

NoisyLogLikelihood = Callable[[State, Time, Conditions], Tensor]
"""``(x_t, t, conditions) -> [batch]``: log p(y | x_t), in nats, up to a constant; differentiable."""


@dataclass(frozen=True)
class Gradient:
    """Guidance by what is wanted of the clean state: a classifier, a regressor, a rule, applied to the belief's mean.

    One evaluation, and a backward pass through it if any field is Gaussian. The gradient does not pass through
    categorical fields of x_t.

    Arguments:
        denoiser: differentiable by x_t where a field is Gaussian.
        process: tells which fields are categorical.
        log_likelihood: ``(x₀, conditions) -> [batch]``. A categorical field comes as probabilities.
        scale: a factor of the log-likelihood; 0 is off.
    """

    denoiser: Denoiser
    process: Process
    log_likelihood: LogLikelihood
    scale: float = 1.0

    def __post_init__(self) -> None:
        require_finite("guidance.scale", self.scale, "a number; 0 is off")

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        if self.scale == 0.0:
            return self.denoiser(x_t, t, conditions)
        recorded = torch.is_grad_enabled()
        with torch.inference_mode(False), torch.enable_grad():
            x, t, conditions = _own(x_t), _own_time(t), _own_conditions(conditions)
            x = _each(x, lambda name, value: value if self._discrete(name) else value.requires_grad_())
            belief = self.denoiser(x, t, conditions)
            mean = _each(belief.mean, lambda name, value: _reached(value) if self._discrete(name) else value)
            sources = {**dict(fields(x)), **{name: value for name, value in fields(mean) if self._discrete(name)}}
            slope = _slope(self.log_likelihood(mean, conditions), sources, mean, recorded)
        anchor = belief.anchor
        if not recorded:
            mean, anchor = map_all(Tensor.detach, mean), None if anchor is None else map_all(Tensor.detach, anchor)
        return Posterior(tilt(self.process, mean, t, slope, self.scale), anchor)

    def _discrete(self, name: str) -> bool:
        return is_categorical(self.process, name)


@dataclass(frozen=True)
class Classifier:
    """Guidance by a classifier or regressor of noisy states; no backward pass through the denoiser.

    Arguments:
        denoiser: the belief.
        process: tells which fields are categorical.
        log_likelihood: ``(x_t, t, conditions) -> [batch]``.
        scale: a factor of the log-likelihood; 0 is off, 1 exact where the log-likelihood is.
    """

    denoiser: Denoiser
    process: Process
    log_likelihood: NoisyLogLikelihood
    scale: float = 1.0

    def __post_init__(self) -> None:
        require_finite("guidance.scale", self.scale, "a number; 0 is off")

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        belief = self.denoiser(x_t, t, conditions)
        if self.scale == 0.0:
            return belief
        recorded = torch.is_grad_enabled()
        with torch.inference_mode(False), torch.enable_grad():
            x, t, conditions = _own(x_t), _own_time(t), _own_conditions(conditions)
            x = _each(x, lambda name, value: value.requires_grad_())
            slope = _slope(self.log_likelihood(x, t, conditions), dict(fields(x)), x, recorded)
        return Posterior(tilt(self.process, belief.mean, t, slope, self.scale), belief.anchor)


def _slope(log_likelihood: Tensor, sources: Mapping[str, Tensor], like: State, recorded: bool) -> State:
    """The derivative of each sample's log-likelihood by the sources, as a state; ``recorded``: differentiable again."""
    count = next(iter(sources.values())).shape[0]
    if log_likelihood.shape != (count,) or not log_likelihood.requires_grad:
        raise UnsupportedError(
            "gives nothing that can be differentiated", field="log_likelihood",
            expected=f"a tensor [{count}], made from its first argument by torch's operations",
            got=f"{list(log_likelihood.shape)}, {'with' if log_likelihood.requires_grad else 'without'} a gradient",
        )  # fmt: skip
    slopes = torch.autograd.grad(
        log_likelihood.sum(), list(sources.values()), create_graph=recorded, allow_unused=True, materialize_grads=True
    )
    return refill(like, dict(zip(sources, slopes, strict=True)))


def _each(state: State, fn: Callable[[str, Tensor], Tensor]) -> State:
    """Apply ``fn`` to every field by name, and to nothing else."""
    return refill(state, {name: fn(name, value) for name, value in fields(state)})


def _reached(value: Tensor) -> Tensor:
    """A tensor that can be differentiated by, even if no gradient flows beyond it."""
    return value if value.requires_grad else value.detach().clone().requires_grad_()


def _own(state: State) -> State:
    """The state as autograd can follow it: a copy, outside of inference mode, unless it is followed already."""
    return map_all(lambda value: value if value.requires_grad else value.clone(), state)


def _own_time(t: Time) -> Time:
    return t.clone() if isinstance(t, Tensor) else t


def _own_conditions(conditions: Conditions) -> dict[str, Condition]:
    return {name: condition.map(Tensor.clone) for name, condition in conditions.items()}
