r"""UniPC: a predictor and a corrector that share every evaluation (Zhao et al. 2023, algorithms 1 and 2).

UniP-p integrates x̂₀ exponentially in half log-SNR through the last p beliefs, as DPM-Solver++ does. When the belief at
the next time has been formed, UniC-p goes over the same step again, through that belief too, and so mends the state to
order p + 1 at no further evaluation. The belief is not asked for again; the history keeps the mended state. Here the
difference of the two steps is added to the state, so that what else was done to it in between (Langevin steps, say) is
kept.

Where a single slope enters (UniP-2, UniC-1), the paper takes :math:`\tfrac12 h B(h)` for its factor
:math:`\int_0^h e^{-(h-τ)} τ\, dτ`, with B = h ("bh1") or :math:`B = 1 - e^{-h}` ("bh2"). Where more enter, B cancels
from the equations of the coefficients, and the variants are the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from suffuse.errors import RecipeError
from suffuse.numerics import expm1
from suffuse.posterior import Posterior
from suffuse.process import Gaussian
from suffuse.rng import Rng
from suffuse.sampling.loop import Past, Step
from suffuse.sampling.multistep import (
    Weighted,
    carry,
    exponential_moments,
    half_log_snr,
    total,
    usable,
    weights,
    within,
)
from suffuse.sampling.needs import GAUSSIAN
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, combine

HIGHEST = 3
Variant = Literal["bh1", "bh2"]


@dataclass(frozen=True)
class UniPC(OneEvaluation[Gaussian]):
    """UniPC-p: order p + 1 with its corrector, p without; deterministic, one evaluation a step.

    Arguments:
        order: p, how many beliefs the predictor goes through, 1 to 3.
        variant: the weight of a single slope: ``bh2``, or ``bh1``, which the authors advise for unconditional samples
            in fewer than ten steps.
        corrector: whether states are mended.
    """

    order: int = 3
    variant: Variant = "bh2"
    corrector: bool = True
    needs = GAUSSIAN

    def __post_init__(self) -> None:
        within(self.order, HIGHEST)
        if self.variant not in ("bh1", "bh2"):
            raise RecipeError("is unknown", field="variant", expected="bh1 or bh2", got=repr(self.variant))

    @property
    def depth(self) -> int:
        return self.order if self.corrector else self.order - 1

    def advance(self, process: Gaussian, now: Step, posterior: Posterior, s: float, rng: Rng) -> State:
        """UniP: from now to s, through the beliefs at now and before."""
        here = Past(now.t, now.x, posterior)
        beliefs = self._mean_belief(process, here, s, now.history[: self.order - 1])
        return combine(*carry(process, now.x, now.t, s, beliefs))

    def correct(self, process: Gaussian, now: Step, posterior: Posterior) -> State:
        """UniC: what the last step would be with the belief at now, less what it was, added to the state."""
        if not self.corrector or not now.history or math.isinf(half_log_snr(process, now.history[0].t)):
            return now.x
        before, *earlier = now.history[: self.order]
        then = self._mean_belief(process, before, now.t, earlier)
        mended = self._mean_belief(process, before, now.t, (Past(now.t, now.x, posterior), *earlier))
        change = (*mended, *((-weight, belief) for weight, belief in then))
        _, *terms = carry(process, before.x, before.t, now.t, change)
        return total((1.0, now.x), *terms)

    def _mean_belief(self, process: Gaussian, start: Past, s: float, others: Sequence[Past]) -> Weighted:
        """The mean over the step from ``start`` to s of the polynomial through its belief and those of others."""
        at_start, at_s = half_log_snr(process, start.t), half_log_snr(process, s)
        h = at_s - at_start
        if not others or math.isinf(h):
            return [(1.0, start.posterior)]
        placed = usable(others, lambda t: half_log_snr(process, t))
        nodes = [0.0, *((at - at_start) / h for at, _ in placed)]
        moments = exponential_moments(h, len(nodes))
        if len(nodes) == 2:
            moments[1] = 0.5 if self.variant == "bh2" else -0.5 * h / expm1(-h)
        return list(zip(weights(nodes, moments), (start.posterior, *(p.posterior for _, p in placed)), strict=True))
