"""Samplers with fresh noise, by the mean and the covariance of many of their ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.report import name_of
from benchmarks.strong import SCHEDULES, SHOWN, even_levels, slope
from suffuse.conditions import Conditions
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Gaussian, RectifiedFlow, Schedule, noise_ratio, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling import (
    DDIM,
    DDPM,
    RK4,
    Consistency,
    DPMppSDE,
    Euler,
    EulerAncestral,
    Heun,
    PredictorCorrector,
    Restart,
    Sampler,
    Step,
    sample,
)
from suffuse.sampling.corrector import langevin
from tests.oracles import Exact, three_modes

STOCHASTIC: tuple[tuple[Sampler, int], ...] = (
    (DDIM(0.5), 1),
    (DDPM(), 1),
    (EulerAncestral(1.5), 1),
    (Euler(churn=10.0), 1),
    (Heun(churn=10.0), 2),
    *((DPMppSDE(order), 1) for order in (2, 3)),
    (PredictorCorrector(DDPM()), 2),
    (PredictorCorrector(Heun()), 3),
    (Restart(Heun()), 2),
)
"""With evaluations a step; a restart's own come in addition."""
WEAK = (*SHOWN, 128)
CLEAR_OF_CHANCE = 4.0
"""How many times the error of exact samples a weak error must be, to be part of a slope."""
LEVELS = (0.1, 0.5, 3.0)


def exact(schedule: Schedule) -> Denoiser:
    denoiser: Any = Exact(three_modes(), schedule)
    return denoiser


def noisy(schedule: Schedule, t: float, count: int, seed: int = 0) -> Tensor:
    """True states of a time."""
    clean = three_modes().sample(count, seed)
    return schedule.alpha(t) * clean + schedule.sigma(t) * Rng.of(seed, count).normal(clean)


def moment_error(x: Tensor, level: float) -> float:
    """How far mean and covariance of x/α are from the mixture's at a noise level σ/α, in units of its deviation."""
    mixture = three_modes()
    mean = mixture.means.mean(0)
    covariance = torch.cov(mixture.means.T, correction=0) + (mixture.std**2 + level**2) * torch.eye(mean.shape[0])
    variance = covariance.trace() / mean.shape[0]
    off = torch.cat([(x.mean(0) - mean) / variance.sqrt(), (torch.cov(x.T) - covariance).flatten() / variance])
    return float(off.square().sum().sqrt())


def chance(count: int, level: float) -> float:
    """The error of exact samples, the root mean square of eight draws."""
    errors = []
    for seed in range(8):
        clean = three_modes().sample(count, 1000 + seed)
        errors.append(moment_error(clean + level * Rng.of(seed, count).at("chance").normal(clean), level))
    return math.sqrt(sum(e * e for e in errors) / len(errors))


def end_error(
    sampler: Sampler, schedule: Schedule, times: Sequence[float], count: int, denoiser: Denoiser | None = None
) -> float:
    """The moment error of where a sampler ends."""
    x = noisy(schedule, times[0], count)
    believes = exact(schedule) if denoiser is None else denoiser
    end = sample(sampler, believes, Gaussian(schedule), times, rng=Rng.of(0, count), x=x)
    assert isinstance(end, Tensor)
    return moment_error(end / schedule.alpha(times[-1]), noise_ratio(schedule, times[-1]))


def distribution_rows(count: int) -> list[dict[str, Any]]:
    """One row a stochastic sampler: its weak error at each count of steps; the spread is that of the fewest."""
    flow = RectifiedFlow()
    levels = even_levels(flow, 1)
    floor = chance(count, noise_ratio(flow, levels[-1]))
    rows = []
    for sampler, evaluations in STOCHASTIC:
        first = [end_error(sampler, s, even_levels(s, WEAK[0]), count) for s in SCHEDULES]
        finer = [end_error(sampler, flow, even_levels(flow, n), count) for n in WEAK[1:]]
        errors = [first[SCHEDULES.index(flow)], *finer]
        clear = [n for n, e in zip(WEAK, errors, strict=True) if e > CLEAR_OF_CHANCE * floor]
        rows.append({
            "sampler": name_of(sampler),
            "evaluations a step": evaluations,
            **{f"{n} steps": e for n, e in zip(WEAK, errors, strict=True)},
            "exact samples": floor,
            "weak order": slope(clear, errors[: len(clear)]),
            "spread": max(first) / min(first) - 1.0,
        })  # fmt: skip
    return rows


# what leaves a marginal as it is --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FlowMap:
    """A consistency function: the end of the flow through x_t, solved finely."""

    schedule: Schedule

    def __call__(self, x: Any, t: Time, conditions: Conditions) -> Posterior:
        process, rng = Gaussian(self.schedule), Rng.of(0, len(x))
        levels = [noise_ratio(self.schedule, float(t)) * (1.0 - i / 8) ** 2 for i in range(8)]
        times = [float(t), *(time_of_ratio(self.schedule, level) for level in levels[1:]), 0.0]
        return Posterior(sample(RK4(), exact(self.schedule), process, times, rng=rng, x=x))


def _langevin(snr: float, steps: int) -> Callable[[Schedule, float, int], float]:
    """The error that Langevin steps make of true states."""

    def error(schedule: Schedule, level: float, count: int) -> float:
        t = time_of_ratio(schedule, level)
        x: Any = noisy(schedule, t, count)
        for number in range(steps):
            rng = Rng.of(0, count).at("langevin", number)
            x = langevin(exact(schedule), Gaussian(schedule), x, t, snr, rng, {})
        return moment_error(x / schedule.alpha(t), level)

    return error


def _restart(schedule: Schedule, level: float, count: int) -> float:
    """The error that three restarts, up to four times the level and down by an all but exact solver, make."""
    sampler = Restart(RK4(), low=level, high=4.0 * level, times=3, steps=6)
    above, there = time_of_ratio(schedule, 1.05 * level), time_of_ratio(schedule, level)
    now = Step(noisy(schedule, above, count), above, total=1)
    after = sampler.step(exact(schedule), Gaussian(schedule), now, there, Rng.of(0, count), {}).x
    assert isinstance(after, Tensor)
    return moment_error(after / schedule.alpha(there), level)


def _consistency(function: Callable[[Schedule], Denoiser]) -> Callable[[Schedule, float, int], float]:
    """The error after two steps, from noise level 4 to twice the level, and on to it."""

    def error(schedule: Schedule, level: float, count: int) -> float:
        times = [time_of_ratio(schedule, v) for v in (4.0, min(2.0 * level, 3.5), level)]
        return end_error(Consistency(), schedule, times, count, function(schedule))

    return error


MARGINALS: tuple[tuple[str, Callable[[Schedule, float, int], float]], ...] = (
    ("20 Langevin steps, snr 0.04", _langevin(0.04, 20)),
    ("20 Langevin steps, snr 0.16", _langevin(0.16, 20)),
    ("Restart(RK4(), times=3, steps=6), to 4 × the level", _restart),
    ("Consistency() of a consistency function", _consistency(FlowMap)),
    ("Consistency() of the posterior mean", _consistency(exact)),
)


def marginal_rows(count: int) -> list[dict[str, Any]]:
    """One row a move: the moment error that it makes of true states at a noise level."""
    schedule = RectifiedFlow()
    moves = (*MARGINALS, ("exact samples", lambda _, level, n: chance(n, level)))
    return [
        {"from true states": name, **{f"at σ/α = {level:g}": error(schedule, level, count) for level in LEVELS}}
        for name, error in moves
    ]
