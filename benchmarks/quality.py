r"""Claim: at 5, 10, 20 and 50 evaluations our default is at or below the best solver of diffusers and k-diffusion.

Everybody gets the same network, the same start x = 80 z and the same noise levels. *Error* is the root mean square
distance from the end of a finely solved probability flow; *Fréchet* is the distance of the samples from the data.

Two problems: a mixture of 25 Gaussians in the plane, whose belief is exact; and the starter ``fashion``, with labels in
turn. Solvers with two evaluations a step make half as many steps. Peers predict the clean state, so that nothing is
lost in their own tables of noise levels, and get the levels of the grid and zero (DEIS: 1e-4, it cannot reach zero).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from benchmarks.peers import AbsentPeer, peer
from benchmarks.report import cell, markdown, parser, save, show, tell
from suffuse.budgets import CONTINUOUS, Budget, Component
from suffuse.conditions import Conditions, encode_conditions
from suffuse.metrics import frechet_distance
from suffuse.model import Model, load
from suffuse.posterior import Denoiser
from suffuse.process import EDM, Gaussian, noise_ratio, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling import Grid, Karras, Levels, LogSnr, UniPC, sample
from suffuse.tasks.evaluate import open_splits
from suffuse.tasks.optimize import SOLVERS, compete
from tests.oracles import Exact, GaussianMixture

HIGHEST = 80.0
FINE = 400
"""Steps of the reference solution."""


class Problem(Protocol):
    """A network, and what its samples should be."""

    name: str
    process: Gaussian
    denoiser: Denoiser
    like: Tensor

    def conditions(self, count: int) -> Conditions: ...

    def frechet(self, samples: Tensor) -> float: ...

    def budget(self, steps: int) -> Budget: ...


@dataclass(frozen=True)
class Mixture:
    """25 modes on a square grid, of unit variance in all."""

    name: str = "mixture"
    process: Gaussian = field(default_factory=lambda: Gaussian(EDM(HIGHEST)))

    @cached_property
    def data(self) -> GaussianMixture:
        axis = torch.arange(-2.0, 3.0, dtype=torch.float64) / 2.0**0.5
        return GaussianMixture(torch.cartesian_prod(axis, axis), 0.07)

    @property
    def denoiser(self) -> Denoiser:
        return Exact(self.data, self.process.schedule)

    @property
    def like(self) -> Tensor:
        return torch.zeros(1, 2, dtype=torch.float64)

    def conditions(self, count: int) -> Conditions:
        return {}

    def frechet(self, samples: Tensor) -> float:
        return frechet_distance(samples, self.data.sample(len(samples), seed=1))

    def budget(self, steps: int) -> Budget:
        """Found on 24 + 24 samples, as for a model."""
        found = compete(self.denoiser, self.process, lambda rng: self.like.repeat(len(rng), 1), {}, (steps,))
        return found.budgets[steps]


@dataclass(frozen=True)
class Fashion:
    """The starter of 28 × 28 pictures of clothing."""

    name: str = "fashion"

    @cached_property
    def model(self) -> Model:
        return load("fashion")

    @property
    def process(self) -> Gaussian:
        process = self.model.process
        assert isinstance(process, Gaussian)
        return process

    @property
    def denoiser(self) -> Denoiser:
        return self.model.denoiser

    @property
    def like(self) -> Tensor:
        like = self.model.codec.like(1)
        assert isinstance(like, Tensor)
        return like

    def conditions(self, count: int) -> Conditions:
        return encode_conditions(self.model.conditions, {"label": [str(i % 10) for i in range(count)]}, count)

    def frechet(self, samples: Tensor) -> float:
        asked = {"label": [str(i % 10) for i in range(len(samples))]}
        items = self.model.codec.decode(samples)
        scores = self.model.domain.evaluate(items, asked, self._splits, self.model.codec)
        return scores["frechet_distance"]

    def budget(self, steps: int) -> Budget:
        """What the model's file holds."""
        return self.model.budgets[steps]

    @cached_property
    def _splits(self) -> Any:
        return open_splits(self.model.recipe)


