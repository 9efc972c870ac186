"""``suffuse restore``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.made import Output, Resume, make_from
from suffuse.cli.verb import verb

OperatorText = Annotated[
    str,
    typer.Option(
        "--operator",
        metavar="NAME[:KEY=VALUE,…]",
        help="What was done to the items, as blur:sigma=1.5.",
        autocompletion=opt.names_of("operator"),
    ),
]
Noise = Annotated[
    float, typer.Option("--noise", min=0.0, help="Deviation of the noise upon that, in units of the data's own.")
]
Degrade = Annotated[
    bool, typer.Option("--degrade", help="The items are clean: do it to them first, and show how much comes back.")
]


@verb
def restore(
    model: opt.ModelSource,
    items: opt.Items,
    operator: OperatorText = "identity",
    noise: Noise = 0.0,
    method: opt.Method = None,
    degrade: Degrade = False,
    count: opt.Completions = 1,
    seed: opt.Seed = 0,
    label: opt.LabelOption = None,
    prompt: opt.Prompt = None,
    conditions: opt.Set = None,
    steps: opt.Steps = None,
    sampler: opt.SamplerText = None,
    grid: opt.GridText = None,
    schedule: opt.ScheduleText = None,
    guidance: opt.Guidance = None,
    interval: opt.IntervalText = None,
    negative: opt.Negative = None,
    compose: opt.Compose = None,
    batch: opt.Batch = 64,
    precision: opt.Precision = None,
    device: opt.Device = None,
    out: opt.Out = None,
    out_options: opt.OutOptions = None,
    resume: Resume = True,
    as_json: opt.Json = False,
) -> None:
    """Undo noise, blur, or lost resolution, colour or frequencies."""
    from suffuse.tasks.restore import restore as undo
    from suffuse.tasks.samples import check_out

    loaded = opt.load_model(model, device)
    place = check_out(loaded, out or opt.fresh_folder(Path("restored") / opt.title(model)))
    writing = opt.parse_writing(loaded, out_options, place)
    plan = opt.read_plan(
        loaded, label=label, prompt=prompt, conditions=conditions, steps=steps, sampler=sampler, grid=grid,
        schedule=schedule, guidance=guidance, interval=interval, negative=negative, compose=compose,
        precision=precision,
    )  # fmt: skip
    call = {
        "operator": opt.make_component("operator", operator), "noise": noise, "degrade": degrade, "count": count,
        "seed": seed, "method": opt.make_component("method", method), "batch": batch, **plan,
    }  # fmt: skip
    make_from("restore", loaded, items, Output(place, out, resume, writing, as_json), partial(undo, loaded), call)
