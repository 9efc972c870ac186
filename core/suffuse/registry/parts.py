"""Options that are components themselves, as the sampler inside a sampler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from suffuse.errors import RecipeError
from suffuse.registry.specs import OperatorSpec, SamplerSpec, Spec


def parts_of(spec: Spec) -> dict[str, str]:
    """The options of a spec's factory that name a component, and the kind of each."""
    if isinstance(spec, SamplerSpec):
        return dict.fromkeys(spec.samplers, "sampler")
    return dict.fromkeys(spec.operators, "operator") if isinstance(spec, OperatorSpec) else {}


def made(value: Any, field: str, make: Callable[[str, dict[str, Any]], Any]) -> Any:
    """An option with its components made: one, or several in a list; what names none stays as it is.

    Arguments:
        value: what a person wrote there, see :func:`named`, or the component itself.
        field: where it stands, for messages.
        make: from a name and options to a component.
    """
    if isinstance(value, str | Mapping):
        return make(*named(value, field))
    if isinstance(value, list | tuple):
        return tuple(made(part, f"{field}.{i}", make) for i, part in enumerate(value))
    return value


def named(value: str | Mapping[str, Any], field: str) -> tuple[str, dict[str, Any]]:
    """The name and the options of a component that stands in another's option.

    Arguments:
        value: text, ``name`` or ``name:option=value:option=value`` with values in YAML; or a mapping of ``name`` and
            options.
        field: where it stands, for messages.

    Raises:
        RecipeError: it is neither.
    """
    if isinstance(value, str):
        name, *pairs = value.split(":")
        return name.strip(), dict(_pair(pair, field) for pair in pairs)
    if not isinstance(value.get("name"), str):
        raise RecipeError("has no name", field=f"{field}.name", expected="a component's name", got=value.get("name"))
    return value["name"], {key: option for key, option in value.items() if key != "name"}


def _pair(text: str, field: str) -> tuple[str, Any]:
    import yaml

    name, equals, value = text.partition("=")
    if not (name.strip() and equals):
        raise RecipeError("is not an option", field=field, expected="NAME:OPTION=VALUE:…", got=repr(text))
    try:
        return name.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError("has a value that is not YAML", field=field, got=repr(text)) from error
