r"""Diffusion of categorical entries: each keeps what it was with probability α(t), else it is noise.

.. math:: q(x_t | x_0) = α_t\, x_0 + (1 - α_t)\, π, \qquad
          q(x_t | x_s) = \tfrac{α_t}{α_s}\, x_s + (1 - \tfrac{α_t}{α_s})\, π,

with one-hot x and the stationary distribution π of a kernel (:mod:`suffuse.process.kernels`). A state is a float tensor
``[batch, *positions, classes]`` of one-hot vectors, shaped like the posterior's mean, which is the probability of each
class; the mask of an absorbing kernel, and all padding, is the zero vector. Distributions that a method returns are
over the kernel's *outcomes*, ``[batch, *positions, outcomes]``: the classes, then the mask where there is one.

The schedule's α is the probability; its σ only tells networks and grids how noisy a state is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from suffuse.errors import DomainInputError, RecipeError
from suffuse.numerics import clamp
from suffuse.posterior import Posterior, Time
from suffuse.process.base import Weight
from suffuse.process.kernels import Kernel, is_absorbing, narrow, stationary_like, widen
from suffuse.process.schedule import RectifiedFlow, Schedule
from suffuse.rng import Rng, numbered
from suffuse.state import State, fields, map_fields, mask_of, masked_mean, over_batch

TINY = 1e-30
"""α and 1 - α are never below this, so that quotients of them are defined; no draw can tell it from 0."""

WEIGHTINGS = ("elbo", "count", "plain")
"""Of the loss of masked entries."""

MOST_WEIGHT = 1e3
"""Of a masked entry's error (the least share of masked entries, 1 - α, that is told apart from none is 0.001)."""