# solvers --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """One batch of one problem."""

    problem: Problem
    seed: int
    count: int

    @property
    def noise(self) -> Tensor:
        return Rng.of(self.seed, self.count).at("prior").normal(self.problem.like.expand(self.count, *self._shape))

    @property
    def _shape(self) -> torch.Size:
        return self.problem.like.shape[1:]

    def ask(self, x: Tensor, sigma: float) -> Tensor:
        """x̂₀ of ``x = x₀ + σ ε``."""
        schedule = self.problem.process.schedule
        t = time_of_ratio(schedule, float(sigma))
        mean = self.problem.denoiser(schedule.alpha(t) * x.to(self.problem.like), t, self._conditions).mean
        assert isinstance(mean, Tensor)
        return mean

    @cached_property
    def _conditions(self) -> Conditions:
        return self.problem.conditions(self.count)

    def solve(self, sampler: Any, grid: Grid) -> Tensor:
        """Where our sampler ends."""
        process = self.problem.process
        times = grid(process.schedule)
        x = process.schedule.sigma(times[0]) * self.noise
        rng = Rng.of(self.seed, self.count)
        end = sample(sampler, self.problem.denoiser, process, times, rng=rng, x=x, conditions=self._conditions)
        assert isinstance(end, Tensor)
        return end


class Solver(Protocol):
    """A way from noise to data."""

    name: str
    house: str
    evaluations: int

    def __call__(self, task: Task, levels: Sequence[float]) -> Tensor: ...


@dataclass(frozen=True)
class Ours:
    """A sampler of suffuse."""

    component: Component
    evaluations: int = 1
    house: str = "suffuse"

    @property
    def name(self) -> str:
        return str(self.component)

    def __call__(self, task: Task, levels: Sequence[float]) -> Tensor:
        return task.solve(self.component.make("sampler"), Levels(tuple(levels)))


@dataclass(frozen=True)
class Diffusers:
    """A multistep scheduler of diffusers, which works in coordinates of unit variance."""

    scheduler: str
    options: dict[str, Any]
    lowest: float = 0.0
    evaluations: int = 1
    house: str = "diffusers"

    @property
    def name(self) -> str:
        order = self.options.get("solver_order")
        return self.scheduler.removesuffix("Scheduler") + (f"({order})" if order else "")

    def __call__(self, task: Task, levels: Sequence[float]) -> Tensor:
        scheduler = getattr(peer("diffusers"), self.scheduler)(prediction_type="sample", **self.options)
        scheduler.set_timesteps(len(levels))
        scheduler.sigmas = torch.tensor([*levels, self.lowest])
        scheduler.timesteps = torch.arange(len(levels), 0, -1)
        scheduler.num_inference_steps = len(levels)
        scale = [(1.0 + s * s) ** -0.5 for s in (*levels, self.lowest)]
        x = task.noise * levels[0] * scale[0]
        for i, t in enumerate(scheduler.timesteps):
            x = scheduler.step(task.ask(x / scale[i], levels[i]), t, x).prev_sample
        return x / scale[-1]


@dataclass(frozen=True)
class KDiffusion:
    """A sampler of k-diffusion, which works in x₀ + σ ε."""

    function: str
    evaluations: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    house: str = "k-diffusion"

    @property
    def name(self) -> str:
        return self.function

    def __call__(self, task: Task, levels: Sequence[float]) -> Tensor:
        function = getattr(peer("k_diffusion.sampling"), self.function)
        x = task.noise * levels[0]
        sigmas = torch.tensor([*levels, 0.0], dtype=x.dtype)
        end: Tensor = function(lambda x, s: task.ask(x, float(s[0])), x, sigmas, disable=True, **self.options)
        return end


_PP: dict[str, Any] = {"algorithm_type": "dpmsolver++", "final_sigmas_type": "zero"}

PEERS: tuple[Solver, ...] = (
    *(Diffusers("DPMSolverMultistepScheduler", {**_PP, "solver_order": order}) for order in (2, 3)),
    *(Diffusers("UniPCMultistepScheduler", {"solver_order": o, "final_sigmas_type": "zero"}) for o in (2, 3)),
    *(Diffusers("DEISMultistepScheduler", {"solver_order": order}, 1e-4) for order in (2, 3)),
    KDiffusion("sample_euler"),
    KDiffusion("sample_lms"),
    KDiffusion("sample_dpmpp_2m"),
    KDiffusion("sample_heun", 2),
    KDiffusion("sample_dpm_2", 2),
    KDiffusion("sample_dpmpp_2s_ancestral", 2, {"eta": 0.0}),
)
OURS: tuple[Solver, ...] = (
    Ours(Component("ddim")),
    Ours(Component("heun"), 2),
    *(Ours(component) for component in SOLVERS),
)


