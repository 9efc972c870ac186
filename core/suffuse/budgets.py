"""What to sample with when nobody says: the solver and the grid that were measured best at a number of steps.

A model that was *optimized* carries its own: for each of a few numbers of steps, the solver and the noise levels that
came nearest to its probability flow. Other models share a table that was measured on several (docs/samplers.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from suffuse.errors import RecipeError
from suffuse.process import Gaussian, Process, Product
from suffuse.registry import make
from suffuse.sampling import Grid, Levels, Sampler

AUTO = "auto"
"""The name by which a recipe leaves the choice to the budget."""


@dataclass(frozen=True)
class Component:
    """A registered component by name, with its options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def make(self, kind: str, **more: Any) -> Any:
        """What its factory makes."""
        return make(kind, self.name, **{**self.options, **more})

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        options = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}:{options}" if options else self.name


@dataclass(frozen=True)
class Budget:
    """What was found best for one model at one number of steps.

    Arguments:
        sampler: the solver.
        levels: the noise levels σ/α of its steps, falling.
        error: how far it ended from the probability flow's exact end, as a root mean square.
    """

    sampler: Component
    levels: tuple[float, ...]
    error: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Budget:
        return cls(Component(**data["sampler"]), tuple(data["levels"]), data["error"])

    def grid(self, steps: int) -> Levels:
        """The levels, spread over another number of steps: evenly along the same curve of log σ/α."""
        known = [math.log(x) for x in self.levels]
        if steps == len(known):
            return Levels(self.levels)
        if len(known) == 1:
            known.append(known[0] - 1.0)
        return Levels(tuple(math.exp(_along(known, i / max(steps - 1, 1))) for i in range(steps)))


def _along(values: list[float], share: float) -> float:
    """The value at a share of the way through a list, linear between its entries."""
    place = share * (len(values) - 1)
    index = min(int(place), len(values) - 2)
    return values[index] + (place - index) * (values[index + 1] - values[index])


@dataclass(frozen=True)
class Choice:
    """A row of the common table.

    Arguments:
        most: the largest number of steps that it is for.
        sampler: the solver.
        grid: the times.
    """

    most: float
    sampler: Component
    grid: Component


CONTINUOUS = (
    Choice(7, Component("ipndm", {"order": 3}), Component("log-snr", {"sigma_min": 0.3})),
    Choice(14, Component("deis", {"order": 3}), Component("karras", {"sigma_min": 0.06})),
    Choice(30, Component("unipc", {"order": 3}), Component("log-snr", {"sigma_min": 0.03})),
    Choice(math.inf, Component("unipc", {"order": 3}), Component("log-snr")),
)
"""For Gaussian noise: measured by ``python -m benchmarks.quality``."""

MIXED = (
    Choice(7, Component("dpmpp", {"order": 2}), Component("uniform")),
    Choice(math.inf, Component("dpmpp-sde", {"order": 2}), Component("uniform")),
)
"""For states of numbers and categories: grids that dwell at low noise, where numbers settle, leave the categories too
few steps at high noise, where they do (docs/discrete.md)."""

DISCRETE = (Choice(math.inf, Component("ddpm"), Component("uniform")),)
"""For states of categories alone, and for bridges between data."""


def common_choice(process: Process, steps: int) -> Choice:
    """The common table's row for a process and a number of steps."""
    members = process.fields.values() if isinstance(process, Product) else [process]
    continuous = [isinstance(member, Gaussian) for member in members]
    table = CONTINUOUS if all(continuous) else MIXED if any(continuous) else DISCRETE
    return next(row for row in table if steps <= row.most)


def choose(
    process: Process,
    budgets: Mapping[int, Budget],
    steps: int,
    sampler: Sampler | None = None,
    grid: Grid | None = None,
) -> tuple[Sampler, Grid]:
    """The solver and the grid for a number of steps; what is given is kept.

    Arguments:
        process: of the model.
        budgets: the model's own, by steps.
        steps: asked for.
        sampler, grid: what the user chose.

    Raises:
        RecipeError: there are no steps.
    """
    if sampler is not None and grid is not None:
        return sampler, grid
    if steps < 1:
        raise RecipeError("must be at least 1", field="steps", expected=">= 1", got=steps)
    common = common_choice(process, steps)
    if grid is None and budgets:
        nearest = budgets[min(budgets, key=lambda known: abs(math.log(known / steps)))]
        return nearest.sampler.make("sampler") if sampler is None else sampler, nearest.grid(steps)
    return (
        common.sampler.make("sampler") if sampler is None else sampler,
        common.grid.make("grid", steps=steps) if grid is None else grid,
    )
