"""``suffuse bridge``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.made import tell
from suffuse.cli.screen import item_bar
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
    device: opt.Device = None,
    out: opt.Out = None,
    as_json: opt.Json = False,
) -> None:
    """From degraded items to whole ones, with a model that was trained from one to the other."""
    from suffuse.tasks.bridge import bridge as cross
    from suffuse.tasks.items import read_items
    from suffuse.tasks.samples import check_out

    loaded = opt.load_model(model, device)
    place = check_out(loaded, out or opt.fresh_folder(Path("bridged") / opt.title(model)))
    plan = {
        "conditions": opt.parse_conditions(loaded.conditions, label, prompt, conditions),
        "sampler": opt.make_component("sampler", sampler),
        "grid": opt.make_component("grid", grid, steps=steps or loaded.recipe.sample.steps),
    }
    sources, names = read_items(loaded, items)
    begun = time.perf_counter()
    with item_bar("bridge", len(sources) * count) as on_step:
        samples = cross(
            loaded,
            sources,
            degrade=degrade,
            count=count,
            seed=seed,
            names=names,
            steps=steps,
            batch=batch,
            on_step=on_step,
            **plan,
        )
    tell(loaded, samples, place, time.perf_counter() - begun, as_json)
