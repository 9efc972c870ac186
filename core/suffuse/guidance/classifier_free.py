r"""Classifier-free guidance (Ho & Salimans 2022), within an interval of noise levels (Kynkäänniemi et al. 2024).

.. math:: \hat x_0 = \hat x_0^\text{uncond} + w (\hat x_0^\text{cond} - \hat x_0^\text{uncond})

Weight 1 means off. Outside the interval the unconditional evaluation is not made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from suffuse.conditions import Conditions, concat_conditions, drop
from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Schedule, noise_ratio
from suffuse.state import State, batch_size, combine, concat, take


@dataclass(frozen=True)
class ClassifierFree:
    """A denoiser pushed away from its own unconditional belief; both are evaluated in one call of twice the batch.

    Arguments:
        denoiser: the conditional denoiser.
        weight: 1 is off, above 1 follows the condition more strongly.
        schedule: tells the noise level of a time; needed where there is an interval.
        interval: the noise levels σ/α within which guidance acts.
    """

    denoiser: Denoiser
    weight: float
    schedule: Schedule | None = None
    interval: tuple[float, float] = (0.0, math.inf)

    def __post_init__(self) -> None:
        low, high = self.interval
        if not 0.0 <= low < high:
            raise RecipeError("is empty", field="guidance.interval", expected="0 <= low < high", got=self.interval)
        if not math.isfinite(self.weight):
            raise RecipeError("is not finite", field="guidance", expected="a number; 1 is off", got=self.weight)
        if self.schedule is None and self.interval != (0.0, math.inf):
            raise RecipeError("needs a schedule", field="guidance.interval", expected="schedule=…")

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        if self.weight == 1.0 or not conditions or not self._acts(t):
            return self.denoiser(x_t, t, conditions)
        count = batch_size(x_t)
        both = self.denoiser(concat([x_t, x_t]), _twice(t), concat_conditions([conditions, drop(conditions)]))
        given, free = take(both.mean, slice(0, count)), take(both.mean, slice(count, None))
        return Posterior(combine((self.weight, given), (1.0 - self.weight, free)))

    def _acts(self, t: Time) -> bool:
        if self.schedule is None:
            return True
        level = noise_ratio(self.schedule, float(t.flatten()[0]) if isinstance(t, Tensor) else t)
        return self.interval[0] <= level <= self.interval[1]


def _twice(t: Time) -> Time:
    return t.repeat(2) if isinstance(t, Tensor) else t
