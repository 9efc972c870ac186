"""Claim: every sampler converges at its nominal order under every schedule.

The oracle is a Gaussian mixture, whose posterior is exact. Deterministic samplers: the error is the root mean square
distance of 64 end states to an extrapolated solution of 4,000 Heun steps, between the noise levels σ/α = 4 and 0.05;
the order is the slope of log error over log steps. Two grids: noise levels evenly spaced in log σ/α, the same under
every schedule, and times evenly spaced in the schedule's own t, which differ.

At equal noise levels a sampler must end at the same x/α under every schedule; ``spread`` is how far they are apart,
relative to the error.

Stochastic samplers have no trajectory to converge to, but a distribution: the error is that of mean and covariance of
many end states (weak error), to be compared with that of as many exact samples; the order is its slope from 8 steps to
the last count whose error stands clear of chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.report import markdown, name_of, parser, save, show
from suffuse.process import EDM, VE, Cosine, Gaussian, RectifiedFlow, Schedule, SubVP, VPLinear, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling import DDIM, DDPM, DPMpp2M, Euler, Heun, Sampler, sample
from tests.oracles import Exact, three_modes

SCHEDULES: tuple[Schedule, ...] = (VPLinear(), Cosine(), VE(), EDM(), RectifiedFlow(), SubVP())
SAMPLERS: tuple[tuple[Sampler, int, int], ...] = (
    (DDIM(), 1, 1),
    (Euler(), 1, 1),
    (Heun(), 2, 2),
    (Heun(coordinates="sigma"), 2, 2),
    (DPMpp2M(), 1, 2),
)
"""Deterministic ones, with evaluations a step and nominal order."""
STOCHASTIC: tuple[tuple[Sampler, int], ...] = (
    (DDIM(0.5), 1),
    (DDPM(), 1),
    (Euler(churn=10.0), 1),
    (Heun(churn=10.0), 2),
)
"""With evaluations a step."""
HIGH, LOW = 4.0, 0.05
SHOWN = (8, 16, 32, 64)
WEAK = (*SHOWN, 128)
CLEAR_OF_CHANCE = 4.0
"""How many times the error of exact samples a weak error must be, to be part of a slope."""

Grid = Callable[[Schedule, int], list[float]]


def even_levels(schedule: Schedule, steps: int) -> list[float]:
    """Times evenly spaced in log σ/α."""
    span = math.log(LOW / HIGH)
    return [time_of_ratio(schedule, HIGH * math.exp(i / steps * span)) for i in range(steps + 1)]


def even_times(schedule: Schedule, steps: int) -> list[float]:
    """Times evenly spaced in t."""
    first, last = time_of_ratio(schedule, HIGH), time_of_ratio(schedule, LOW)
    return [first + i / steps * (last - first) for i in range(steps + 1)]


FITTED: tuple[tuple[str, Grid, tuple[int, ...]], ...] = (
    ("even in log σ/α", even_levels, (64, 128, 256)),
    ("even in t", even_times, (512, 1024, 2048)),
)
"""Grids, and the counts of steps over which the order is fitted: as fine as the worst-suited schedule needs."""


def solve(sampler: Sampler, schedule: Schedule, grid: Sequence[float], count: int, seed: int = 0) -> Tensor:
    """The ends of ``count`` trajectories, as x/α so that schedules can be compared."""
    clean, rng = three_modes().sample(count, seed), Rng.of(seed, count)
    x = schedule.alpha(grid[0]) * clean + schedule.sigma(grid[0]) * rng.normal(clean)
    end = sample(sampler, Exact(three_modes(), schedule), Gaussian(schedule), grid, rng=rng, x=x)
    assert isinstance(end, Tensor)
    return end / schedule.alpha(grid[-1])


def slope(counts: Sequence[int], errors: Sequence[float]) -> float | None:
    """The order: minus the slope of log error over log count, by least squares; ``None`` from fewer than two."""
    if len(counts) < 2:
        return None
    x, y = (torch.tensor(v, dtype=torch.float64).log() for v in (counts, errors))
    return float(-((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


# deterministic --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Strong:
    """Errors against the ODE's own solution."""

    reference: Tensor

    @classmethod
    def of(cls, count: int, steps: int) -> Strong:
        """Heun's solution, extrapolated (Richardson 1911), so that its error is far below all that is measured."""
        flow = RectifiedFlow()
        coarse, fine = (solve(Heun(), flow, even_levels(flow, n), count) for n in (steps // 2, steps))
        return cls((4.0 * fine - coarse) / 3.0)

    def error(self, sampler: Sampler, schedule: Schedule, grid: Sequence[float]) -> float:
        ends = solve(sampler, schedule, grid, len(self.reference))
        return float((ends - self.reference).square().mean().sqrt())

    def order(self, sampler: Sampler, schedule: Schedule, grid: Grid, counts: Sequence[int]) -> float | None:
        return slope(counts, [self.error(sampler, schedule, grid(schedule, n)) for n in counts])


def order_rows(strong: Strong) -> list[dict[str, Any]]:
    """One row a sampler and grid: the order under each schedule."""
    return [
        {
            "sampler": name_of(sampler),
            "grid": name,
            "evaluations a step": evaluations,
            "nominal order": nominal,
            **{type(s).__name__: strong.order(sampler, s, grid, counts) for s in SCHEDULES},
        }
        for name, grid, counts in FITTED
        for sampler, evaluations, nominal in SAMPLERS
    ]


def error_rows(strong: Strong) -> list[dict[str, Any]]:
    """One row a sampler: its error at each count of steps, evenly spaced in log σ/α."""
    rows = []
    for sampler, _, _ in SAMPLERS:
        errors = {n: [strong.error(sampler, s, even_levels(s, n)) for s in SCHEDULES] for n in SHOWN}
        rows.append({
            "sampler": name_of(sampler),
            **{f"{n} steps": max(found) for n, found in errors.items()},
            "spread": max(max(found) / min(found) - 1.0 for found in errors.values()),
        })  # fmt: skip
    return rows


# stochastic -----------------------------------------------------------------------------------------------------------


def moment_error(ends: Tensor) -> float:
    """The distance of mean and covariance to those of the mixture at noise level LOW."""
    mixture = three_modes()
    mean = mixture.means.mean(0)
    covariance = torch.cov(mixture.means.T, correction=0) + (mixture.std**2 + LOW**2) * torch.eye(mean.shape[0])
    off = torch.cat([ends.mean(0) - mean, (torch.cov(ends.T) - covariance).flatten()])
    return float(off.square().sum().sqrt())


def chance(count: int) -> float:
    """The error of exact samples, the root mean square of eight draws."""
    errors = []
    for seed in range(8):
        clean = three_modes().sample(count, 1000 + seed)
        errors.append(moment_error(clean + LOW * Rng.of(seed, count).at("chance").normal(clean)))
    return math.sqrt(sum(e * e for e in errors) / len(errors))


def distribution_rows(count: int) -> list[dict[str, Any]]:
    """One row a stochastic sampler: its weak error at each count of steps; the spread is that of the fewest."""
    floor, reference = chance(count), RectifiedFlow()
    rows = []
    for sampler, evaluations in STOCHASTIC:
        ends = [solve(sampler, s, even_levels(s, WEAK[0]), count) for s in SCHEDULES]
        finer = [solve(sampler, reference, even_levels(reference, n), count) for n in WEAK[1:]]
        errors = [moment_error(e) for e in (ends[SCHEDULES.index(reference)], *finer)]
        clear = [n for n, e in zip(WEAK, errors, strict=True) if e > CLEAR_OF_CHANCE * floor]
        rows.append({
            "sampler": name_of(sampler),
            "evaluations a step": evaluations,
            **{f"{n} steps": e for n, e in zip(WEAK, errors, strict=True)},
            "exact samples": floor,
            "weak order": slope(clear, errors[: len(clear)]),
            "spread": max(moment_error(e) for e in ends) / min(moment_error(e) for e in ends) - 1.0,
        })  # fmt: skip
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    command = parser(__doc__)
    command.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as a page of documentation")
    command.add_argument("--count", type=int, default=64, help="trajectories of deterministic samplers")
    command.add_argument("--reference", type=int, default=4000, metavar="STEPS", help="of the solution compared with")
    command.add_argument("--samples", type=int, default=1 << 18, help="end states of stochastic samplers")
    options = command.parse_args(arguments)
    strong = Strong.of(options.count, options.reference)
    tables = {
        "Convergence order, measured": order_rows(strong),
        "Error, steps even in log σ/α": error_rows(strong),
        "Stochastic samplers: error of mean and covariance": distribution_rows(options.samples),
    }
    for title, rows in tables.items():
        show(title, rows)
    save(options.json, **dict(zip(("orders", "errors", "distributions"), tables.values(), strict=True)))
    if options.markdown is not None:
        page = "\n".join(f"## {title}\n\n{markdown(rows)}" for title, rows in tables.items())
        head = "# Samplers: orders and errors\n\nWritten by `python -m benchmarks.order`, which says how.\n\n"
        options.markdown.write_text(head + page, encoding="utf-8")


if __name__ == "__main__":
    main()
