"""``suffuse optimize``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.screen import item_bar, results
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from rich.table import Table

    from suffuse.tasks.optimize import Optimized

StepCounts = Annotated[str, typer.Option("--steps", metavar="N,N,…", help="The numbers of steps to optimize.")]
Samples = Annotated[int, typer.Option("--samples", min=1, help="Trajectories to find grids on, and to measure on.")]


@verb
def optimize(
    model: opt.ModelSource,
    steps: StepCounts = "5,10,20",
    samples: Samples = 24,
    seed: opt.Seed = 0,
    device: opt.Device = None,
    out: opt.Out = None,
    as_json: opt.Json = False,
) -> None:
    """Find the solver and the noise levels that serve a model best at few steps, and keep them in its file."""
    from suffuse.tasks.optimize import SOLVERS
    from suffuse.tasks.optimize import optimize as find

    counts = _counts(steps)
    loaded = opt.load_model(model, device)
    place = out or _own_file(model)
    with item_bar("optimize", len(counts) * len(SOLVERS)) as on_step:
        found = find(loaded, counts, samples=samples, seed=seed, on_step=on_step)
    path = found.apply(loaded).save(place)
    if as_json:
        print_json({"file": path, "budgets": {n: budget.to_json() for n, budget in found.budgets.items()}})
        return
    console = results()
    console.print(_table(found))
    console.print(f"kept in {path}: used wherever no sampler and no grid is asked for")


def _counts(text: str) -> list[int]:
    from suffuse.errors import RecipeError

    try:
        return sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise RecipeError("is wrong", field="--steps", expected="numbers, as 5,10,20", got=repr(text)) from error


def _own_file(source: str) -> Path:
    """The file that the model came from; a starter's is not to be changed."""
    from suffuse.errors import StorageError
    from suffuse.trained import locate

    if not Path(source).exists():
        raise StorageError("belongs to a plugin", field=source, fix="say with --out where the optimized model goes")
    return locate(source)


def _table(found: Optimized) -> Table:
    """What was kept, and what the same solver makes of a common grid."""
    from rich.table import Table

    table = Table(title="distance from the probability flow's exact end", title_justify="left")
    for name in ("steps", "sampler", "grid", "distance", "on log-snr", "on karras"):
        table.add_column(name, justify="left" if name in ("sampler", "grid") else "right")
    for steps, budget in found.budgets.items():
        same = {t.grid: t for t in found.trials if t.steps == steps and t.sampler == budget.sampler}
        grid = min(same.values(), key=lambda t: t.error).grid
        errors = (f"{same[name].error:.4f}" for name in ("log-snr", "karras"))
        table.add_row(str(steps), str(budget.sampler), grid, f"{budget.error:.4f}", *errors)
    return table
