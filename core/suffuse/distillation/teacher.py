"""The teacher: a trained model, and the short steps along its probability flow that a student learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import ModelFileError
from suffuse.files import digest
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian
from suffuse.recipe import DistillSection
from suffuse.sampling.coordinates import Flow, without_anchor
from suffuse.state import State
from suffuse.trained import Trained, locate


class FlowStep(Protocol):
    """Moves states along a flow towards data."""

    def __call__(self, x_t: State, t: Tensor, s: Tensor, conditions: Conditions) -> State:
        """The states at times ``s < t``, both float64 ``[batch]``."""
        ...


@dataclass(frozen=True)
class TeacherStep:
    """A step by the midpoint rule: half-way by DDIM, then all the way by what is believed there; order 2.

    Half-way is meant in flow time σ/(α + σ). The denoiser is asked at ``t`` and there, never at ``s``, which may be 0.

    Arguments:
        denoiser: the teacher; guided, if its guidance shall be learnt too.
        process: its process.
    """

    denoiser: Denoiser
    process: Gaussian

    def __call__(self, x_t: State, t: Tensor, s: Tensor, conditions: Conditions) -> State:
        middle = self._half_way(t, s)
        x_m = self.process.transfer(x_t, without_anchor(self.denoiser(x_t, t, conditions)), t, middle)
        return self.process.transfer(x_t, without_anchor(self.denoiser(x_m, middle, conditions)), t, s)

    def _half_way(self, t: Tensor, s: Tensor) -> Tensor:
        schedule = self.process.schedule
        u_t, u_s = (schedule.sigma(time) / (schedule.alpha(time) + schedule.sigma(time)) for time in (t, s))
        return Flow(schedule).time(0.5 * (u_t + u_s))


def read_teacher(section: DistillSection) -> Trained:
    """The teacher that a recipe names.

    Raises:
        ModelFileError: there is none, or it is not the one that the distillation began with.
    """
    path = locate(section.teacher)
    if section.fingerprint and digest(path) != section.fingerprint:
        raise ModelFileError(
            "is not the model that the distillation began with", field=str(path), got=digest(path),
            expected=f"a file with the fingerprint {section.fingerprint}",
            fix="start over with --no-resume, or choose another folder with --out",
        )  # fmt: skip
    return Trained.read(path)
