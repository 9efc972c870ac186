"""From a spec to the thing that it names."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from suffuse.errors import PluginError, unknown_name
from suffuse.registry.options import check_options
from suffuse.registry.specs import RecipeSpec, Spec, StarterSpec


def resolve(spec: Spec) -> Any:
    """Import the object that a spec's factory names.

    Raises:
        PluginError: it is not there, or a package that it needs is missing.
    """
    _require(spec)
    place, _, attribute = spec.factory.partition(":")
    try:
        found: Any = import_module(place)
    except Exception as error:
        raise PluginError(
            f"could not be imported ({type(error).__name__}: {error})", field=_field(spec), got=spec.factory
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise unknown_name(f"attribute of {place}", part, _public(found), PluginError, field=_field(spec))
        found = getattr(found, part)
    return found


def construct(spec: Spec, *inputs: Any, **options: Any) -> Any:
    """Call a spec's factory.

    Raises:
        RecipeError: an option that the factory does not have or cannot do without, or one of a wrong type.
    """
    factory = resolve(spec)
    return factory(*inputs, **check_options(spec, factory, len(inputs), options))


def resource(spec: RecipeSpec | StarterSpec) -> Path:
    """The file that a recipe's or a starter's spec names.

    Raises:
        PluginError: it is not there.
    """
    package, _, inside = spec.factory.partition(":")
    try:
        path = Path(str(files(package).joinpath(inside)))
    except ModuleNotFoundError as error:
        raise PluginError(f"its package {package!r} is not installed", field=_field(spec), got=spec.factory) from error
    if not path.is_file():
        raise PluginError("its file is missing", field=_field(spec), expected=path, fix="install the plugin anew")
    return path


def missing_requirements(spec: Spec) -> list[str]:
    """The modules that a spec's factory needs and that are not installed."""
    return [module for module in spec.requires if find_spec(module.partition(".")[0]) is None]


def _require(spec: Spec) -> None:
    missing = missing_requirements(spec)
    if missing:
        wanted = spec.install or " ".join(missing)
        raise PluginError(
            f"needs {', '.join(missing)}, which is not installed",
            field=_field(spec),
            fix=f'pip install "{wanted}"',
        )


def _field(spec: Spec) -> str:
    return f"{spec.kind} {spec.name!r}"


def _public(owner: Any) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]
