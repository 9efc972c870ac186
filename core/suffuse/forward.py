"""From a recipe and a codec to the forward process: which field gets which noise; who reads the texts that steer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from suffuse.conditions import ConditionKind, Text
from suffuse.domain import Categories, Codec
from suffuse.errors import DomainInputError, RecipeError, UnsupportedError, unknown_name
from suffuse.process import Categorical, Gaussian, Interpolant, Process, Product
from suffuse.process.interpolant import Degraded
from suffuse.recipe import Coupling, FieldSection, Named, ProcessSection, Recipe
from suffuse.registry import make
from suffuse.state import fields


def build_process(recipe: Recipe, codec: Codec) -> Process:
    """The process of a recipe on the states of a codec.

    Gaussian noise where all fields are numbers and share a schedule, a product where the codec calls some of them
    categorical or the recipe tells fields apart; a bridge where the recipe names a coupling.

    Raises:
        RecipeError: the recipe names a field that the states lack.
        UnsupportedError: a coupling of states with categorical fields.
    """
    section, like, categories = recipe.process, codec.like(1), codec.categorical()
    names = [name for name, _ in fields(like)]
    for name in section.fields:
        if name not in names:
            raise unknown_name("field", name, names, RecipeError, field=f"process.fields.{name}")
    for name in categories:
        if name not in names:
            raise unknown_name("field", name, names, DomainInputError, field="Codec.categorical")
    if section.coupling is not None:
        return _bridge(section.coupling, codec)
    if isinstance(like, Tensor):
        return _field_process(section, FieldSection(), like, categories.get(""))
    if not categories and not section.fields:
        return Gaussian(_made("schedule", section.schedule))
    told = {name: section.fields.get(name, FieldSection()) for name in names}
    return Product(
        {name: _field_process(section, told[name], like[name], categories.get(name)) for name in names},
        {name: field.weight for name, field in told.items()},
    )


def with_encoder(recipe: Recipe, conditions: Mapping[str, ConditionKind]) -> dict[str, ConditionKind]:
    """The conditions, their texts read by the encoder that the recipe names."""
    encoder = _made("text-encoder", recipe.text)
    return {k: replace(v, encoder=encoder) if isinstance(v, Text) else v for k, v in conditions.items()}


def _field_process(section: ProcessSection, own: FieldSection, like: Tensor, categories: Categories | None) -> Process:
    schedule = _made("schedule", own.schedule or section.schedule)
    if categories is None:
        return Gaussian(schedule)
    if len(categories.frequencies) != like.shape[-1]:
        raise DomainInputError(
            "has another number of classes than its last axis", field="Codec.categorical", expected=like.shape[-1],
            got=len(categories.frequencies),
        )  # fmt: skip
    kernel = _made("kernel", own.kernel or section.kernel, categories.frequencies)
    return Categorical(kernel, schedule, categories.symmetric, section.masked_loss)


def _bridge(coupling: Coupling, codec: Codec) -> Interpolant:
    categories = codec.categorical()
    if categories:
        raise UnsupportedError(
            "leads from numbers to numbers", field="process.coupling", expected="states without categorical fields",
            got=", ".join(categories),
        )  # fmt: skip
    return Interpolant(Degraded(_made("operator", coupling).bound(codec)), coupling.noise)


def _made(kind: str, named: Named, *inputs: Any) -> Any:
    return make(kind, named.name, *inputs, **named.options)
