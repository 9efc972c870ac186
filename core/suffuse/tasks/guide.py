"""Guidance as a person asks for it (a weight, a name, a function), made ready for a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from suffuse.conditions import Conditions, encode_conditions, move_conditions
from suffuse.denoise import reschedule
from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.guidance import ClassifierFree, Composed, Guidance
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Gaussian, Process
from suffuse.recipe import Named
from suffuse.registry import find, make
from suffuse.registry.specs import GuidanceSpec
from suffuse.state import State
from suffuse.trained import Trained, locate

Asked = float | str | Mapping[str, Any] | Named | Guidance
"""The weight of classifier-free guidance; a guidance's name; its name and options; or a function."""

Values = Mapping[str, Any]
"""A value for each condition that is named, one for all items."""


def make_guidance(
    model: Trained, asked: Asked, negative: Values | None = None, compose: Sequence[tuple[float, Values]] = ()
) -> Guidance | None:
    """The guidance that was asked for; ``None`` where it is off.

    Arguments:
        model: whose denoiser will be guided.
        asked: a weight (1 is off), the name of a guidance, a mapping of ``name`` and options, or a function.
        negative: conditions in the place of none.
        compose: weights and conditions besides those of the items; with a weight only.

    Raises:
        DomainInputError: the weight is not finite, or a condition does not fit the model.
        RecipeError: an option that the guidance does not have.
        UnsupportedError: the guidance takes no negative or composed conditions.
    """
    against = encode_one(model, negative, "negative") if negative else None
    if isinstance(asked, int | float) and not isinstance(asked, bool):
        return _by_weight(model, float(asked), against, compose)
    if compose:
        raise UnsupportedError(
            "is composed with a weight only", field="guidance", expected="a number", got=_name(asked),
            fix="give the weight of the items' own conditions, as guidance=1",
        )  # fmt: skip
    if isinstance(asked, str | Mapping | Named):
        return _by_name(model, _named(asked), against)
    if not callable(asked):
        raise DomainInputError(
            "is no guidance", field="guidance", got=repr(asked)[:80],
            expected="a weight, a name, a mapping of name and options, or a function",
        )  # fmt: skip
    if against is not None:
        raise UnsupportedError("is not known to a function", field="negative", fix="bind it to the function itself")
    return asked


def _by_weight(
    model: Trained, weight: float, negative: Conditions | None, compose: Sequence[tuple[float, Values]]
) -> Guidance | None:
    if not math.isfinite(weight):
        raise DomainInputError("is not finite", field="guidance", expected="a number; 1 is off", got=weight)
    if compose:
        terms = [(float(w), encode_one(model, values, "compose")) for w, values in compose]
        return partial(Composed, terms=terms, weight=weight, negative=negative)
    if weight != 1.0:
        return partial(ClassifierFree, weight=weight, negative=negative)
    if negative is not None:
        raise DomainInputError("does nothing without guidance", field="negative", fix="set a weight, as guidance=3")
    return None


def _by_name(model: Trained, named: Named, negative: Conditions | None) -> Guidance:
    spec = find("guidance", named.name)
    assert isinstance(spec, GuidanceSpec)
    options = named.options
    if "negative" in options:
        raise RecipeError("is no option of its own", field="guidance.negative", fix="give negative conditions apart")
    others = {name: _another(model, options.pop(name), name) for name in spec.models if name in options}
    if negative is not None:
        options["negative"] = negative

    def guidance(denoiser: Denoiser, process: Process) -> Denoiser:
        denoisers = {name: under(process) for name, under in others.items()}
        guided: Denoiser = make("guidance", named.name, denoiser, process, **options, **denoisers)
        return guided

    return guidance


def _named(asked: str | Mapping[str, Any] | Named) -> Named:
    if isinstance(asked, Mapping) and not isinstance(asked.get("name"), str):
        raise RecipeError("has no name", field="guidance", expected="name and options", got=dict(asked))
    return asked if isinstance(asked, Named) else Named.model_validate(asked)


def _name(asked: Any) -> str:
    return _named(asked).name if isinstance(asked, str | Mapping | Named) else "a function"


def _another(model: Trained, source: Any, option: str) -> Callable[[Process], Denoiser]:
    """The denoiser of another model of the same items, under any process.

    Raises:
        UnsupportedError: it makes other items, or understands other conditions.
    """
    other = Trained.read(locate(str(source))).to(model.device)
    same = other.codec.to_json() == model.codec.to_json() and other.recipe.domain == model.recipe.domain
    if not same or any(model.conditions.get(name) != kind for name, kind in other.conditions.items()):
        raise UnsupportedError(
            "cannot stand beside this model", field=f"guidance.{option}", got=str(source),
            expected="a model with the same codec, and with no condition that this one lacks",
            fix="train it by the same recipe with a smaller network, or fewer steps",
        )  # fmt: skip

    def belief(denoiser: Denoiser, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        return denoiser(x_t, t, {name: conditions[name] for name in other.conditions})

    return lambda process: partial(belief, under(other, process))


def under(model: Trained, process: Process) -> Denoiser:
    """A model's denoiser under a process, which may have another schedule than that of training.

    Raises:
        UnsupportedError: the processes differ in more than a Gaussian's schedule.
    """
    trained: Process = model.process
    if trained == process:
        return model.denoiser
    if isinstance(trained, Gaussian) and isinstance(process, Gaussian):
        return reschedule(model.denoiser, trained.schedule, process.schedule)
    raise UnsupportedError(
        "was trained under another process", field="model", expected=type(process).__name__, got=type(trained).__name__
    )


def encode_one(model: Trained, values: Values, field: str) -> Conditions:
    """Conditions of one sample, on the model's device.

    Raises:
        DomainInputError: a condition that the model lacks, a value that does not fit it, or several for one.
    """
    single = {name: _single(value, f"{field}.{name}") for name, value in values.items()}
    return move_conditions(encode_conditions(model.conditions, single, 1), model.device)


def _single(value: Any, field: str) -> list[Any]:
    values = list(value) if isinstance(value, list | tuple) else [value]
    if len(values) != 1:
        raise DomainInputError("is for all items alike", field=field, expected="one value", got=f"{len(values)} values")
    return values
