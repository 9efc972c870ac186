"""``suffuse vary``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from suffuse.cli import filtering
from suffuse.cli import options as opt
from suffuse.cli.made import Output, Resume, make_from
from suffuse.cli.verb import verb

Strength = Annotated[
    float | None,
    typer.Option(
        "--strength", min=0.0, max=1.0, help="The share of noise: 0 gives an item back, 1 forgets it; 0.5 by default."
    ),
]
Alike = Annotated[
    float | None,
    typer.Option(
        "--similarity",
        min=0.0,
        max=1.0,
        help="How alike variations are to their item on average; the strength is found for each.",
    ),
]


@verb
def vary(
    model: opt.ModelSource,
    items: opt.Items,
    strength: Strength = None,
    similarity: Alike = None,
    count: opt.Completions = 4,
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
    filters: filtering.Filters = None,
    tries: filtering.Tries = None,
    batch: opt.Batch = 64,
    precision: opt.Precision = None,
    device: opt.Device = None,
    out: opt.Out = None,
    out_options: opt.OutOptions = None,
    resume: Resume = True,
    as_json: opt.Json = False,
) -> None:
    """Variations of items: noise them a little, and make them anew from there."""
    from suffuse.tasks.samples import check_out
    from suffuse.tasks.vary import vary as make_variations

    loaded = opt.load_model(model, device)
    place = check_out(loaded, out or opt.fresh_folder(Path("varied") / opt.title(model)))
    writing = opt.parse_writing(loaded, out_options, place)
    plan = opt.read_plan(
        loaded, label=label, prompt=prompt, conditions=conditions, steps=steps, sampler=sampler, grid=grid,
        schedule=schedule, guidance=guidance, interval=interval, negative=negative, compose=compose,
        precision=precision,
    )  # fmt: skip
    call = {
        "strength": strength, "similarity": similarity, "count": count, "seed": seed,
        "filters": filtering.parse_filters(loaded, filters), "tries": tries, "batch": batch, **plan,
    }  # fmt: skip
    output = Output(place, out, resume, writing, as_json)
    make_from("vary", loaded, items, output, partial(make_variations, loaded), call)
