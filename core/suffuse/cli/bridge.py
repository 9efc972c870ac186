"""``suffuse bridge``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.made import Output, Resume, make_from
from suffuse.cli.verb import verb

Degrade = Annotated[bool, typer.Option("--degrade", help="The items are clean: degrade them first, as in training.")]
Each = Annotated[int, typer.Option("--count", "-n", min=1, help="How many to make of each item.")]


@verb
def bridge(
    model: opt.ModelSource,
    items: opt.Items,
    degrade: Degrade = False,
    count: Each = 1,
    seed: opt.Seed = 0,
    label: opt.LabelOption = None,
    prompt: opt.Prompt = None,
    conditions: opt.Set = None,
    steps: opt.Steps = None,
    sampler: opt.SamplerText = None,
    grid: opt.GridText = None,
    batch: opt.Batch = 64,
    precision: opt.Precision = None,
    device: opt.Device = None,
    out: opt.Out = None,
    out_options: opt.OutOptions = None,
    resume: Resume = True,
    as_json: opt.Json = False,
) -> None:
    """From degraded items to whole ones, with a model that was trained from one to the other."""
    from suffuse.tasks.bridge import bridge as cross
    from suffuse.tasks.samples import check_out

    loaded = opt.load_model(model, device)
    place = check_out(loaded, out or opt.fresh_folder(Path("bridged") / opt.title(model)))
    writing = opt.parse_writing(loaded, out_options, place)
    plan = opt.read_plan(
        loaded, label=label, prompt=prompt, conditions=conditions, steps=steps, sampler=sampler, grid=grid,
        precision=precision,
    )  # fmt: skip

    call = {"degrade": degrade, "count": count, "seed": seed, "batch": batch, **plan}
    output = Output(place, out, resume, writing, as_json)
    make_from("bridge", loaded, items, output, partial(cross, loaded), call, gaps=True)
