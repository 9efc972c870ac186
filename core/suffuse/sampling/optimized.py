r"""Grids made for one model: the times at which a solver's own local errors do least harm.

A few samples are followed along the probability flow in many small steps, giving states :math:`x_k` and beliefs
:math:`D_k` at times :math:`t_k`. A solver without fresh noise is linear in these: its step from :math:`t_i` to
:math:`t_j` out of exact values gives :math:`\sum_k c_k x_k + d_k D_k`, with coefficients that depend on the times alone
and are read off by running the solver itself on unit vectors. The local error is then a quadratic form in the Gram
matrix :math:`G` of all :math:`x_k, D_k`, and a grid is judged without asking the network again:

.. math:: E^2(\text{grid}) = \sum_{\text{steps } i \to j} \Big(\frac{A_j}{α_j + σ_j}\Big)^2 δ_{ij}^\top G\, δ_{ij},
          \qquad δ_{ij} = (c, d) - e_j .

:math:`A_j`, how far an error made at :math:`t_j` has grown when t = 0 is reached, is measured at a few levels: errors
made in much noise decide between modes and grow tenfold, late ones not at all. The least E is sought by moving one
time, or some together, after another, from each of the common grids.

Chen, Zhou, Wang, Shen & Lyu 2024 ("On the trajectory regularity of ODE-based diffusion sampling") choose times by
Euler's local errors along such trajectories; reading the coefficients off the solver extends it to every rule.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Gaussian, Schedule, noise_ratio, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling.ancestral import DDIM
from suffuse.sampling.grid import Karras, LogSnr, ShiftedFlow
from suffuse.sampling.loop import Past, Sampler, Step, iterate, sample
from suffuse.sampling.ode import Heun
from suffuse.sampling.rule import OneEvaluation
from suffuse.state import State, combine, fields

FINEST = 100
"""Steps of the reference, among whose times a grid is chosen."""
PROBES = 10
"""Noise levels at which the growth of errors is measured."""
PROBED = 0.05
"""The size of the error whose growth is measured, relative to the state."""


@dataclass(frozen=True)
class Levels:
    """Noise levels σ/α chosen one by one, then 0.

    Arguments:
        levels: falling and positive, as many as steps; the first may be infinite.
    """

    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(float(x) for x in self.levels))
        if not (self.levels and self.levels[-1] > 0.0 and all(a > b for a, b in pairwise(self.levels))):
            raise RecipeError("is wrong", field="levels", expected="falling noise levels σ/α > 0", got=self.levels)

    @property
    def steps(self) -> int:
        return len(self.levels)

    def __call__(self, schedule: Schedule) -> list[float]:
        return [*(min(1.0, time_of_ratio(schedule, x)) for x in self.levels), 0.0]


@dataclass(frozen=True)
class Reference:
    """Finely solved trajectories, as far as judging grids needs them.

    Arguments:
        process: the Gaussian process.
        times: of the trajectories, falling to 0.
        gram: mean products of all states, then of all beliefs, float64 ``[2n, 2n]``.
        growth: by how much an error at each time has grown at t = 0.
    """

    process: Gaussian
    times: tuple[float, ...]
    gram: Tensor
    growth: tuple[float, ...]

    @classmethod
    def solve(
        cls, denoiser: Denoiser, process: Gaussian, rng: Rng, like: State, conditions: Conditions, steps: int = FINEST
    ) -> Reference:
        """Follow the probability flow of some samples by Heun's rule.

        Arguments:
            denoiser, process, conditions: of the model.
            rng: a stream for each sample.
            like: lends shapes.
            steps: how finely.
        """
        times = LogSnr(steps)(process.schedule)
        heard = _Listening(denoiser, [])
        states = []
        for now in iterate(Heun(), heard, process, times, rng=rng, like=like, conditions=conditions):
            states.append(now.x)
            heard.begin()
        last = states[-1]  # at t = 0 the state is its own belief
        vectors = torch.stack([_flat(x) for x in (*states, *heard.notes[: len(times) - 1], last)])
        growth = _growth(denoiser, process, rng, conditions, times, states, heard.notes)
        return cls(process, tuple(times), vectors @ vectors.T / vectors.shape[1], growth)

    def error(self, sampler: Sampler, path: Sequence[int]) -> float:
        """What a solver's local errors along a path of time indices add up to at t = 0, as a mean square root."""
        return math.sqrt(sum(self._local(sampler, path, k) for k in range(len(path) - 1)))

    def _local(self, sampler: Sampler, path: Sequence[int], k: int) -> float:
        """The squared, weighted error of the step from ``path[k]`` out of exact states and beliefs."""
        back = sampler.depth if isinstance(sampler, OneEvaluation) else 0
        window = tuple(path[max(0, k - back) : k + 2])
        key = (sampler, window)
        if key not in self._known:
            self._known[key] = self._measure(sampler, window)
        return self._known[key]

    def _measure(self, sampler: Sampler, window: Sequence[int]) -> float:
        *past, here, there = window
        history = tuple(Past(self.times[i], self._state(i), self._belief(i)) for i in reversed(past))
        now = Step(self._state(here), self.times[here], len(past), len(past) + 1, history=history)
        try:
            after = sampler.step(self._ask, self.process, now, self.times[there], _NO_NOISE, {})
        except _UnknownError as reason:
            raise UnsupportedError(
                f"{reason}, so that no grid can be made for it",
                field="sampler",
                expected="a solver without fresh noise that asks the denoiser at the grid's times only",
                got=repr(sampler),
                fix="optimize dpmpp, unipc, deis, ipndm or adams, and give this sampler the levels that were found",
            ) from None
        assert isinstance(after.x, Tensor)
        defect = after.x - self._state(there)
        weight = self.growth[there] / _scale(self.process.schedule, self.times[there])
        return max(float(defect @ self.gram @ defect.T), 0.0) * weight**2

    def _ask(self, x: State, t: Time, conditions: Conditions) -> Posterior:
        if isinstance(t, Tensor) or t not in self._index:
            raise _UnknownError("asks the denoiser between the grid's times")
        return self._belief(self._index[t])

    def _state(self, index: int) -> Tensor:
        return self._units[index : index + 1]

    def _belief(self, index: int) -> Posterior:
        n = len(self.times) + index
        return Posterior(self._units[n : n + 1])

    @cached_property
    def _units(self) -> Tensor:
        return torch.eye(len(self.gram), dtype=torch.float64)

    @cached_property
    def _index(self) -> dict[float, int]:
        return {t: i for i, t in enumerate(self.times)}

    @cached_property
    def _known(self) -> dict[tuple[Sampler, tuple[int, ...]], float]:
        return {}

    def nearest(self, times: Sequence[float]) -> list[int]:
        """The path near some times, without repetition."""
        last = len(self.times) - 1
        path = [0]
        for left, t in zip(range(len(times) - 2, 0, -1), times[1:-1], strict=True):
            i = bisect_left(self.times, -t, key=lambda x: -x)
            i -= i > 0 and abs(self.times[i - 1] - t) < abs(self.times[min(i, last)] - t)
            path.append(min(max(i, path[-1] + 1), last - left))
        return [*path, last]


