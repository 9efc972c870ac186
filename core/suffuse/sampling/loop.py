"""The sampling loop: a generator of steps that anybody may watch, change or stop.

A sampler is a frozen rule that takes one :class:`Step` to the next. Everything that sampling remembers (the state, the
beliefs that a multistep rule looks back on) travels in that value, so one sampler object can serve many threads, and
whoever sends another value back has sampling go on from there.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from suffuse.conditions import Condition, Conditions
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.posterior import Denoiser, Posterior
from suffuse.process import Process
from suffuse.rng import Rng
from suffuse.sampling.grid import Grid
from suffuse.state import State, device_of, only, take

NO_CONDITIONS: Mapping[str, Condition] = {}


@dataclass(frozen=True, slots=True)
class Past:
    """What a multistep rule looks back on.

    Arguments:
        t: the time.
        x: the state there, as the step from it was made.
        posterior: the belief there.
    """

    t: float
    x: State
    posterior: Posterior

    def only(self, name: str) -> Past:
        """The past of one field."""
        return Past(self.t, only(self.x, name), self.posterior.only(name))

    def take(self, index: Tensor) -> Past:
        """The past of some samples of the batch."""
        return Past(self.t, take(self.x, index), self.posterior.take(index))


@dataclass(frozen=True, slots=True)
class Step:
    """Where sampling stands.

    Arguments:
        x: the state at time ``t``.
        t: the time, 1 at the start and 0 at the end.
        index: how many steps were made.
        total: how many there will be.
        posterior: the belief that led here; ``None`` at the start.
        history: the past, newest first, as far back as the sampler looks.
    """

    x: State
    t: float
    index: int = 0
    total: int = 0
    posterior: Posterior | None = None
    history: tuple[Past, ...] = ()

    def to(self, x: State, t: float, posterior: Posterior, corrected: State | None = None, depth: int = 0) -> Step:
        """The next step.

        Arguments:
            x, t: the next state and its time.
            posterior: the belief that led there, formed here.
            corrected: the state here, if it was mended since.
            depth: how much of the past is kept, this step's included.
        """
        here = () if depth == 0 else (Past(self.t, self.x if corrected is None else corrected, posterior),)
        return Step(x, t, self.index + 1, self.total, posterior, (here + self.history)[:depth])

    def only(self, name: str) -> Step:
        """The step of one field of a state of named fields."""
        posterior = None if self.posterior is None else self.posterior.only(name)
        past = tuple(past.only(name) for past in self.history)
        return Step(only(self.x, name), self.t, self.index, self.total, posterior, past)

    def take(self, index: Tensor) -> Step:
        """The step of some samples of the batch, which may come several times."""
        index = index.to(device_of(self.x))
        posterior = None if self.posterior is None else self.posterior.take(index)
        past = tuple(past.take(index) for past in self.history)
        return Step(take(self.x, index), self.t, self.index, self.total, posterior, past)


Steps = Generator[Step, Step | None, None]
"""Steps from the start to t = 0; one that is sent back takes the place of the last."""


@runtime_checkable
class Sampler(Protocol):
    """One reverse step. Frozen and pure: noise comes from ``rng``, keyed by the step."""

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        """From ``now`` to time ``s < now.t``.

        Raises:
            UnsupportedError: the process lacks what this sampler needs.
        """
        ...


def check_sampler(value: object, field: str) -> None:
    """Raise a RecipeError if a sampler's option, which should be a sampler, is none."""
    if not isinstance(value, Sampler):
        raise RecipeError("is no sampler", field=field, expected="a sampler, or the name of one", got=repr(value))


def iterate(
    sampler: Sampler,
    denoiser: Denoiser,
    process: Process,
    grid: Grid | Sequence[float],
    *,
    rng: Rng,
    like: State | None = None,
    x: State | None = None,
    conditions: Conditions = NO_CONDITIONS,
) -> Steps:
    """Sample, yielding every step from the start to t = 0.

    Arguments:
        sampler: the rule.
        denoiser: the belief.
        process: the forward process.
        grid: a grid, or the falling times themselves.
        rng: one stream for each sample.
        like: lends shape, device and masks to a start drawn from the prior; or
        x: the state at the first time.
        conditions: handed to the denoiser.

    Yields:
        the start, then one :class:`Step` for each interval of the grid; the last is at t = 0. Sampling goes on from the
        step that is sent back, if one is.
    """
    times = list(grid) if isinstance(grid, Sequence) else grid(process.schedule)
    if x is None:
        if like is None:
            raise UnsupportedError("nothing to start from", field="like", expected="a state for `like` or `x`")
        x = process.prior(like, rng, times[0])
    now = Step(x, times[0], total=len(times) - 1)
    steps, untracked = rng.steps(now.total, "step"), torch.inference_mode()
    now = (yield now) or now
    for s in times[1:]:
        with untracked:
            now = sampler.step(denoiser, process, now, s, steps.at(now.index), conditions)
        now = (yield now) or now


def sample(
    sampler: Sampler,
    denoiser: Denoiser,
    process: Process,
    grid: Grid | Sequence[float],
    *,
    rng: Rng,
    like: State | None = None,
    x: State | None = None,
    conditions: Conditions = NO_CONDITIONS,
) -> State:
    """The last state of :func:`iterate`; no step before it is kept."""
    for step in iterate(sampler, denoiser, process, grid, rng=rng, like=like, x=x, conditions=conditions):
        last = step
    return last.x
