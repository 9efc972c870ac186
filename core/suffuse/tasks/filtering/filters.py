"""Filters by name, and several of them as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from suffuse.domain import Item
from suffuse.errors import PluginError, RecipeError, unknown_name
from suffuse.filters import Each, Filter
from suffuse.registry import all_specs, full_name, make
from suffuse.registry.parts import named
from suffuse.registry.specs import FilterSpec
from suffuse.trained import Trained

Asked = str | Mapping[str, Any] | Filter | Callable[[Item], str | None]
"""A filter's name, a mapping of ``name`` and options, a filter, or a function from an item to why it is dropped."""


def make_filters(model: Trained, asked: Sequence[Asked]) -> tuple[Filter, ...]:
    """The filters that are asked for, in their order.

    Raises:
        PluginError: the model's domain has none of that name.
        RecipeError: an option that it does not have or cannot do without, or something that is no filter.
    """
    if isinstance(asked, str | Mapping) or not isinstance(asked, Sequence):
        raise RecipeError("is no list", field="filters", expected="a list of filters", got=repr(asked), fix="[…]")
    return tuple(_made(model, one, f"filters[{i}]") for i, one in enumerate(asked))


def _made(model: Trained, asked: Asked, field: str) -> Filter:
    if isinstance(asked, str | Mapping):
        name, options = named(asked, field)
        made: Filter = make("filter", full_name(find_filter(model.recipe.domain, name)), model, **options)
        return made
    if isinstance(asked, Filter):
        return asked
    if callable(asked):
        return Each(asked)
    raise RecipeError("is no filter", field=field, expected="a name, a filter, or a function of an item", got=asked)


def find_filter(domain: str, name: str) -> FilterSpec:
    """The filter of that name for a domain: its own, else one for items of any domain.

    Raises:
        PluginError: there is none.
    """
    usable = [spec for spec in all_specs("filter") if spec.domain in ("", domain)]
    found = [spec for spec in usable if name in (spec.name, full_name(spec))]
    if not found:
        known = [spec.name for spec in usable]
        raise unknown_name(f"filter of {domain}", name, known, PluginError, field="filter")
    return max(found, key=lambda spec: spec.domain)


def judged(
    filters: Sequence[Filter], items: Sequence[Item], before: Sequence[str | None] | None = None
) -> tuple[tuple[Filter, ...], list[str | None]]:
    """The filters for the items that come after these, and why each of these is dropped, by the first that says so.

    What one filter drops the next ones are not shown.

    Arguments:
        filters: in their order.
        items: that are judged.
        before: why each is dropped already, ``None`` if it is not; that is shown to no filter.
    """
    reasons: list[str | None] = [None] * len(items) if before is None else list(before)
    after: list[Filter] = []
    for one in filters:
        left = [i for i, reason in enumerate(reasons) if reason is None]
        if left:
            one, said = one.judge([items[i] for i in left])
            for i, reason in zip(left, said, strict=True):
                reasons[i] = reason
        after.append(one)
    return tuple(after), reasons
