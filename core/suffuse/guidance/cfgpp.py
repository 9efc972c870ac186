r"""CFG++ (Chung et al. 2024, algorithm 2): guided towards the conditions, renoised without them.

.. math:: \hat x_0 = \hat x_0^{∅} + λ (\hat x_0^c - \hat x_0^{∅}), \qquad
          x_s = α_s \hat x_0 + \tfrac{σ_s}{σ_t} (x_t - α_t \hat x_0^{∅})

With λ ≤ 1 the mean lies between the two beliefs instead of beyond them, and samples stay where the data are. A step of
DDIM with it is one with the classifier-free weight λ/(1 - e⁻ʰ), h being the step's length in log(α/σ). The mean of the
unconditional belief is handed on as the posterior's anchor: a sampler that renoises by the anchor needs no change.
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
class CFGpp:
    """Interpolation from the unconditional belief to the conditional one, and the noise of the unconditional.

    Both are evaluated in one call of twice the batch. A categorical field has no noise direction: there it is
    classifier-free guidance of weight ``scale``. Where no condition is given there is one evaluation.

    Arguments:
        denoiser: the conditional denoiser.
        process: tells which fields are categorical.
        scale: λ, usually from 0 to 1. No value is off: 1 is the conditional mean with the unconditional noise.
        negative: conditions in the place of none; of one sample for all, or of the batch.
    """

    denoiser: Denoiser
    process: Process
    scale: float = 0.6
    negative: Conditions | None = None

    def __post_init__(self) -> None:
        require_finite("guidance.scale", self.scale, "a number, usually from 0 to 1")

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        if not is_contrast(conditions, self.negative):
            return self.denoiser(x_t, t, conditions)
        given, base = ask(self.denoiser, x_t, t, conditions, opposite(conditions, self.negative))
        guided = combine_beliefs(self.process, (self.scale, given), (1.0 - self.scale, base))
        return Posterior(guided.mean, anchor=base.noise_mean)
