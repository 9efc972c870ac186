r"""Autoguidance (Karras et al. 2024): away from what a weaker model believes.

.. math:: p_w(x_0 | x_t) \propto p(x_0 | x_t, c)^w\, p_\text{weak}(x_0 | x_t, c)^{1-w}

The weaker model (fewer weights, less training) makes the same errors, more of them; extrapolating from it corrects
them, and costs less variety than guidance by conditions. It works without any condition too.
"""

from __future__ import annotations

from dataclasses import dataclass

from suffuse.conditions import Conditions
from suffuse.guidance.beliefs import combine_beliefs
from suffuse.guidance.checks import require_finite
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Process
from suffuse.state import State


@dataclass(frozen=True)
class Autoguidance:
    """A denoiser pushed away from a weaker one, which is asked with the same conditions; at weight 1 it is not asked.

    Arguments:
        denoiser: the better denoiser.
        process: tells which fields are categorical.
        weaker: any second denoiser under the same process.
        weight: 1 is off.
    """

    denoiser: Denoiser
    process: Process
    weaker: Denoiser
    weight: float = 2.0

    def __post_init__(self) -> None:
        require_finite("guidance.weight", self.weight, "a number; 1 is off")

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        belief = self.denoiser(x_t, t, conditions)
        if self.weight == 1.0:
            return belief
        return combine_beliefs(
            self.process, (self.weight, belief), (1.0 - self.weight, self.weaker(x_t, t, conditions))
        )
