"""Options from a recipe or a command line, checked against the signature of the factory that gets them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from suffuse.errors import RecipeError, unknown_name
from suffuse.registry.specs import Spec

_PLAIN = (bool, int, float, str, NoneType, Ellipsis)
_CONTAINERS = (Union, UnionType, tuple, list)


def check_options(spec: Spec, factory: Callable[..., Any], inputs: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the factory's annotations have them: YAML's lists as tuples, whole numbers as floats.

    Arguments:
        spec: whose factory it is, for messages.
        factory: gets the options.
        inputs: how many arguments it gets besides, by position.
        options: by name. A type is checked only where it is plain: numbers, texts, truth values, and tuples of these.

    Raises:
        RecipeError: an option that the factory does not have or cannot do without, or one of a wrong type.
    """
    parameters = list(inspect.signature(factory).parameters.values())
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)][inputs:]
    known = [p.name for p in named]
    for option in options:
        if option not in known and not open_ended:
            kind = f"option of the {spec.kind} {spec.name!r}"
            raise unknown_name(kind, option, known, RecipeError, field=f"{spec.name}.{option}")
    for parameter in named:
        if parameter.default is parameter.empty and parameter.name not in options:
            raise RecipeError(
                f"is what the {spec.kind} {spec.name!r} cannot do without",
                field=f"{spec.name}.{parameter.name}",
                fix=f"give {parameter.name}",
            )
    hints = _hints(factory)
    return {name: _converted(spec, name, value, hints.get(name)) for name, value in options.items()}


def text_options(factory: Callable[..., Any]) -> frozenset[str]:
    """The options of a factory that are texts: what a person writes there is taken as it stands."""
    return frozenset(name for name, hint in _hints(factory).items() if hint is str)


def _converted(spec: Spec, name: str, value: Any, hint: Any) -> Any:
    if hint is None or not _is_plain(hint):
        return value
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        expected = error.errors()[0]["msg"].removeprefix("Input should be ")
        raise RecipeError("is wrong", field=f"{spec.name}.{name}", expected=expected, got=repr(value)) from error


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    plain_class = isinstance(factory, type) and not is_dataclass(factory)
    try:
        return get_type_hints(factory.__init__ if plain_class else factory)
    except NameError:  # an annotation that only type checkers can read: nothing is known
        return {}


def _is_plain(hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return True
    if get_origin(hint) in _CONTAINERS:
        return all(_is_plain(part) for part in get_args(hint))
    return hint in _PLAIN
