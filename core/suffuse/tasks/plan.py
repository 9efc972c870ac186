"""How a verb samples: what was asked for, filled up from the model's recipe, made ready to run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from suffuse.conditions import Conditions, any_present, encode_conditions, move_conditions
from suffuse.denoise import reschedule
from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.guidance import ClassifierFree
from suffuse.posterior import Denoiser
from suffuse.process import Gaussian, Process, Schedule
from suffuse.rng import Rng
from suffuse.sampling import Grid, Sampler, Step, iterate
from suffuse.state import State
from suffuse.trained import Trained, component

OnStep = Callable[[int, int], None]
"""Called with (steps done, steps in all) over all batches."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How to sample. Whatever is not given is as the model's recipe says.

    Arguments:
        steps: steps of the grid.
        sampler: the solver.
        grid: the times; overrides ``steps``.
        guidance: classifier-free guidance weight; 1 is off.
        interval: the noise levels σ/α within which guidance acts.
        schedule: sample under another schedule than the one of training.
        batch: items made at a time; changes the speed, not the items.
    """

    steps: int | None = None
    sampler: Sampler | None = None
    grid: Grid | None = None
    guidance: float | None = None
    interval: tuple[float, float] | None = None
    schedule: Schedule | None = None
    batch: int = 64


SAMPLING = tuple(field.name for field in fields(Sampling))
"""The names of the options, for verbs that also take conditions as keywords."""


@dataclass(frozen=True)
class Plan:
    """Everything that a verb needs to run the sampler.

    Arguments:
        denoiser: the belief, unguided, under ``process``.
        process: that of sampling.
        sampler: the solver.
        times: of the grid, from 1 down to 0.
        weight: of guidance.
        interval: the noise levels within which guidance acts.
        batch: items made at a time.
    """

    denoiser: Denoiser
    process: Process
    sampler: Sampler
    times: list[float]
    weight: float
    interval: tuple[float, float] | None
    batch: int

    def guided(self, conditions: Conditions) -> Denoiser:
        """The denoiser under guidance, where any condition is given."""
        if self.weight == 1.0 or not any_present(conditions):
            return self.denoiser
        if self.interval is None:
            return ClassifierFree(self.denoiser, self.weight)
        return ClassifierFree(self.denoiser, self.weight, self.process.schedule, self.interval)

    def with_denoiser(self, denoiser: Denoiser) -> Plan:
        """The same with another belief."""
        return replace(self, denoiser=denoiser)

    def run(
        self,
        rng: Rng,
        conditions: Conditions,
        *,
        like: State | None = None,
        x: State | None = None,
        times: Sequence[float] | None = None,
        denoiser: Denoiser | None = None,
    ) -> Iterator[Step]:
        """Sample one batch; see :func:`suffuse.sampling.iterate`.

        Arguments:
            rng: one stream for each sample.
            conditions: of the batch.
            like: lends shapes to a start from noise; or
            x: the state to start from.
            times: others than the grid's.
            denoiser: another than the guided one.
        """
        return iterate(
            self.sampler,
            self.guided(conditions) if denoiser is None else denoiser,
            self.process,
            self.times if times is None else times,
            rng=rng,
            like=like,
            x=x,
            conditions=conditions,
        )


def make_plan(model: Trained, options: Sampling) -> Plan:
    """What was asked for, filled up from the model's recipe.

    Raises:
        DomainInputError: the guidance's weight is not finite, or the batch is empty.
        UnsupportedError: another schedule is asked of a process that has several.
    """
    if options.batch < 1:
        raise DomainInputError("must be at least 1", field="batch", got=options.batch)
    defaults = model.recipe.sample
    weight = defaults.guidance if options.guidance is None else options.guidance
    if not math.isfinite(weight):
        raise DomainInputError("is not finite", field="guidance", expected="a number; 1 is off", got=weight)
    process, denoiser = _rescheduled(model, options.schedule)
    steps = defaults.steps if options.steps is None else options.steps
    grid = component("grid", defaults.grid, steps=steps) if options.grid is None else options.grid
    sampler = component("sampler", defaults.sampler) if options.sampler is None else options.sampler
    interval = defaults.interval if options.interval is None else options.interval
    return Plan(denoiser, process, sampler, grid(process.schedule), weight, interval, options.batch)


def _rescheduled(model: Trained, schedule: Schedule | None) -> tuple[Process, Denoiser]:
    if schedule is None:
        return model.process, model.denoiser
    if not isinstance(model.process, Gaussian):
        raise UnsupportedError(
            "only a Gaussian process can be sampled under another schedule", field="schedule",
            expected="a model of Gaussian noise", got=type(model.process).__name__,
        )  # fmt: skip
    return Gaussian(schedule), reschedule(model.denoiser, model.process.schedule, schedule)


def deal(conditions: Mapping[str, Any], count: int) -> dict[str, list[Any]]:
    """A value for each of ``count`` items: a single value for all, a list in turn."""
    dealt = {}
    for name, value in conditions.items():
        values = list(value) if isinstance(value, list | tuple | range) else [value]
        if not values:
            raise DomainInputError("is empty", field=name, expected="a value, or a list of values")
        dealt[name] = [values[i % len(values)] for i in range(count)]
    return dealt


def encode_part(model: Trained, asked: Mapping[str, Sequence[Any]], part: slice, count: int) -> Conditions:
    """The conditions of one batch, on the model's device."""
    encoded = encode_conditions(model.conditions, {k: v[part] for k, v in asked.items()}, count)
    return move_conditions(encoded, model.device)


def parts(count: int, batch: int) -> list[slice]:
    """The batches that make up ``count`` items."""
    return [slice(first, min(first + batch, count)) for first in range(0, count, batch)]
