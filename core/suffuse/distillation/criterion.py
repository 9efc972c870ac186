r"""Multistep consistency distillation (Heek, Hoogeboom & Salimans 2024, section 3, with a deterministic teacher).

.. math:: \mathbb E\; w(λ_t)\, \lVert \hat x_θ(x_t, t) - \operatorname{aim}(x_t → x_e) \rVert^2, \qquad
          x_e = \mathrm{DDIM}(x_s, \hat x_{\bar θ}(x_s, s), s → e), \quad x_s = \mathrm{teacher}(x_t, t → s)

with e the end of the segment that t lies in, x_t noised data, and θ̄ = θ without gradient and without a moving average
(Song & Dhariwal 2024). The loss of a student that follows the flow exactly is zero.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.denoise import Preconditioned
from suffuse.distillation.segments import Piece, Segments
from suffuse.distillation.target import aim, consistent_end
from suffuse.distillation.teacher import FlowStep
from suffuse.process import Gaussian, Weight
from suffuse.rng import Rng
from suffuse.state import State, batch_size, device_of
from suffuse.training.criterion import Criterion
from suffuse.training.objective import drop_some, spread


class MultistepConsistency(Criterion):
    """How far a student's belief is from leading to the end of the flow's segment.

    Arguments:
        student: what learns.
        process: the student's and the teacher's.
        flow: a short step of the teacher.
        segments: the times.
        weight: of the squared error of the belief, by noise level.
        condition_dropout: the share of samples without any condition.
    """

    def __init__(
        self,
        student: Preconditioned,
        process: Gaussian,
        flow: FlowStep,
        segments: Segments,
        weight: Weight,
        condition_dropout: float = 0.0,
    ) -> None:
        super().__init__(student)
        self.process = process
        self.flow = flow
        self.segments = segments
        self.weight = weight
        self.condition_dropout = condition_dropout

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode: dropout would make the student's own belief a noisy target."""
        return super().train(False)

    def forward(self, x0: State, conditions: Conditions, rng: Rng) -> Tensor:
        at = self.segments.at(spread(batch_size(x0), rng).to(device_of(x0)))
        return self.at(x0, at, drop_some(conditions, self.condition_dropout, rng), rng).mean()

    def at(self, x0: State, at: Piece, conditions: Conditions, rng: Rng) -> Tensor:
        """The weighted error of each sample at given times, ``[batch]``."""
        x_t = self.process.corrupt(x0, at.t, rng)
        with torch.no_grad():
            x_end = consistent_end(self.process, self.denoiser, self.flow, x_t, at, conditions)
            wanted = aim(self.process, x_t, x_end, at.t, at.end)
        return self.process.loss(self.denoiser(x_t, at.t, conditions), wanted, x_t, at.t, self.weight)

    def at_quantile(self, x0: State, quantile: float, conditions: Conditions, rng: Rng) -> Tensor:
        u = torch.full((batch_size(x0),), quantile, dtype=torch.float64, device=device_of(x0))
        return self.at(x0, self.segments.at(u), conditions, rng)

    def of(self, denoiser: Preconditioned) -> Self:
        return type(self)(denoiser, self.process, self.flow, self.segments, self.weight)
