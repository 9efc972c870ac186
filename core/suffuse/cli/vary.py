"""``suffuse vary``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.made import tell
from suffuse.cli.screen import item_bar
from suffuse.cli.verb import verb

Strength = Annotated[
    float,
    typer.Option("--strength", min=0.0, max=1.0, help="The share of noise: 0 gives an item back, 1 forgets it."),
]


@verb
def vary(
    model: opt.ModelSource,
    items: opt.Items,
    strength: Strength = 0.5,
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
    batch: opt.Batch = 64,
    device: opt.Device = None,
    out: opt.Out = None,
    as_json: opt.Json = False,
) -> None:
    """Variations of items: noise them a little, and make them anew from there."""
    from suffuse.tasks.items import read_items
    from suffuse.tasks.samples import check_out
    from suffuse.tasks.vary import vary as make_variations

    loaded = opt.load_model(model, device)
    place = check_out(loaded, out or opt.fresh_folder(Path("varied") / opt.title(model)))
    plan = {
        "conditions": opt.parse_conditions(loaded.conditions, label, prompt, conditions),
        "sampler": opt.make_component("sampler", sampler),
        "grid": opt.make_component("grid", grid, steps=steps or loaded.recipe.sample.steps),
        "schedule": opt.make_component("schedule", schedule),
        "interval": opt.parse_interval(interval),
        "negative": opt.parse_conditions(loaded.conditions, None, None, negative, "--negative"),
        "compose": opt.parse_composed(loaded.conditions, compose),
    }
    originals, names = read_items(loaded, items)
    begun = time.perf_counter()
    with item_bar("vary", len(originals) * count) as on_step:
        samples = make_variations(
            loaded,
            originals,
            strength,
            count=count,
            seed=seed,
            names=names,
            steps=steps,
            guidance=guidance,
            batch=batch,
            on_step=on_step,
            **plan,
        )
    tell(loaded, samples, place, time.perf_counter() - begun, as_json)
