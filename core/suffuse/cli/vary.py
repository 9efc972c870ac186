"""``suffuse vary``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suffuse.cli import filtering
from suffuse.cli import options as opt
from suffuse.cli.made import make_from
from suffuse.cli.verb import verb

if TYPE_CHECKING:
    from suffuse.domain import Item
    from suffuse.tasks.samples import Samples

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
    filters: filtering.Filters = None,
    tries: filtering.Tries = None,
    batch: opt.Batch = 64,
    device: opt.Device = None,
    out: opt.Out = None,
    as_json: opt.Json = False,
) -> None:
    """Variations of items: noise them a little, and make them anew from there."""
    from suffuse.tasks.samples import check_out
    from suffuse.tasks.vary import vary as make_variations

    loaded = opt.load_model(model, device)
    place = check_out(loaded, out or opt.fresh_folder(Path("varied") / opt.title(model)))
    plan = opt.read_plan(
        loaded, label=label, prompt=prompt, conditions=conditions, steps=steps, sampler=sampler, grid=grid,
        schedule=schedule, guidance=guidance, interval=interval, negative=negative, compose=compose,
    )  # fmt: skip

    chosen = filtering.parse_filters(loaded, filters)

    def make(originals: list[Item], **told: Any) -> Samples:
        given = {"count": count, "seed": seed, "filters": chosen, "tries": tries, "batch": batch, **plan}
        return make_variations(loaded, originals, strength, **given, **told)

    make_from("vary", loaded, items, count, place, as_json, make)
