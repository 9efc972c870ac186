"""``suffuse generate``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suffuse.cli import filtering
from suffuse.cli import options as opt
from suffuse.cli.made import print_made
from suffuse.cli.scoring import kept
from suffuse.cli.screen import item_bar
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from suffuse.model import Model
    from suffuse.tasks.memory import Memory
    from suffuse.tasks.samples import Samples

Trajectory = Annotated[
    Path | None,
    typer.Option("--trajectory", metavar="FILE", help="Also write how the items came out of noise, as a .gif."),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume/--no-resume", help="Go on with what the same command had made when it was stopped, or begin anew."
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
    filters: filtering.Filters = None,
    tries: filtering.Tries = None,
    batch: opt.Batch = 64,
    device: opt.Device = None,
    trajectory: Trajectory = None,
    out: opt.Out = None,
    resume: Resume = True,
    as_json: opt.Json = False,
) -> None:
    """Make items out of noise, freely or under conditions."""
    from suffuse.tasks.generate import generate as make_samples
    from suffuse.tasks.samples import check_animation, check_out, save

    loaded = opt.load_model(model, device)
    if trajectory is not None:
        check_animation(loaded, trajectory)
    place = check_out(loaded, out or opt.fresh_folder(Path("samples") / opt.title(model)))
    plan = opt.read_plan(
        loaded, label=label, prompt=prompt, conditions=conditions, steps=steps, sampler=sampler, grid=grid,
        schedule=schedule, guidance=guidance, interval=interval, negative=negative, compose=compose,
    )  # fmt: skip
    call = {"seed": seed, "filters": filtering.parse_filters(loaded, filters), "tries": tries, "batch": batch, **plan}
    begun = time.perf_counter()
    with memorized(loaded, out, resume, count=count, **call) as memory, item_bar("generate", count) as on_step:
        samples = make_samples(loaded, count, on_step=on_step, trajectory=trajectory is not None, memory=memory, **call)
    seconds = time.perf_counter() - begun
    files = save(loaded, samples, place)
    if memory is not None:
        memory.forget()
    if trajectory is not None:
        _animate(loaded, samples, trajectory)
    if as_json:
        told = {"files": files, "seeds": samples.seeds, "conditions": samples.conditions, **filtering.told(samples)}
        print_json({**told, "seconds": round(seconds, 3), "trajectory": trajectory})
    else:
        print_made(samples, files, seconds, *filter(None, [trajectory]))
    filtering.leave_if_fewer(samples)


@contextmanager
def memorized(model: Model, out: Path | None, resume: bool, **call: Any) -> Iterator[Memory | None]:
    """What a command remembers beside the output that it names, to go on from if the block ends early."""
    if out is None:
        yield None
        return
    from suffuse.tasks.generate import remember
    from suffuse.tasks.memory import memory_of

    with kept(memory_of(out), "made"), remember(memory_of(out), model, resume, **call) as memory:
        yield memory


def _animate(model: Model, samples: Samples, path: Path) -> None:
    from suffuse.files import write_with

    frames = samples.frames or []
    write_with(path, lambda temporary: model.domain.animate(frames, temporary))
