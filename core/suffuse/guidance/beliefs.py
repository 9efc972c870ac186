r"""Beliefs combined and tilted: the two things that guidance does to p(x₀ | x_t).

Both act on the logarithm of the belief, which for a Gaussian field is told by its mean, and for a categorical one by
the log-probabilities of its classes. So a formula of guidance is linear in the means of the one and in the
log-probabilities of the other, and a :class:`~suffuse.process.Product` takes each field in its own way.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from suffuse.errors import UnsupportedError
from suffuse.posterior import Posterior, Time
from suffuse.process import Gaussian, Process, Product, Schedule
from suffuse.process.categorical import Categorical
from suffuse.state import State, combine, map_fields, merge, only


def combine_beliefs(process: Process, *terms: tuple[float, Posterior]) -> Posterior:
    r"""The belief :math:`p \propto \prod_i p_i^{w_i}` (a logarithmic opinion pool); the weights should add up to 1.

    Arguments:
        process: tells which fields are categorical.
        terms: weights, which may be negative, and beliefs. Those of weight 0 are left out.
    """
    kept = [(w, p) for w, p in terms if w != 0.0] or list(terms[:1])
    if len(kept) == 1 and kept[0][0] == 1.0:
        return kept[0][1]
    mean = combine_means(process, *((w, p.mean) for w, p in kept))
    if all(p.anchor is None for _, p in kept):
        return Posterior(mean)
    return Posterior(mean, combine_means(process, *((w, p.noise_mean) for w, p in kept)))


def combine_means(process: Process, *terms: tuple[float, State]) -> State:
    """The mean of :func:`combine_beliefs`, from the beliefs' means; for a categorical field these are probabilities.

    A class that a belief rules out has the logarithm of the smallest number instead of -∞: ruled out by all it stays
    so, and nothing is undefined.
    """
    weights = [w for w, _ in terms]

    def rule(member: Process, *means: State) -> State:
        if isinstance(member, Categorical):
            return map_fields(lambda *p: _pooled(weights, p), *means)
        return combine(*zip(weights, means, strict=True))

    return by_field(process, rule, *(mean for _, mean in terms))


def tilt(process: Process, mean: State, t: Time, slope: State, scale: float = 1.0) -> State:
    r"""The mean of the belief :math:`p(x_0 | x_t) \exp(\text{scale} \cdot g^\top x_0)`.

    A Gaussian field moves by its posterior covariance times g, which is :math:`\tfrac{σ^2}{α} J^\top g`, with J the
    derivative of the mean by x_t (Tweedie's formula, twice); that product with J is what a backward pass gives. Nothing
    can be told of it where α = 0 and J vanishes: there the field stays as it is. The probabilities of a categorical
    field are multiplied by exp(g), entry by entry, and normalized.

    Arguments:
        process: tells which fields are categorical.
        mean: that of p(x₀ | x_t).
        t: the time.
        slope: for a Gaussian field :math:`J^\top g`, for a categorical one g itself.
        scale: a factor of g.

    Raises:
        UnsupportedError: the noise is neither Gaussian nor categorical, so that nothing tells the covariance.
    """

    def rule(member: Process, mean: State, slope: State) -> State:
        if isinstance(member, Categorical):
            slope = map_fields(_both_places, slope) if member.symmetric else slope
            return map_fields(lambda p, g: (_log(p) + scale * g).softmax(-1), mean, slope)
        if not isinstance(member, Gaussian):
            raise UnsupportedError(
                "needs Gaussian or categorical noise", field="guidance", expected="Gaussian, Categorical, or a Product",
                got=type(member).__name__, fix="use a guidance without gradients",
            )  # fmt: skip
        return combine((1.0, mean), (scale * _gain(member.schedule, t), slope))

    return by_field(process, rule, mean, slope)


def by_field(process: Process, rule: Callable[..., State], *states: State) -> State:
    """``rule(process, *states)``; for a product, field by field."""
    if isinstance(process, Product):
        parts = {name: rule(p, *(only(x, name) for x in states)) for name, p in process.fields.items()}
        return merge(states[0], parts)
    return rule(process, *states)


def is_categorical(process: Process, name: str) -> bool:
    """Whether a field of the state is categorical."""
    return isinstance(process.fields[name] if isinstance(process, Product) else process, Categorical)


def _pooled(weights: list[float], probabilities: tuple[Tensor, ...]) -> Tensor:
    logits = combine(*((w, _log(p)) for w, p in zip(weights, probabilities, strict=True)))
    assert isinstance(logits, Tensor)
    return logits.softmax(-1)


def _log(p: Tensor) -> Tensor:
    return p.clamp_min(torch.finfo(p.dtype).tiny).log()


def _gain(schedule: Schedule, t: Time) -> Time:
    """σ²/α, and 0 where α = 0."""
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    if isinstance(alpha, Tensor):
        return torch.where(alpha > 0.0, sigma * sigma / alpha, 0.0)
    return sigma * sigma / alpha if alpha > 0.0 else 0.0


def _both_places(slope: Tensor) -> Tensor:
    """The slope by x_ij = x_ji ``[batch, n, n, classes]``, one variable that stands in two places, off the diagonal."""
    diagonal = torch.eye(slope.shape[1], dtype=torch.bool, device=slope.device)[..., None]
    return torch.where(diagonal, slope, slope + slope.transpose(1, 2))
