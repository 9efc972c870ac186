"""``optimize``: find, for one model, the solver and the noise levels that serve it best at few steps.

The model's probability flow is solved finely for a few samples; every solver gets the grid at which its local errors do
least harm (:mod:`suffuse.sampling.optimized`); then all are run on other samples, on that grid and on the common ones,
and once more on the best grid of all. What ends nearest to the flow's exact end is kept. The network is asked about
``samples × (400 + 5 × solvers × steps)`` times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from suffuse.budgets import Budget, Component
from suffuse.conditions import Conditions, Label
from suffuse.errors import RecipeError
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian, noise_ratio
from suffuse.rng import Rng
from suffuse.sampling import GAUSSIAN, Heun, Karras, Levels, LogSnr, ShiftedFlow, UniPC, sample
from suffuse.sampling.optimized import FINEST, Reference
from suffuse.sampling.optimized import optimize as optimize_grid
from suffuse.state import State, combine, map_fields, masked_mean, to
from suffuse.tasks.plan import Sampling, deal, encode_part, make_plan
from suffuse.trained import Trained

M = TypeVar("M", bound=Trained)

HIGHEST = 80.0
"""The noise level above which an evaluation tells nothing of standardized data."""

STEPS = (5, 10, 20)
"""The numbers of steps that are optimized unasked."""

SOLVERS = (
    Component("dpmpp", {"order": 2}),
    Component("dpmpp", {"order": 3}),
    Component("unipc", {"order": 2}),
    Component("unipc", {"order": 3}),
    Component("deis", {"order": 3}),
    Component("ipndm", {"order": 3}),
    Component("ipndm", {"order": 4}),
    Component("adams", {"order": 2}),
    Component("adams", {"order": 3}),
)
"""The solvers that compete: deterministic, with one evaluation a step."""


@dataclass(frozen=True)
class Trial:
    """One solver on one grid.

    Arguments:
        steps: made.
        sampler: the solver.
        grid: ``optimized``, or a common grid's name.
        levels: of the grid.
        error: root mean square distance from the flow's exact end.
    """

    steps: int
    sampler: Component
    grid: str
    levels: tuple[float, ...]
    error: float


@dataclass(frozen=True)
class Optimized:
    """What was found.

    Arguments:
        budgets: the best trial at each number of steps.
        trials: all of them.
    """

    budgets: Mapping[int, Budget]
    trials: Sequence[Trial]

    def apply(self, model: M) -> M:
        """The model, with what was found added to what it had."""
        return replace(model, budgets={**model.budgets, **self.budgets})


def optimize(
    model: Trained,
    steps: Sequence[int] = STEPS,
    *,
    samples: int = 24,
    seed: int = 0,
    solvers: Sequence[Component] = SOLVERS,
    on_step: Callable[[int, int], None] | None = None,
) -> Optimized:
    """Measure solvers and grids on a model.

    Arguments:
        model: of Gaussian noise.
        steps: the numbers of steps to be optimized.
        samples: trajectories to find grids on, and as many to measure on; labels are dealt out in turn.
        seed: of the first.
        solvers: the competitors.
        on_step: called with (rounds done, rounds in all).

    Raises:
        RecipeError: a number of steps is out of range, or there are no samples.
        UnsupportedError: the model's process is not Gaussian; or a solver draws fresh noise, or asks the denoiser
            between the times of the grid.
    """
    if samples < 1:
        raise RecipeError("must be at least 1", field="samples", got=samples)
    process = GAUSSIAN.of(model.process, "optimize")
    labels = {name: list(kind.classes) for name, kind in model.conditions.items() if isinstance(kind, Label)}
    conditions = encode_part(model, deal(labels, samples), slice(0, samples), samples)
    denoiser = make_plan(model, Sampling(sampler=Heun(), grid=LogSnr(FINEST))).guided

    def like(rng: Rng) -> State:
        return to(model.codec.like(len(rng), rng.at("like")), model.device)

    return compete(denoiser, process, like, conditions, steps, samples, seed, solvers, on_step)


def compete(
    denoiser: Denoiser,
    process: Gaussian,
    like: Callable[[Rng], State],
    conditions: Conditions,
    steps: Sequence[int],
    samples: int = 24,
    seed: int = 0,
    solvers: Sequence[Component] = SOLVERS,
    on_step: Callable[[int, int], None] | None = None,
) -> Optimized:
    """:func:`optimize` for any denoiser.

    Arguments:
        like: lends shapes to samples with the given streams.
        conditions: of ``samples`` samples.
    """
    for count in steps:
        if not 1 <= count < FINEST:
            raise RecipeError("is out of range", field="steps", expected=f"1 to {FINEST - 1}", got=count)
    bench = _Bench.prepare(denoiser, process, like, conditions, Rng.of(seed, samples), Rng.of(seed + samples, samples))
    trials: list[Trial] = []
    for number, count in enumerate(steps):
        mine: list[Trial] = []
        for turn, solver in enumerate(solvers, start=1):
            mine += bench.trials(solver, count)
            if on_step is not None:
                on_step(number * len(solvers) + turn, len(steps) * len(solvers))
        trials += mine + bench.exchange(mine, solvers)
    best = {count: min((t for t in trials if t.steps == count), key=lambda t: t.error) for count in steps}
    return Optimized({n: Budget(t.sampler, t.levels, t.error) for n, t in best.items()}, trials)


@dataclass(frozen=True)
class _Bench:
    """Trajectories to find grids on, and others, with their ends, to measure on."""

    reference: Reference
    denoiser: Denoiser
    process: Gaussian
    rng: Rng
    like: State
    conditions: Conditions
    ends: State

    @classmethod
    def prepare(
        cls,
        denoiser: Denoiser,
        process: Gaussian,
        like: Callable[[Rng], State],
        conditions: Conditions,
        found: Rng,
        measured: Rng,
    ) -> _Bench:
        reference = Reference.solve(denoiser, process, found, like(found), conditions)
        shape = like(measured)
        ends = sample(UniPC(3), denoiser, process, LogSnr(2 * FINEST), rng=measured, like=shape, conditions=conditions)
        return cls(reference, denoiser, process, measured, shape, conditions, ends)

    def trials(self, solver: Component, steps: int) -> list[Trial]:
        """A solver on its own grid and on the common ones."""
        schedule = self.process.schedule
        grids = {"optimized": optimize_grid(self.reference, solver.make("sampler"), steps)}
        for name, grid in (("log-snr", LogSnr(steps)), ("karras", Karras(steps)), ("flow", ShiftedFlow(steps, 1.0))):
            first, *rest = (noise_ratio(schedule, t) for t in grid(schedule)[:-1])
            grids[name] = Levels((min(first, HIGHEST), *rest))
        return [Trial(steps, solver, name, grid.levels, self._error(solver, grid)) for name, grid in grids.items()]

    def exchange(self, trials: Sequence[Trial], solvers: Sequence[Component]) -> list[Trial]:
        """All other solvers on the best grid."""
        best = min(trials, key=lambda t: t.error)
        others = [solver for solver in solvers if solver != best.sampler]
        return [replace(best, sampler=s, error=self._error(s, Levels(best.levels))) for s in others]

    def _error(self, solver: Component, grid: Levels) -> float:
        end = sample(
            solver.make("sampler"),
            self.denoiser,
            self.process,
            grid,
            rng=self.rng,
            like=self.like,
            conditions=self.conditions,
        )
        difference = combine((1.0, end), (-1.0, self.ends))
        return float(masked_mean(map_fields(lambda x: x.square(), difference)).mean().sqrt())
