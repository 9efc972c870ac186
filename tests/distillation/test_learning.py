"""A small student of an exact teacher ends, in one or two steps, where the teacher's flow ends."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from suffuse.conditions import Conditions
from suffuse.denoise import precondition
from suffuse.distillation import MultistepConsistency, Segments, TeacherStep
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian, RectifiedFlow
from suffuse.recipe import Named
from suffuse.rng import Rng, seeded
from suffuse.sampling import DDIM, Heun, Karras, ShiftedFlow, sample
from suffuse.trained import component
from tests.oracles import Exact, three_modes

PROCESS = Gaussian(RectifiedFlow())


class Points(nn.Module):
    """Points of the plane and a noise level, through three layers."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        sizes = (2 + 8, width, width, width, 2)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x: Tensor, level: Tensor, conditions: Conditions) -> Tensor:
        phase = level.to(x)[:, None] * torch.arange(1, 5)
        h = torch.cat([x, phase.cos(), phase.sin()], dim=1)
        for layer in self.layers[:-1]:
            h = nn.functional.silu(layer(h))
        return self.layers[-1](h)


@pytest.mark.parametrize("steps", [1, 2])
def test_few_steps_end_where_the_flow_does(steps: int) -> None:
    """Root mean square distance to the end of the exact probability flow, from the same noise."""
    teacher, grid = Exact(three_modes(), PROCESS.schedule), ShiftedFlow(steps, shift=1.0, sigma_max=80.0)
    with seeded(0):
        student = precondition(Points().double(), PROCESS, "flow")
    segments = Segments.of(grid(PROCESS.schedule), PROCESS.schedule, 16 // steps)
    step = TeacherStep(teacher, PROCESS)
    learn(MultistepConsistency(student, PROCESS, step, segments, component("weighting", Named(name="flow"))), 500)

    rng, like = Rng.of(0, 400), torch.zeros(400, 2, dtype=torch.float64)
    x = PROCESS.prior(like, rng, grid(PROCESS.schedule)[0])
    end = sample(Heun(), teacher, PROCESS, Karras(60), rng=rng, x=x)

    def distance(denoiser: Denoiser) -> float:
        return (sample(DDIM(), denoiser, PROCESS, grid, rng=rng, x=x) - end).square().mean().sqrt().item()

    assert distance(teacher) > 0.35
    assert distance(student) < 0.35 * distance(teacher)


def learn(criterion: MultistepConsistency, steps: int, batch: int = 256) -> None:
    optimizer = torch.optim.Adam(criterion.parameters(), betas=(0.9, 0.99))
    for k in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * 0.5 * (1.0 + math.cos(math.pi * k / steps))
        x0 = three_modes().sample(batch, seed=k)
        optimizer.zero_grad()
        criterion(x0, {}, Rng.of(k * batch, batch)).backward()
        optimizer.step()
