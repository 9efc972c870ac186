r"""Classifier-free guidance (Ho & Salimans 2022): away from what the denoiser believes without the conditions.

.. math:: p_w(x_0 | x_t) \propto p(x_0 | x_t, c)^w\, p(x_0 | x_t)^{1-w}

For Gaussian fields this is :math:`\hat x_0 = \hat x_0^{∅} + w (\hat x_0^c - \hat x_0^{∅})`, for categorical ones the
same of log-probabilities (Nisonoff et al. 2024). Negative conditions take the place of none.
"""

from __future__ import annotations

from dataclasses import dataclass

from suffuse.conditions import Conditions
from suffuse.guidance.asking import ask, is_contrast, opposite
from suffuse.guidance.beliefs import combine_beliefs
from suffuse.guidance.checks import require_finite
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Process
from suffuse.state import State


@dataclass(frozen=True)
class ClassifierFree:
    """A denoiser pushed away from its own unconditional belief; both are evaluated in one call of twice the batch.

    At weight 1, and where no condition is given, there is one evaluation.

    Arguments:
        denoiser: the conditional denoiser.
        process: tells which fields are categorical.
        weight: 1 is off, above 1 follows the conditions more strongly.
        negative: conditions to be pushed away from, instead of from none; of one sample for all, or of the batch.
    """

    denoiser: Denoiser
    process: Process
    weight: float
    negative: Conditions | None = None

    def __post_init__(self) -> None:
        require_finite("guidance", self.weight, "a number; 1 is off")

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        if self.weight == 1.0 or not is_contrast(conditions, self.negative):
            return self.denoiser(x_t, t, conditions)
        given, base = ask(self.denoiser, x_t, t, conditions, opposite(conditions, self.negative))
        return combine_beliefs(self.process, (self.weight, given), (1.0 - self.weight, base))