@dataclass(frozen=True)
class Categorical:
    """Independent noise on every entry of every field of the state.

    Arguments:
        kernel: what entries turn into.
        schedule: α is the probability that an entry still is what it was; must fall to almost 0.
        symmetric: states are ``[batch, n, n, classes]`` with x_ij = x_ji (bonds, edges): the triangle above the
            diagonal is drawn, and mirrored. The diagonal counts wherever the mask says that it is real.
        weighting: of the loss under an absorbing kernel: ``"elbo"`` weights masked entries by 1/(1 - α), ``"count"`` by
            the inverse of how many of a sample's are masked, ``"plain"`` all alike; see :meth:`loss`.
    """

    kernel: Kernel
    schedule: Schedule = field(default_factory=RectifiedFlow)
    symmetric: bool = False
    weighting: Literal["elbo", "count", "plain"] = "elbo"

    def __post_init__(self) -> None:
        if self.schedule.alpha(1.0) > 0.1:
            raise RecipeError(
                "keeps too much of the data at t = 1", field="Categorical.schedule",
                expected="a schedule with α(1) near 0, as rectified-flow or cosine",
                got=f"{type(self.schedule).__name__} with α(1) = {self.schedule.alpha(1.0):.3g}",
                fix="in a recipe, set process.fields.NAME.schedule for the categorical field",
            )  # fmt: skip
        if self.weighting not in WEIGHTINGS:
            raise RecipeError(
                "is unknown", field="Categorical.weighting", expected=", ".join(WEIGHTINGS), got=repr(self.weighting)
            )

    @property
    def absorbing(self) -> bool:
        """Whether noise is a mask."""
        return is_absorbing(self.kernel)

    # Distributions over outcomes.

    def outcomes(self, x: State) -> State:
        """A state over all outcomes, the mask among them."""
        return map_fields(self._wide, x)

    def belief(self, x_t: State, mean: State) -> State:
        """The distribution of x₀ over all outcomes (none is masked), from a posterior's mean.

        What is negative is taken as 0, and the rest is divided by its sum. An entry that noise cannot have made is the
        data's own, whatever the mean says: see :meth:`is_known`.
        """
        return map_fields(self._belief, x_t, mean)

    def certain(self, x_t: State, mean: State) -> State:
        """:meth:`belief` over the classes alone, shaped like the state."""
        return map_fields(lambda p: narrow(self.kernel, p), self.belief(x_t, mean))

    def marginal(self, x0: State, t: Time) -> State:
        """q(x_t | x₀). ``x0`` may also be a belief, ``[batch, *positions, classes]``."""
        alpha = self.alpha(t)
        return map_fields(lambda x: self._mixed(x, alpha), self.outcomes(x0))

    def transition(self, x_s: State, s: Time, t: Time) -> State:
        """q(x_t | x_s) for s < t."""
        kept = self.alpha(t) / self.alpha(s)
        return map_fields(lambda x: self._mixed(x, kept), self.outcomes(x_s))

    def bridge(self, x_t: State, mean: State, t: Time, s: Time) -> State:
        r"""q(x_s | x_t) for s < t under a belief about x₀: :math:`\sum_k p_k\, q(x_s | x_t, x_0 = k)`.

        Bayes' rule for one entry that now is i, with a = α_t/α_s and :math:`G = π_i p_i/D_i + (1-p_i)/(1-α_t)`,
        :math:`D_i = α_t + (1-α_t) π_i`, gives

        .. math::

            j \ne i:&\quad (1-a)\,(α_s p_j/(1-α_t) + (1-α_s)\, π_j G) \\
            j = i:&\quad (a + (1-a) π_i)\,(α_s p_i/D_i + (1-α_s)\, G).

        Arguments:
            mean: the belief, see :meth:`belief`.
        """
        alpha_t, alpha_s = self.alpha(t), self.alpha(s)
        scales = _bridge_scales(alpha_t, alpha_s)
        return map_fields(lambda x, p: self._bridge(x, p, scales), self.outcomes(x_t), self.belief(x_t, mean))

    def leap(self, x_t: State, mean: State, t: Time, s: Time) -> State:
        r"""The steadiest x_s that has the right distribution: it stays what it is, or becomes the data's.

        With probability (1 - α_s)/(1 - α_t) an entry stays, else it is drawn from the belief; noise is never drawn anew
        (Song, Meng & Ermon 2021, appendix A, with the most that their σ allows). Given the true x₀ this has the
        marginals q(x_s | x₀), as :meth:`bridge` has. Under an absorbing kernel the two are the same.
        """
        kept = self.noise(s) / self.noise(t)
        return map_fields(lambda x, p: _between(x, p, kept), self.outcomes(x_t), self.belief(x_t, mean))

    # The protocol.

    def prior(self, like: State, rng: Rng, t: float = 1.0) -> State:
        """x₁ ~ π."""
        return self.draw(map_fields(lambda x: self._mixed(x, 0.0), self.outcomes(like)), rng.at("prior"))

    def corrupt(self, x0: State, t: Time, rng: Rng) -> State:
        """x_t ~ q(x_t | x₀)."""
        return self.draw(self.marginal(x0, t), rng.at("corrupt"))

    def reverse(self, x_t: State, posterior: Posterior, t: float, s: float, rng: Rng, eta: float = 1.0) -> State:
        """x_s given x_t and a belief: from :meth:`bridge` at ``eta=1``, from :meth:`leap` at ``eta=0``, mixed between.

        Every mixture keeps the marginals; a discrete step is never without chance.
        """
        if eta == 0.0:
            return self.draw(self.leap(x_t, posterior.mean, t, s), rng.at("reverse"))
        outcomes = self.bridge(x_t, posterior.mean, t, s)
        if eta != 1.0:
            outcomes = map_fields(
                lambda a, b: eta * a + (1.0 - eta) * b, outcomes, self.leap(x_t, posterior.mean, t, s)
            )
        return self.draw(outcomes, rng.at("reverse"))

    def loss(self, posterior: Posterior, x0: State, x_t: State, t: Time, weight: Weight | None = None) -> Tensor:
        r"""The cross entropy :math:`-\log p(x_0)` in nats, averaged over each sample's real entries: ``[batch]``.

        Uniform and marginal kernels: every entry counts alike at every time (Vignac et al. 2023, eq. 2). Absorbing: an
        entry that is not masked is known and counts 0; a masked one counts 1/(1 - α_t), the inverse of the masked
        share, which makes every time count alike. At times uniform in α (``rectified-flow`` with ``times: uniform``)
        this is the negative ELBO per entry (Sahoo et al. 2024, MDLM, eq. 10, which does not depend on the schedule).
        ``weighting="plain"`` leaves the factor out: less variance, more weight on the noisier times.

        ``weighting="count"`` gives the mean over those that are masked. At times uniform in α each number k of n
        entries is masked with probability 1/(n + 1), and

        .. math:: \int \frac1t \binom nk t^k (1-t)^{n-k} dt = \frac1k.

        So over all times it is n/(n + 1) of the negative ELBO, without the variance of k/(n t), which is large where
        items have few entries (the loss of Hoogeboom et al. 2022, ARDM).

        Arguments:
            weight: is of squared errors, and so is not used.
        """
        error = map_fields(self._error, x0, posterior.mean, x_t)
        each = masked_mean(error)
        if not self.absorbing or self.weighting == "plain":
            return each
        if self.weighting == "count":
            return each / masked_mean(map_fields(self._masked, x_t)).clamp_min(TINY)
        share = clamp(self.noise(t), 1.0 / MOST_WEIGHT, 1.0)
        return each / over(share, each)

    # Draws.

    def draw(self, outcomes: State, rng: Rng) -> State:
        """One-hot states from distributions over outcomes, which need not be normalized.

        By the inverse distribution function in float64, with one uniform number for a position: a position has the
        same one whatever the length of the padding.
        """
        return map_fields(self._draw, outcomes, self.uniforms(outcomes, rng))

    @staticmethod
    def uniforms(like: State, rng: Rng) -> State:
        """A uniform number for each position, float64 ``[batch, *positions]`` for each field, whatever the padding."""
        if isinstance(like, Tensor):
            return rng.uniform_at(numbered(like.shape[1:-1], like.device))
        return {name: rng.at("field", name).uniform_at(numbered(x.shape[1:-1], x.device)) for name, x in fields(like)}

    def _draw(self, outcomes: Tensor, u: Tensor) -> Tensor:
        cumulative = outcomes.double().clamp_min(0.0).cumsum(-1)
        index = (cumulative <= u[..., None] * cumulative[..., -1:]).sum(-1, keepdim=True)
        x = (index == torch.arange(self.kernel.classes, device=outcomes.device)).to(outcomes.dtype)
        return mirrored(x) if self.symmetric else x

    # Scales, and one field's arithmetic.

    def alpha(self, t: Time) -> Time:
        """The probability that an entry still is what it was; at least :data:`TINY`."""
        return clamp(self.schedule.alpha(t), TINY, 1.0)

    def noise(self, t: Time) -> Time:
        """1 - α(t), at least :data:`TINY`."""
        return clamp(1.0 - self.schedule.alpha(t), TINY, 1.0)

    def is_known(self, x: Tensor) -> Tensor:
        """Whether noise cannot have made an entry, so that it is the data's own: bool ``[batch, *positions, 1]``.

        Such are all entries under an absorbing kernel that are not masked (padding counts as masked), and under the
        others those of a class that no data have.
        """
        return self.chance(self._wide(x)) == 0.0

    def distinct(self, state: State) -> State:
        """Which entries are real and not told twice: bool ``[batch, *positions]`` for each field.

        Of a symmetric field these stand above the diagonal, or on it.
        """
        if isinstance(state, Tensor):
            return self._distinct(state, None)
        return {name: self._distinct(x, mask_of(state, name)) for name, x in fields(state)}

    def _distinct(self, x: Tensor, mask: Tensor | None) -> Tensor:
        real = x.new_ones(x.shape[:-1], dtype=torch.bool) if mask is None else mask.expand_as(x)[..., 0]
        return real & _above(x) if self.symmetric else real

    def chance(self, outcomes: Tensor) -> Tensor:
        """π_i: the stationary probability of what an entry is, ``[batch, *positions, 1]``."""
        return (outcomes * stationary_like(self.kernel, outcomes)).sum(-1, keepdim=True)

    def _wide(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.kernel.classes:
            raise DomainInputError(
                "has another number of classes than its process", field="state", expected=self.kernel.classes,
                got=x.shape[-1],
            )  # fmt: skip
        return widen(self.kernel, x)

    def _belief(self, x: Tensor, mean: Tensor) -> Tensor:
        p = mean.to(x.dtype).clamp_min(0.0)
        p = torch.where(self.is_known(x), x, p / p.sum(-1, keepdim=True).clamp_min(TINY))
        return torch.cat([p, torch.zeros_like(p[..., :1])], dim=-1) if self.absorbing else p

    def _mixed(self, x: Tensor, kept: Time) -> Tensor:
        """kept·x + (1 - kept)·π."""
        return _between(x, stationary_like(self.kernel, x), kept)

    def _bridge(self, x: Tensor, p: Tensor, scales: BridgeScales) -> Tensor:
        a, forgot, alpha_t, noise_t, alpha_s, noise_s = (over(scale, x) for scale in scales)
        pi, chance = stationary_like(self.kernel, x), self.chance(x)
        own = (x * p).sum(-1, keepdim=True)  # p_i
        here = own / (alpha_t + noise_t * chance)  # p_i/D_i
        g = chance * here + (1.0 - own) / noise_t
        moved = forgot * (alpha_s / noise_t * p + noise_s * g * pi)
        stayed = (a + forgot * chance) * (alpha_s * here + noise_s * g)
        return torch.where(x == 1.0, stayed, moved)

    def _error(self, x0: Tensor, mean: Tensor, x_t: Tensor) -> Tensor:
        """-log p(x₀) of every entry, ``[batch, *positions, 1]``; 0 for one that is known."""
        error = -(x0 * mean.clamp_min(TINY).log()).sum(-1, keepdim=True)
        return error * self._masked(x_t) if self.absorbing else error

    def _masked(self, x: Tensor) -> Tensor:
        """1 where an entry is masked, ``[batch, *positions, 1]``."""
        return self._wide(x)[..., -1:]


def mirrored(x: Tensor) -> Tensor:
    """``[batch, n, n, …]`` made symmetric: what is above the diagonal, also below it."""
    above = _above(x)
    return torch.where(above.reshape(*above.shape, *(1,) * (x.ndim - 3)), x, x.transpose(1, 2))


def _above(x: Tensor) -> Tensor:
    """Which entries of ``[batch, n, n, …]`` stand above the diagonal or on it: bool ``[n, n]``."""
    return torch.ones(x.shape[1], x.shape[2], dtype=torch.bool, device=x.device).triu()


BridgeScales = tuple[Time, Time, Time, Time, Time, Time]


def _bridge_scales(alpha_t: Time, alpha_s: Time) -> BridgeScales:
    """a = α_t/α_s, 1 - a, α_t, 1 - α_t, α_s and 1 - α_s, in float64."""
    kept = alpha_t / alpha_s
    return kept, clamp(1.0 - kept, 0.0, 1.0), alpha_t, clamp(1.0 - alpha_t, TINY, 1.0), alpha_s, 1.0 - alpha_s


def _between(x: Tensor, y: Tensor, kept: Time) -> Tensor:
    """kept·x + (1 - kept)·y."""
    return over(kept, x) * x + over(1.0 - kept, x) * y


def over(value: Time, like: Tensor) -> Time:
    """A time's coefficient that multiplies ``like``: a float, or ``[batch, 1, …]``; cast last."""
    return over_batch(value, like) if isinstance(value, Tensor) else value