# measuring ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """A problem with its reference solution.

    Arguments:
        problem: what is sampled.
        count: samples whose error is measured.
        scored: samples for the Fréchet distance; 0: none.
        batch: of these, asked at a time.
    """

    problem: Problem
    count: int
    scored: int
    batch: int = 100

    @cached_property
    def task(self) -> Task:
        return Task(self.problem, 1000, self.count)

    @cached_property
    def truth(self) -> Tensor:
        return self.task.solve(UniPC(3), LogSnr(FINE))

    def common(self, steps: int) -> dict[str, Levels]:
        """The grids that need no model."""
        schedule = self.problem.process.schedule
        grids = {"log-snr": LogSnr(steps), "karras": Karras(steps)}
        levels = {name: [noise_ratio(schedule, t) for t in grid(schedule)[1:-1]] for name, grid in grids.items()}
        return {name: Levels((HIGHEST, *rest)) for name, rest in levels.items()}

    def error(self, solver: Solver, levels: Levels) -> float:
        """How far it ends from the flow's own end."""
        end = solver(self.task, levels.levels)
        return float((end.to(self.truth) - self.truth).square().mean().sqrt())

    def frechet(self, solver: Solver, levels: Levels) -> float | None:
        """How far its samples are from the data."""
        if self.scored == 0:
            return None
        starts = range(0, self.scored, self.batch)
        made = [solver(Task(self.problem, 5000 + first, self.batch), levels.levels) for first in starts]
        return self.problem.frechet(torch.cat([x.to(self.problem.like) for x in made]))


@torch.no_grad()
def measure(bench: Bench, budget: int) -> Iterator[dict[str, Any]]:
    """Our default, without and with ``suffuse optimize``; then every solver on every grid."""
    problem, schedule = bench.problem, bench.problem.process.schedule
    row = next(row for row in CONTINUOUS if budget <= row.most)
    levels = [noise_ratio(schedule, t) for t in row.grid.make("grid", steps=budget)(schedule)[1:-1]]
    default = {row.grid.name: Levels((HIGHEST, *levels))}
    yield _row(bench, Ours(row.sampler), "our default", row.grid.name, budget, default)
    own = problem.budget(budget)
    made = {"optimized": Levels(own.levels)}
    yield _row(bench, Ours(own.sampler), "our default, optimized", "optimized", budget, made)
    full, halved = {**bench.common(budget), **made}, bench.common((budget + 1) // 2)
    for solver in (*OURS, *PEERS):
        try:
            yield _row(bench, solver, solver.house, None, budget, full if solver.evaluations == 1 else halved)
        except AbsentPeer as reason:
            tell(str(reason))


def _row(
    bench: Bench, solver: Solver, house: str, grid: str | None, budget: int, given: dict[str, Levels]
) -> dict[str, Any]:
    """The errors on each grid, and the Fréchet distance on the best of them."""
    errors = {name: bench.error(solver, levels) for name, levels in given.items()}
    best = grid or min(errors, key=lambda name: errors[name])
    row = {
        "budget": budget,
        "whose": house,
        "solver": solver.name,
        **{name: errors.get(name) for name in ("log-snr", "karras", "optimized")},
        "best grid": best,
        "Fréchet there": bench.frechet(solver, given[best]),
    }
    tell("  ".join(f"{k}: {cell(v)}" for k, v in row.items()))
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    command = parser(__doc__)
    command.add_argument("--count", type=int, default=64, help="samples whose error is measured")
    command.add_argument("--scored", type=int, default=1000, help="samples for fashion's Fréchet distance; 0: none")
    command.add_argument("--budgets", type=int, nargs="+", default=[5, 10, 20, 50])
    command.add_argument("--problems", nargs="+", default=["mixture", "fashion"])
    command.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as a page of documentation")
    options = command.parse_args(arguments)
    benches = {
        "mixture": Bench(Mixture(), 1000, 10_000, 1000),
        "fashion": Bench(Fashion(), options.count, options.scored),
    }
    tables = {
        f"{name}, {budget} evaluations": list(measure(benches[name], budget))
        for name in options.problems
        for budget in options.budgets
    }
    for title, rows in tables.items():
        show(title, rows)
    if options.markdown is not None:
        page = "\n".join(f"## {title}\n\n{markdown(rows)}" for title, rows in tables.items())
        head = "# Solvers at few evaluations\n\nWritten by `python -m benchmarks.quality`, which says how.\n\n"
        options.markdown.write_text(head + page, encoding="utf-8")
    save(options.json, **tables)


if __name__ == "__main__":
    main()
