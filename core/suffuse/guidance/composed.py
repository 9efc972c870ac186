r"""Composed conditions (Liu et al. 2022): *and* with a positive weight, *not* with a negative one.

.. math:: p(x_0 | x_t) \prod_i \Big( \frac{p(x_0 | x_t, c_i)}{p(x_0 | x_t)} \Big)^{w_i}, \qquad
          \hat x_0 = \hat x_0^{∅} + \sum_i w_i (\hat x_0^{c_i} - \hat x_0^{∅}) \text{ for Gaussian fields}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from suffuse.conditions import Conditions
from suffuse.guidance.asking import ask, is_contrast, opposite, spread
from suffuse.guidance.beliefs import combine_beliefs
from suffuse.guidance.checks import require_finite
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Process
from suffuse.state import State


@dataclass(frozen=True)
class Composed:
    """The conditions that a sample was asked with, and others besides; all are evaluated in one call.

    With ``weight`` 1 and terms of weight 1 this is the conjunction of independent conditions. What has weight 0 is not
    evaluated.

    Arguments:
        denoiser: the conditional denoiser.
        process: tells which fields are categorical.
        terms: weights and conditions; each of one sample for all, or of the batch.
        weight: of the conditions that come with the call.
        negative: conditions in the place of none; of one sample for all, or of the batch.
    """

    denoiser: Denoiser
    process: Process
    terms: Sequence[tuple[float, Conditions]]
    weight: float = 1.0
    negative: Conditions | None = None

    def __post_init__(self) -> None:
        for weight in (self.weight, *(w for w, _ in self.terms)):
            require_finite("guidance", weight)

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        own = self.weight if is_contrast(conditions, self.negative) else 0.0
        terms = [(own, conditions), *((w, spread(c, conditions)) for w, c in self.terms)]
        base = (1.0 - sum(w for w, _ in terms), opposite(conditions, self.negative))
        asked = [(w, c) for w, c in (*terms, base) if w != 0.0]
        beliefs = ask(self.denoiser, x_t, t, *(c for _, c in asked))
        return combine_beliefs(self.process, *((w, p) for (w, _), p in zip(asked, beliefs, strict=True)))
