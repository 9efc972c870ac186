"""How a verb samples: what was asked for, filled up from the model's recipe, made ready to run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from suffuse.budgets import AUTO, choose
from suffuse.conditions import Conditions, Number, encode_conditions, move_conditions
from suffuse.denoise import reschedule
from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.guidance import Guidance, Within
from suffuse.posterior import Denoiser
from suffuse.precision import InBfloat16, resolve_precision
from suffuse.process import Gaussian, Process, Schedule
from suffuse.recipe import PRECISIONS, Precision
from suffuse.registry import make
from suffuse.registry.parts import named
from suffuse.rng import Rng
from suffuse.sampling import Grid, Sampler, Steps, iterate
from suffuse.state import State
from suffuse.tasks.guide import Asked, Values, make_guidance
from suffuse.trained import Trained, component

logger = logging.getLogger(__name__)

OnStep = Callable[[int, int], None]
"""Called with (steps done, steps in all) over all batches."""


Written = str | Mapping[str, Any]
"""A component as a person writes it: its name, ``name:option=value``, or a mapping of ``name`` and options."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How to sample. Whatever is not given is as the model's recipe says.

    Arguments:
        steps: steps of the grid.
        sampler: the solver, its name, or a mapping of ``name`` and options.
        grid: the times, in the same ways; one that is made already overrides ``steps``.
        guidance: the weight of classifier-free guidance, 1 being off; the name of another guidance, or a mapping of
            ``name`` and options; or a function from denoiser and process to denoiser.
        interval: the noise levels σ/α within which guidance acts.
        negative: conditions that guidance leads away from, by name, for all items alike.
        compose: weights and conditions that all items shall (or, of negative weight, shall not) meet besides their own.
        schedule: sample under another schedule than the one of training; a name or a mapping will do.
        precision: of the network's products: ``no`` for float32, ``bf16``, or ``auto``, what the hardware does fast. In
            bfloat16 items differ a little with the size of the batch they are made in.
        batch: items made at a time; changes the speed, not the items.
    """

    steps: int | None = None
    sampler: Sampler | Written | None = None
    grid: Grid | Written | None = None
    guidance: Asked | None = None
    interval: tuple[float, float] | None = None
    negative: Values | None = None
    compose: Sequence[tuple[float, Values]] = ()
    schedule: Schedule | Written | None = None
    precision: Precision | None = None
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
        guidance: from the denoiser to the guided one; ``None`` where it is off.
        interval: the noise levels within which guidance acts.
        batch: items made at a time.
    """

    denoiser: Denoiser
    process: Process
    sampler: Sampler
    times: list[float]
    guidance: Guidance | None
    interval: tuple[float, float] | None
    batch: int

    @property
    def guided(self) -> Denoiser:
        """The denoiser under guidance, within the interval."""
        if self.guidance is None:
            return self.denoiser
        guided = self.guidance(self.denoiser, self.process)
        return guided if self.interval is None else Within(guided, self.denoiser, self.process, self.interval)

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
    ) -> Steps:
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
            self.guided if denoiser is None else denoiser,
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
        DomainInputError: the batch is empty, the guidance's weight is not finite, or a condition does not fit.
        RecipeError: the guidance does not have such an option.
        UnsupportedError: another schedule is asked of a process that has several.
    """
    _check(options)
    defaults = model.recipe.sample
    asked = defaults.guidance if options.guidance is None else options.guidance
    guidance = make_guidance(model, asked, options.negative, options.compose)
    process, exact = _rescheduled(model, _made("schedule", options.schedule))
    precision = resolve_precision(options.precision or defaults.precision, "precision")
    denoiser = InBfloat16(exact) if precision == "bf16" else exact
    steps = defaults.steps if options.steps is None else options.steps
    grid, sampler = _made("grid", options.grid, steps=steps), _made("sampler", options.sampler)
    if grid is None and defaults.grid.name != AUTO:
        grid = component("grid", defaults.grid, steps=steps)
    if sampler is None and defaults.sampler.name != AUTO:
        sampler = component("sampler", defaults.sampler)
    sampler, grid = choose(process, model.budgets, steps, sampler, grid)
    interval = defaults.interval if options.interval is None else options.interval
    plan = Plan(denoiser, process, sampler, grid(process.schedule), guidance, interval, options.batch)
    _ = plan.guided  # a wrong option is told now
    return plan


def _check(options: Sampling) -> None:
    """Tell an option of a wrong type before anything is made of it."""
    negative, compose, interval = options.negative, options.compose, options.interval
    pair = interval is None or (isinstance(interval, Sequence) and len(interval) == 2 and all(map(_number, interval)))
    terms = isinstance(compose, Sequence) and all(
        isinstance(term, Sequence) and len(term) == 2 and _number(term[0]) and isinstance(term[1], Mapping)
        for term in compose
    )
    for field, right, expected in (
        ("batch", isinstance(options.batch, int) and options.batch >= 1, "an integer of at least 1"),
        ("steps", options.steps is None or isinstance(options.steps, int), "an integer of at least 1"),
        ("interval", pair, "two noise levels, as (0.3, 3.0)"),
        ("negative", negative is None or isinstance(negative, Mapping), 'conditions by name, as {"label": "Bag"}'),
        ("compose", terms, 'weights and conditions, as [(1.0, {"label": "Bag"})]'),
        ("precision", options.precision in (None, *PRECISIONS), ", ".join(PRECISIONS)),
        ("sampler", _is_component(options.sampler, "step"), "a sampler, its name, or a mapping of name and options"),
        ("grid", _is_component(options.grid, "__call__"), "a grid, its name, or a mapping of name and options"),
    ):
        if not right:
            raise DomainInputError("is wrong", field=field, expected=expected, got=repr(getattr(options, field))[:80])


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_component(value: object, method: str) -> bool:
    """Whether it is one, or tells one; the class of one is none."""
    return value is None or isinstance(value, str | Mapping) or (hasattr(value, method) and not isinstance(value, type))


def _made(kind: str, value: Any, **options: Any) -> Any:
    """A component that was told by its name, made; one that is made already."""
    if not isinstance(value, str | Mapping):
        return value
    name, told = named(value, kind)
    return make(kind, name, **{**options, **told})


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


def warn_of_unseen(model: Trained, conditions: Mapping[str, Any]) -> None:
    """Warn, once for each condition, where numbers are asked for that no training item had.

    Of these the codec may know more than the condition: see ``Codec.seen``.
    """
    for name, values in conditions.items():
        kind = model.conditions.get(name)
        if not isinstance(kind, Number):
            continue
        seen = model.codec.seen(name) or kind.seen
        if seen is None:
            continue
        least, most = seen
        told = values if isinstance(values, list | tuple | range) else [values]
        numbers = [kind.number(value, name) for value in told]
        beyond = [number for number in numbers if number is not None and not least <= number <= most]
        if beyond:
            logger.warning(
                "%s: %s is asked for, and training items had %g to %g; what comes out is a guess",
                name, ", ".join(f"{number:g}" for number in dict.fromkeys(beyond)), least, most,
            )  # fmt: skip


def at_places(asked: Mapping[str, Sequence[Any]], places: Sequence[int]) -> dict[str, list[Any]]:
    """The conditions of some items among all that are asked for."""
    return {name: [values[place] for place in places] for name, values in asked.items()}


def encode_part(model: Trained, asked: Mapping[str, Sequence[Any]], part: slice, count: int) -> Conditions:
    """The conditions of one batch, on the model's device."""
    encoded = encode_conditions(model.conditions, {k: v[part] for k, v in asked.items()}, count)
    return move_conditions(encoded, model.device)


def parts(count: int, batch: int) -> list[slice]:
    """The batches that make up ``count`` items."""
    return [slice(first, min(first + batch, count)) for first in range(0, count, batch)]