class _UnknownError(Exception):
    """What a sampler asks for is not among what the trajectories tell."""


class _NoNoise(Rng):
    """The streams of a step that has to be linear in states and beliefs."""

    def normal_like(self, state: State) -> State:
        raise _UnknownError("draws fresh noise")


_NO_NOISE = _NoNoise.of([0])


@dataclass
class _Listening:
    """A denoiser that notes the first belief of every step."""

    denoiser: Denoiser
    notes: list[State]
    heard: bool = False

    def begin(self) -> None:
        self.heard = False

    def __call__(self, x: State, t: Time, conditions: Conditions) -> Posterior:
        posterior = self.denoiser(x, t, conditions)
        if not self.heard:
            self.notes.append(posterior.mean)
            self.heard = True
        return posterior


def _growth(
    denoiser: Denoiser,
    process: Gaussian,
    rng: Rng,
    conditions: Conditions,
    times: Sequence[float],
    states: Sequence[State],
    beliefs: Sequence[State],
) -> tuple[float, ...]:
    """How much an error of a first-order step has grown at t = 0: measured at a few times, interpolated between."""
    stride = max(1, (len(times) - 1) // PROBES)
    known: list[tuple[float, float]] = []
    for i in range(0, len(times) - 1 - stride, stride):
        j = i + stride
        taken = process.transfer(states[i], Posterior(beliefs[i]), times[i], times[j])
        defect = combine((1.0, taken), (-1.0, states[j]))
        size = _rms(defect) / _scale(process.schedule, times[j])
        if size == 0.0:
            continue
        rest = [times[j], *times[j + stride :: stride]]
        rest = rest if rest[-1] == 0.0 else [*rest, 0.0]
        ends = [
            sample(DDIM(), denoiser, process, rest, rng=rng, x=x, conditions=conditions)
            for x in (states[j], combine((1.0, states[j]), (PROBED / size, defect)))
        ]
        known.append(
            (math.log(noise_ratio(process.schedule, times[j])), _rms(combine((1.0, ends[1]), (-1.0, ends[0]))))
        )
    return tuple(_interpolated(process.schedule, t, known) for t in times)


def _interpolated(schedule: Schedule, t: float, known: Sequence[tuple[float, float]]) -> float:
    """The growth at a time, linear in the logarithm of the noise level between the probed ones; 1 at t = 0."""
    if t == 0.0 or not known:
        return 1.0
    level = math.log(noise_ratio(schedule, t)) if t < 1.0 else math.inf
    high = [k for k in known if k[0] >= level]
    low = [k for k in known if k[0] < level]
    if not (high and low):
        return (high or low)[-1 if high else 0][1] / PROBED
    (a, ga), (b, gb) = high[-1], low[0]
    share = (level - b) / (a - b)
    return float(ga**share * gb ** (1.0 - share)) / PROBED


def _scale(schedule: Schedule, t: float) -> float:
    return schedule.alpha(t) + schedule.sigma(t)


def _flat(state: State) -> Tensor:
    return torch.cat([x.detach().double().flatten().cpu() for _, x in fields(state)])


def _rms(state: State) -> float:
    return float(_flat(state).square().mean().sqrt())


def optimize(reference: Reference, sampler: Sampler, steps: int) -> Levels:
    """The grid of ``steps`` steps at which this solver errs least.

    Arguments:
        reference: the model's trajectories.
        sampler: a solver without fresh noise that asks the denoiser at the grid's times only.
        steps: at least 1, fewer than the reference's.

    Raises:
        RecipeError: as many steps as the reference, or none.
        UnsupportedError: the solver is not of that kind.
    """
    if not 1 <= steps < len(reference.times) - 1:
        raise RecipeError("is out of range", field="steps", expected=f"1 to {len(reference.times) - 2}", got=steps)
    schedule = reference.process.schedule
    common = (LogSnr(steps), Karras(steps), ShiftedFlow(steps, 1.0), ShiftedFlow(steps, 3.0))
    paths = [_descend(reference, sampler, reference.nearest(grid(schedule))) for grid in common]
    best = min(paths, key=lambda path: reference.error(sampler, path))
    return Levels(tuple(noise_ratio(schedule, reference.times[i]) for i in best[:-1]))


def _descend(reference: Reference, sampler: Sampler, path: list[int]) -> list[int]:
    """Make every move that lessens the error, until none does."""
    error = reference.error(sampler, path)
    before = math.inf
    while error < before:
        before = error
        for first, last, shift in _moves(len(path)):
            moved = [*path[:first], *(i + shift for i in path[first:last]), *path[last:]]
            if moved[first - 1] < moved[first] and moved[last - 1] < moved[last]:
                other = reference.error(sampler, moved)
                if other < error * (1.0 - 1e-9):
                    path, error = moved, other
    return path


def _moves(count: int) -> list[tuple[int, int, int]]:
    """Which times are moved, from and until, and by how much: one, three, or all that come later."""
    return [
        (first, last, shift)
        for shift in (8, -8, 4, -4, 2, -2, 1, -1)
        for first in range(1, count - 1)
        for last in sorted({first + 1, min(first + 3, count - 1), count - 1})
    ]
