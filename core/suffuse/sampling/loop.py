"""The sampling loop: a generator of steps that anybody may watch, change or stop.

A sampler is a frozen rule that takes one :class:`Step` to the next. Everything that sampling remembers (the state, the
beliefs that a multistep rule looks back on) travels in that value, so one sampler object can serve many threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from suffuse.conditions import Condition, Conditions
from suffuse.errors import UnsupportedError
from suffuse.posterior import Denoiser, Posterior
from suffuse.process import Gaussian, Process, Schedule
from suffuse.rng import Rng
from suffuse.sampling.grid import Grid
from suffuse.state import State

NO_CONDITIONS: Mapping[str, Condition] = {}


@dataclass(frozen=True, slots=True)
class Step:
    """Where sampling stands.

    Arguments:
        x: the state at time ``t``.
        t: the time, 1 at the start and 0 at the end.
        index: how many steps were made.
        total: how many there will be.
        posterior: the belief that led here; ``None`` at the start.
        history: earlier ``(time, belief)`` pairs, newest first, as far back as the sampler looks.
    """

    x: State
    t: float
    index: int = 0
    total: int = 0
    posterior: Posterior | None = None
    history: tuple[tuple[float, Posterior], ...] = ()

    def to(self, x: State, t: float, posterior: Posterior) -> Step:
        """The next step, without a history."""
        return Step(x, t, self.index + 1, self.total, posterior)


class Sampler(Protocol):
    """One reverse step. Frozen and pure: noise comes from ``rng``, keyed by the step."""

    def step(self, denoiser: Denoiser, process: Process, now: Step, s: float, rng: Rng, conditions: Conditions) -> Step:
        """From ``now`` to time ``s < now.t``.

        Raises:
            UnsupportedError: the process lacks what this sampler needs.
        """
        ...


def gaussian(process: Process, sampler: object) -> Gaussian:
    """The process, if it is Gaussian; otherwise an error in the sampler's name."""
    if isinstance(process, Gaussian):
        return process
    raise UnsupportedError(
        f"{type(sampler).__name__} follows an ODE, which only a Gaussian process has",
        field="sampler",
        expected="a Gaussian process",
        got=type(process).__name__,
        fix="use ddpm, which works with every process",
    )


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
) -> Iterator[Step]:
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
        the start, then one :class:`Step` for each interval of the grid; the last is at t = 0.
    """
    times = list(grid) if isinstance(grid, Sequence) else grid(_schedule_of(process, grid))
    if x is None:
        if like is None:
            raise UnsupportedError("nothing to start from", field="like", expected="a state for `like` or `x`")
        x = process.prior(like, rng)
    now = Step(x, times[0], total=len(times) - 1)
    yield now
    for s in times[1:]:
        with torch.inference_mode():
            now = sampler.step(denoiser, process, now, s, rng.at("step", now.index), conditions)
        yield now


def _schedule_of(process: Process, grid: Grid) -> Schedule:
    return gaussian(process, grid).schedule


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


def remember(now: Step, posterior: Posterior, depth: int) -> tuple[tuple[float, Posterior], ...]:
    """The history of the next step: this belief, and as many earlier ones as make ``depth``."""
    return ((now.t, posterior), *now.history)[:depth]


def with_history(step: Step, history: tuple[tuple[float, Posterior], ...]) -> Step:
    """A step that carries a history."""
    return replace(step, history=history)
