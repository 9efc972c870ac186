"""``suffuse distill``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.screen import progress, results
from suffuse.cli.train import Resume, describe, made, point_to
from suffuse.cli.verb import INTERRUPTED, print_json, verb

if TYPE_CHECKING:
    from suffuse.training.run import Run

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="What to change of the student's recipe, as data.limit=500."),
]
FewSteps = Annotated[int, typer.Option("--steps", min=1, help="Steps from noise to data that the student makes.")]
TrainSteps = Annotated[int | None, typer.Option("--train-steps", min=1, help="Optimizer steps.", show_default=False)]
TrainBatch = Annotated[
    int | None, typer.Option("--batch", min=1, help="Examples in one batch; as the teacher's.", show_default=False)
]


@verb
def distill(
    model: opt.ModelSource,
    overrides: Overrides = None,
    steps: FewSteps = 2,
    train_steps: TrainSteps = None,
    batch: TrainBatch = None,
    guidance: opt.Guidance = None,
    interval: opt.IntervalText = None,
    out: opt.Out = None,
    resume: Resume = True,
    as_json: opt.Json = False,
) -> None:
    """Make a model of few steps out of a trained one. Ctrl-C saves and stops; the same command goes on."""
    from suffuse.tasks.distill import distill as run_distillation

    run = run_distillation(
        model,
        steps=steps,
        train_steps=train_steps,
        batch=batch,
        guidance=guidance,
        interval=opt.parse_interval(interval),
        overrides=overrides or [],
        out=out,
        resume=resume,
        console=progress(),
    )
    if os.environ.get("RANK", "0") != "0":  # of several processes, the first speaks
        return
    if as_json:
        print_json(describe(run))
    elif not run.interrupted:
        _tell(run, steps)
    if run.interrupted:
        typer.echo(f"interrupted at step {run.step}; all is saved in {run.folder}. The same command goes on.", err=True)
        raise typer.Exit(INTERRUPTED)


def _tell(run: Run, steps: int) -> None:
    results().print(f"distilled to {steps} step{'s' if steps > 1 else ''}: {made(run)}")
    point_to(run)
