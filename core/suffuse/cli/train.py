"""``suffuse train``."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.screen import progress, results
from suffuse.cli.verb import INTERRUPTED, print_json, verb

if TYPE_CHECKING:
    from suffuse.training.run import Run

RecipeSource = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A YAML file, or a ready recipe's name: `suffuse plugins info images` lists them.",
        autocompletion=opt.names_of("recipe"),
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="What to change of it, as train.steps=100.", show_default=False),
]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on from the folder's checkpoint, or start over.")
]


@verb
def train(
    recipe: RecipeSource,
    overrides: Overrides = None,
    out: opt.Out = None,
    resume: Resume = True,
    as_json: opt.Json = False,
) -> None:
    """Train a model by a recipe. Ctrl-C saves and stops; the same command with --out goes on."""
    from suffuse.recipe import load_recipe
    from suffuse.tasks.train import train as run_training

    run = run_training(load_recipe(recipe, overrides or []), out=out, resume=resume, console=progress())
    if os.environ.get("RANK", "0") != "0":  # of several processes, the first speaks
        return
    if as_json:
        print_json(describe(run))
    elif not run.interrupted:
        _tell(run)
    if run.interrupted:
        stop_short(run, ["suffuse", "train", recipe, *(overrides or []), "--out", str(run.folder)])


def describe(run: Run) -> dict[str, object]:
    """A run as JSON-able data."""
    return {
        "folder": str(run.folder),
        "model": str(run.model_path) if run.model_path.exists() else None,
        "step": run.step,
        "begun": run.begun,
        "interrupted": run.interrupted,
        "metrics": dict(run.metrics),
    }


def stop_short(run: Run, again: list[str]) -> None:
    """Say how to go on with a run that was interrupted, and leave."""
    typer.echo(f"interrupted at step {run.step}; all is saved. To go on:\n  {shlex.join(again)}", err=True)
    raise typer.Exit(INTERRUPTED)


def made(run: Run) -> str:
    """What was done, and what was done before."""
    if run.begun == 0:
        return f"trained {run.step} steps"
    if run.begun == run.step:
        return f"complete already: {run.step} steps were trained before (--no-resume starts over)"
    return f"trained {run.step - run.begun} steps more, {run.step} in all"


def _tell(run: Run) -> None:
    figures = ", ".join(f"{name} {value:.4g}" for name, value in run.metrics.items())
    results().print(f"{made(run)}: {figures}")
    point_to(run)


def point_to(run: Run) -> None:
    """Where the run's results lie, and what can be done with them."""
    from suffuse.recipe import load_recipe

    console = results()
    console.print(f"  model   {run.model_path}")
    console.print(f"  folder  {run.folder}")
    console.print("next:")
    folder = shlex.quote(str(run.folder))
    if load_recipe(run.recipe_path).process.coupling is not None:
        console.print(f"  suffuse bridge {folder} FILE")
    else:
        label = _label(run)
        console.print(f"  suffuse generate {folder}" + (f" --label {shlex.quote(label)}" if label else ""))
    for verb_name in ("evaluate", "report"):
        console.print(f"  suffuse {verb_name} {folder}")


def _label(run: Run) -> str | None:
    """A class that the run's model can be asked for, if it has any."""
    from suffuse.tensorfile import read_header
    from suffuse.trained import FORMAT, VERSION

    conditions = read_header(run.model_path, FORMAT, VERSION)["conditions"].values()
    return next((kind["classes"][0] for kind in conditions if kind["kind"] == "label"), None)
