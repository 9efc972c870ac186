r"""Restart sampling (Xu et al. 2023): from a low noise level back to a high one, and down again, several times.

Noise that is added at once over a long way contracts the errors made so far, and the way down is again the solver's,
with its small errors. When sampling passes the level ``low``, then ``times`` times

.. math:: x_{t_\text{high}} \sim q(x_{t_\text{high}} \mid x_{t_\text{low}}), \qquad
          x_{t_\text{low}} = \text{solve}(x_{t_\text{high}}).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian, Process, Schedule, noise_ratio, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling.loop import Sampler, Step, check_sampler
from suffuse.sampling.needs import GAUSSIAN, Need
from suffuse.sampling.ode import Heun
from suffuse.sampling.renoise import renoise

_BEND = 7.0
"""Levels of a restart are evenly spaced in σ^{1/7}, as EDM's are."""
_SAME = 1e-6
"""Levels no farther apart than this, relative, are one: a step between them would be rounding."""


@dataclass(frozen=True)
class Restart:
    """Any sampler, restarted in one interval of noise levels; several intervals are one ``Restart`` in another.

    The step of the grid that passes ``low`` is parted there, so that the interval is the same on every grid.

    Arguments:
        sampler: makes all steps; one without fresh noise.
        low: the noise level σ/α from which it restarts.
        high: the level to which it goes back, narrowed to what the schedule has.
        times: how often.
        steps: from ``high`` down to ``low``.
    """

    sampler: Sampler = field(default_factory=Heun)
    low: float = 0.06
    high: float = 0.3
    times: int = 2
    steps: int = 3
    needs: ClassVar[Need[Gaussian]] = GAUSSIAN

    def __post_init__(self) -> None:
        check_sampler(self.sampler, "sampler")
        if not 0.0 < self.low < self.high:
            raise RecipeError("must lie above low > 0", field="high", expected=f"> {self.low}", got=self.high)
        for name in ("times", "steps"):
            if getattr(self, name) < 1:
                raise RecipeError("must be at least 1", field=name, expected=">= 1", got=getattr(self, name))

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        process = self.needs.of(process, self)
        edge = self.low * (1.0 + _SAME)
        if not noise_ratio(process.schedule, s) <= edge < noise_ratio(process.schedule, now.t):
            return self.sampler.step(denoiser, process, now, s, rng, conditions)
        times = self._times(process.schedule, s)
        here = self.sampler.step(denoiser, process, now, times[-1], rng, conditions)
        for number in range(self.times):
            again = rng.at("restart", number)
            here = Step(renoise(process, here.x, times[-1], times[0], again), times[0], total=self.steps)
            for time in times[1:]:
                here = self.sampler.step(denoiser, process, here, time, again.at("step", here.index), conditions)
        here = replace(here, index=now.index, total=now.total)
        if s < times[-1]:
            here = self.sampler.step(denoiser, process, here, s, rng.at("rest"), conditions)
        return replace(here, index=now.index + 1)

    def _times(self, schedule: Schedule, s: float) -> list[float]:
        """From ``high`` down to ``low``, which is the time s where that has this level."""
        low, high = (x ** (1.0 / _BEND) for x in (self.low, min(self.high, noise_ratio(schedule, 1.0))))
        levels = [float((high + i / self.steps * (low - high)) ** _BEND) for i in range(self.steps)]
        last = s if noise_ratio(schedule, s) > self.low * (1.0 - _SAME) else time_of_ratio(schedule, self.low)
        return [*(min(time_of_ratio(schedule, level), 1.0) for level in levels), last]  # rounding may exceed 1
