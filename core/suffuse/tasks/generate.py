"""``generate``: make items out of noise, freely or under conditions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suffuse.conditions import Conditions, any_present, encode_conditions, move_conditions
from suffuse.denoise import reschedule
from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.files import write_json, write_with
from suffuse.guidance import ClassifierFree
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian, Schedule
from suffuse.rng import Rng
from suffuse.sampling import Grid, Sampler, iterate
from suffuse.state import State, to
from suffuse.trained import Trained, component

OPTIONS = ("steps", "sampler", "grid", "guidance", "interval", "schedule", "batch", "on_step", "trajectory", "seeds")


@dataclass(frozen=True)
class Samples:
    """What was made.

    Arguments:
        items: the items.
        seeds: the seed of each; any one can be made again alone.
        conditions: for each condition by name, the value asked for each item.
        frames: with ``trajectory``, what the denoiser believed after each step: ``[step][item]``.
    """

    items: list[Item]
    seeds: list[int]
    conditions: dict[str, list[Any]] = field(default_factory=dict)
    frames: list[list[Item]] | None = None


def generate(
    model: Trained,
    count: int = 1,
    *,
    seed: int = 0,
    seeds: Sequence[int] | None = None,
    conditions: Mapping[str, Any] | None = None,
    steps: int | None = None,
    sampler: Sampler | None = None,
    grid: Grid | None = None,
    guidance: float | None = None,
    interval: tuple[float, float] | None = None,
    schedule: Schedule | None = None,
    batch: int = 64,
    on_step: Callable[[int, int], None] | None = None,
    trajectory: bool = False,
) -> Samples:
    """Make items. Whatever is not given is as the model's recipe says.

    Arguments:
        model: a trained model.
        count: how many.
        seed: item i has seed ``seed + i``, and is the same alone or among others; or
        seeds: the items' seeds themselves.
        conditions: a value for all items, or a list that is dealt out in turn, by the condition's name.
        steps: steps of the grid.
        sampler: the solver.
        grid: the times; overrides ``steps``.
        guidance: classifier-free guidance weight; 1 is off.
        interval: the noise levels σ/α within which guidance acts.
        schedule: sample under another schedule than the one of training.
        batch: items made at a time.
        on_step: called with (steps done, steps in all) over all batches.
        trajectory: keep the belief after each step.

    Raises:
        DomainInputError: ``count`` is not positive, or a condition does not fit the model.
        UnsupportedError: the sampler cannot work with the model's process.
    """
    seeds = list(range(seed, seed + count)) if seeds is None else list(seeds)
    if not seeds or batch < 1:
        raise DomainInputError("must be at least 1", field="count" if batch >= 1 else "batch", got=min(count, batch))
    weight = model.recipe.sample.guidance if guidance is None else guidance
    if not math.isfinite(weight):
        raise DomainInputError("is not finite", field="guidance", expected="a number; 1 is off", got=weight)
    asked = deal(conditions or {}, len(seeds))
    plan = _plan(model, steps, sampler, grid, schedule)
    span = model.recipe.sample.interval if interval is None else interval
    items: list[Item] = []
    frames: list[list[Item]] = []
    total = -(-len(seeds) // batch) * (len(plan.times) - 1)
    done = 0
    for first in range(0, len(seeds), batch):
        part = slice(first, first + batch)
        rng = Rng.of(seeds[part])
        encoded = encode_conditions(model.conditions, {k: v[part] for k, v in asked.items()}, len(rng))
        given = move_conditions(encoded, model.device)
        denoiser = _guided(plan, weight, span, given)
        like: State = to(model.codec.like(len(rng), rng.at("like")), model.device)
        here: list[list[Item]] = []
        for now in iterate(plan.sampler, denoiser, plan.process, plan.times, rng=rng, like=like, conditions=given):
            if now.index and on_step is not None:
                done += 1
                on_step(done, total)
            if trajectory and now.posterior is not None:
                here.append(model.codec.decode(now.posterior.mean))
        items += model.codec.decode(now.x)
        frames = [a + b for a, b in zip(frames, here, strict=True)] if frames else here
    return Samples(items, seeds, asked, frames if trajectory else None)


@dataclass(frozen=True)
class _Plan:
    denoiser: Denoiser
    process: Gaussian
    sampler: Sampler
    times: list[float]


def _plan(
    model: Trained, steps: int | None, sampler: Sampler | None, grid: Grid | None, schedule: Schedule | None
) -> _Plan:
    defaults = model.recipe.sample
    schedule = schedule or model.process.schedule
    if grid is None:
        grid = component("grid", defaults.grid, steps=defaults.steps if steps is None else steps)
    return _Plan(
        reschedule(model.denoiser, model.process.schedule, schedule),
        Gaussian(schedule),
        component("sampler", defaults.sampler) if sampler is None else sampler,
        grid(schedule),
    )


def _guided(plan: _Plan, weight: float, interval: tuple[float, float] | None, conditions: Conditions) -> Denoiser:
    if weight == 1.0 or not any_present(conditions):
        return plan.denoiser
    if interval is None:
        return ClassifierFree(plan.denoiser, weight)
    return ClassifierFree(plan.denoiser, weight, plan.process.schedule, interval)


def deal(conditions: Mapping[str, Any], count: int) -> dict[str, list[Any]]:
    """A value for each of ``count`` items: a single value for all, a list in turn."""
    dealt = {}
    for name, value in conditions.items():
        values = list(value) if isinstance(value, list | tuple | range) else [value]
        if not values:
            raise DomainInputError("is empty", field=name, expected="a value, or a list of values")
        dealt[name] = [values[i % len(values)] for i in range(count)]
    return dealt


def check_out(model: Trained, out: str | Path) -> Path:
    """Where samples can be written: a folder, or a file whose suffix the domain knows. Ask before generating.

    Raises:
        DomainInputError: an unknown suffix.
    """
    out = Path(out)
    return _check_suffix(out, model.domain.writes, "a folder, or a file") if out.suffix else out


def check_animation(model: Trained, path: str | Path) -> Path:
    """Where a trajectory can be written. Ask before generating.

    Raises:
        DomainInputError: an unknown suffix.
    """
    return _check_suffix(Path(path), model.domain.animates, "a file")


def _check_suffix(path: Path, known: tuple[str, ...], what: str) -> Path:
    if path.suffix.lower() not in known:
        raise DomainInputError(
            "cannot be written", field=str(path), expected=f"{what} ending in {', '.join(known)}", got=repr(path.suffix)
        )
    return path


def save(model: Trained, samples: Samples, out: str | Path) -> list[Path]:
    """Write samples: into one file where ``out`` has a suffix, else into a folder, one file an item, with a sheet.

    Returns:
        the files, the one to look at first.
    """
    out = check_out(model, out)
    if out.suffix:
        model.domain.write(samples.items, out)
        return [out]
    suffix = model.domain.writes[0]
    files = [out / f"{_stem(samples, i)}{suffix}" for i in range(len(samples.items))]
    for item, path in zip(samples.items, files, strict=True):
        model.domain.write([item], path)
    sheet = out / "sheet.png"
    write_with(sheet, model.domain.picture(samples.items).save)
    listing = out / "samples.json"
    rows = [
        {"file": f.name, "seed": s, **{k: v[i] for k, v in samples.conditions.items()}}
        for i, (f, s) in enumerate(zip(files, samples.seeds, strict=True))
    ]
    write_json(listing, rows)
    return [sheet, listing, *files]


def _stem(samples: Samples, index: int) -> str:
    values = [str(v[index]) for v in samples.conditions.values() if v[index] is not None]
    words = "-".join("".join(c if c.isalnum() else "_" for c in value)[:32] for value in values)
    return f"{words}-{samples.seeds[index]}" if words else str(samples.seeds[index])
