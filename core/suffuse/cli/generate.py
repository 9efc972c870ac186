"""``suffuse generate``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suffuse.cli import filtering
from suffuse.cli import options as opt
from suffuse.cli.made import Resume, memorized, tell
from suffuse.cli.screen import item_bar
from suffuse.cli.steering import Particles, ScoreBy, ScoreEvery, ScoreWeight, parse_steering
from suffuse.cli.verb import verb

if TYPE_CHECKING:
    from suffuse.model import Model
    from suffuse.tasks.samples import Samples

Trajectory = Annotated[
    Path | None,
    typer.Option("--trajectory", metavar="FILE", help="Also write how the items came out of noise, as a .gif."),
]


Extent = Annotated[
    str | None,
    typer.Option(
        "--extent",
        metavar="SIZE",
        help="How long, or how large, items are, in units of the domain, if any; of sounds ms, s, min and h, as 30s.",
    ),
]


@verb
def generate(
    model: opt.ModelSource,
    count: opt.Count = 16,
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
    extent: Extent = None,
    score_by: ScoreBy = None,
    score_weight: ScoreWeight = None,
    score_every: ScoreEvery = None,
    particles: Particles = None,
    filters: filtering.Filters = None,
    tries: filtering.Tries = None,
    batch: opt.Batch = 64,
    precision: opt.Precision = None,
    device: opt.Device = None,
    trajectory: Trajectory = None,
    out: opt.Out = None,
    out_options: opt.OutOptions = None,
    resume: Resume = True,
    as_json: opt.Json = False,
) -> None:
    """Make items out of noise, freely or under conditions."""
    from suffuse.tasks.generate import generate as make_samples
    from suffuse.tasks.samples import check_animation, check_out

    loaded = opt.load_model(model, device)
    if trajectory is not None:
        check_animation(loaded, trajectory)
    place = check_out(loaded, out or opt.fresh_folder(Path("samples") / opt.title(model)))
    writing = opt.parse_writing(loaded, out_options, place)
    plan = opt.read_plan(
        loaded, label=label, prompt=prompt, conditions=conditions, steps=steps, sampler=sampler, grid=grid,
        schedule=schedule, guidance=guidance, interval=interval, negative=negative, compose=compose,
        precision=precision,
    )  # fmt: skip
    steering = parse_steering(score_by, score_weight, score_every, particles)
    chosen = {"filters": filtering.parse_filters(loaded, filters), "tries": tries, **steering}
    call = {"seed": seed, "extent": extent, "batch": batch, **chosen, **plan}
    begun = time.perf_counter()
    with (
        memorized("generate", loaded, out, resume, count=count, **call) as memory,
        item_bar("generate", count) as on_step,
    ):
        samples = make_samples(loaded, count, on_step=on_step, trajectory=trajectory is not None, memory=memory, **call)
    seconds = time.perf_counter() - begun
    if trajectory is not None:
        _animate(loaded, samples, trajectory)
    tell(loaded, samples, place, writing, seconds, as_json, memory, trajectory=trajectory)


def _animate(model: Model, samples: Samples, path: Path) -> None:
    from suffuse.files import write_with

    frames = samples.frames or []
    write_with(path, lambda temporary: model.domain.animate(frames, temporary))
