"""One of each kind of component that a plugin may bring."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from suffuse.inverse.method import repaint
from suffuse.nn.text import Words
from suffuse.numerics import sqrt
from suffuse.operators import Operator
from suffuse.process import Uniform
from suffuse.sampling import OneEvaluation
from suffuse.testing import require


def reds(items, conditions, splits, codec):
    return sum(item.count("r") for item in items) / max(1, len(items))


def plain(items, path):
    path.write_text(" ".join(items))


class Counting:
    def run_started(self, run):
        self.steps = 0

    def step_finished(self, run, step, metrics):
        self.steps += 1

    def run_finished(self, run):
        (run.folder / "steps.txt").write_text(str(self.steps))


class Linear(nn.Module):
    def __init__(self, template, width):
        super().__init__()
        size = template[0].numel()
        self.layers = nn.Sequential(nn.Linear(size + 1, width), nn.SiLU(), nn.Linear(width, size))

    def forward(self, x, noise_level, conditions):
        return self.layers(torch.cat([x.flatten(1), noise_level[:, None].to(x.dtype)], dim=1)).reshape(x.shape)


def build(template, conditions, width: int = 32):
    return Linear(template, width)


@dataclass(frozen=True)
class Bent:
    """α = √(1 - t), σ = √t."""

    def alpha(self, t):
        return sqrt(1.0 - t)

    def sigma(self, t):
        return sqrt(t)

    def time(self, log_snr):
        return 1.0 / (1.0 + (log_snr.exp() if isinstance(log_snr, torch.Tensor) else 2.718281828459045**log_snr))


@dataclass(frozen=True)
class Leap(OneEvaluation):
    """The process's own step."""

    eta: float = 1.0

    def advance(self, process, now, posterior, s, rng):
        return process.reverse(now.x, posterior, now.t, s, rng, self.eta)


@dataclass(frozen=True)
class Squared:
    steps: int = 10

    def __call__(self, schedule):
        return [(1.0 - i / self.steps) ** 2 for i in range(self.steps)] + [0.0]


def even(frequencies):
    return Uniform(len(frequencies))


def unguided(denoiser, process):
    return lambda x_t, t, conditions: denoiser(x_t, t, {k: replace(c) for k, c in conditions.items()})


@dataclass(frozen=True)
class Halve(Operator):
    def __call__(self, x):
        return 0.5 * x

    def adjoint(self, y, like):
        return 0.5 * y

    def observe(self, encoded):
        return self(encoded)

    def show(self, y, like):
        return 2.0 * y


def again(times: int = 2):
    return repaint(resamples=times)


@dataclass(frozen=True)
class BeadWords(Words):
    layers: int = 1


@dataclass(frozen=True)
class Late:
    def quantile(self, u, schedule):
        return u**0.5


def double(factor: float = 2.0):
    return lambda log_snr: factor * torch.ones_like(log_snr)


def strung(case):
    lengths = {len(item) for item in case.items}
    require(
        lengths == {6}, "has another number of beads", field="items", expected="6", got=str(lengths), fix="string more"
    )


def box():
    return "full"
