"""``suffuse inpaint``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suffuse.cli import filtering
from suffuse.cli import options as opt
from suffuse.cli.made import Output, Resume, make_from
from suffuse.cli.verb import verb

if TYPE_CHECKING:
    from suffuse.model import Model
    from suffuse.state import State

MaskFile = Annotated[
    Path | None,
    typer.Option(
        "--mask", metavar="FILE", help="Which part to fill; of pictures: a picture, white where it is filled."
    ),
]
Fill = Annotated[
    list[str] | None,
    typer.Option(
        "--fill",
        metavar="PART or SLICES or FIELD[=SLICES]",
        help="The part to fill: a column's name; a stretch in units, as 3s:5s of sounds (ms, s, min, h); or indices or "
        "percents of the axes, as 8:20,25%:75%. Several are all filled.",
    ),
]


Keep = Annotated[
    str | None,
    typer.Option("--keep", metavar="PART", help="The part to keep of items that grow, in the domain's own words."),
]


@verb
def inpaint(
    model: opt.ModelSource,
    items: opt.Items,
    mask: MaskFile = None,
    fill: Fill = None,
    keep: Keep = None,
    method: opt.Method = None,
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
    """Keep a part of items, and make the rest anew."""
    from suffuse.tasks.inpaint import inpaint as fill_in
    from suffuse.tasks.samples import check_out

    loaded = opt.load_model(model, device)
    place = check_out(loaded, out or opt.fresh_folder(Path("inpainted") / opt.title(model)))
    writing = opt.parse_writing(loaded, out_options, place)
    known = _known(loaded, mask)
    plan = opt.read_plan(
        loaded, label=label, prompt=prompt, conditions=conditions, steps=steps, sampler=sampler, grid=grid,
        schedule=schedule, guidance=guidance, interval=interval, negative=negative, compose=compose,
        precision=precision,
    )  # fmt: skip
    call = {
        "fill": fill, "keep": keep, "method": opt.make_component("method", method), "count": count, "seed": seed,
        "filters": filtering.parse_filters(loaded, filters), "tries": tries, "batch": batch, **plan,
    }  # fmt: skip
    output = Output(place, out, resume, writing, as_json)
    fill_one = partial(fill_in, loaded, known=known)
    make_from("inpaint", loaded, items, output, fill_one, call, [mask] if mask else [], gaps=True)


def _known(model: Model, mask: Path | None) -> State | None:
    return None if mask is None else model.domain.read_mask(mask, model.codec)
