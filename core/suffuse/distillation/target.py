r"""What a student is asked to believe.

A DDIM step from t to s, :math:`x_s = \tfrac{σ_s}{σ_t} x_t + (α_s - α_t \tfrac{σ_s}{σ_t}) \hat x_0`, can be solved for
the belief that leads to a wanted :math:`x_s`: its :func:`aim` (Salimans & Ho 2022, algorithm 2).
"""

from __future__ import annotations

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.distillation.segments import Piece
from suffuse.distillation.teacher import FlowStep
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian
from suffuse.state import State, combine, map_fields, over_batch


def aim(process: Gaussian, x_t: State, x_s: State, t: Tensor, s: Tensor) -> State:
    """The belief x̂₀ by which the DDIM step from ``x_t`` at times ``t`` ends in ``x_s`` at times ``s < t``."""
    schedule = process.schedule
    kept = schedule.sigma(s) / schedule.sigma(t)
    gained = schedule.alpha(s) - schedule.alpha(t) * kept
    return combine((1.0 / gained, x_s), (-kept / gained, x_t))


def consistent_end(
    process: Gaussian, student: Denoiser, flow: FlowStep, x_t: State, at: Piece, conditions: Conditions
) -> State:
    """Where the flow through ``x_t`` ends its segment: a step of the teacher, and the student's belief from there."""
    x_later = flow(x_t, at.t, at.later, conditions)
    # where the teacher's step already ends the segment, nothing is left to believe; ask at a time that is never 0
    arrived = at.later == at.end
    asked = torch.where(arrived, at.t, at.later)
    x_end = process.transfer(x_later, student(x_later, asked, conditions), asked, at.end)
    return map_fields(lambda a, b: torch.where(over_batch(arrived.double(), a) > 0.0, a, b), x_later, x_end)
