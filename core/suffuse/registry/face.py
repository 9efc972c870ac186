"""The registry of this process, asked by the names of kinds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, overload

from suffuse.errors import PluginError, unknown_name
from suffuse.registry.manager import Registry
from suffuse.registry.parts import made, parts_of
from suffuse.registry.records import PluginRecord
from suffuse.registry.resolve import construct
from suffuse.registry.specs import (
    SPECS,
    CheckSpec,
    DatasetSpec,
    DomainSpec,
    FilterSpec,
    HealthCheckSpec,
    MetricSpec,
    RecipeSpec,
    RendererSpec,
    Spec,
    StarterSpec,
)

if TYPE_CHECKING:
    from suffuse.domain import Domain

_KINDS = {spec.kind: spec for spec in SPECS}


class _Current:
    """The registry that the functions below ask; the installed plugins' unless a block put another in its place."""

    registry: Registry | None = None
    lock = Lock()


def current() -> Registry:
    """The registry of this process, made when it is first asked for."""
    with _Current.lock:
        if _Current.registry is None:
            _Current.registry = Registry.installed()
        return _Current.registry


@contextmanager
def isolated(*plugins: object) -> Iterator[Registry]:
    """For tests: within this block the process has the built-in plugin and the given ones, and no installed one."""
    before, _Current.registry = _Current.registry, Registry()
    try:
        for plugin in plugins:
            _Current.registry.register(plugin)
        yield _Current.registry
    finally:
        _Current.registry = before


def names(kind: str) -> list[str]:
    """The names of a kind, sorted; those of domains are told without importing a plugin."""
    return current().names(_spec_type(kind))


@overload
def find(kind: Literal["domain"], name: str) -> DomainSpec: ...
@overload
def find(kind: Literal["dataset"], name: str) -> DatasetSpec: ...
@overload
def find(kind: Literal["recipe"], name: str) -> RecipeSpec: ...
@overload
def find(kind: Literal["starter"], name: str) -> StarterSpec: ...
@overload
def find(kind: str, name: str) -> Spec: ...
def find(kind: str, name: str) -> Spec:
    """The spec of that name.

    Raises:
        PluginError: there is none, its plugin is broken, or several domains have one.
    """
    return current().find(_spec_type(kind), name)


@overload
def all_specs(kind: Literal["domain"]) -> list[DomainSpec]: ...
@overload
def all_specs(kind: Literal["dataset"]) -> list[DatasetSpec]: ...
@overload
def all_specs(kind: Literal["recipe"]) -> list[RecipeSpec]: ...
@overload
def all_specs(kind: Literal["starter"]) -> list[StarterSpec]: ...
@overload
def all_specs(kind: Literal["metric"]) -> list[MetricSpec]: ...
@overload
def all_specs(kind: Literal["renderer"]) -> list[RendererSpec]: ...
@overload
def all_specs(kind: Literal["filter"]) -> list[FilterSpec]: ...
@overload
def all_specs(kind: Literal["check"]) -> list[CheckSpec]: ...
@overload
def all_specs(kind: Literal["health-check"]) -> list[HealthCheckSpec]: ...
@overload
def all_specs(kind: str) -> list[Spec]: ...
def all_specs(kind: str) -> Any:
    """The specs of a kind, in the order in which their plugins were loaded."""
    return current().all_specs(_spec_type(kind))


def make(kind: str, name: str, /, *inputs: Any, **options: Any) -> Any:
    """What the factory of that name makes of these inputs and options; options that name components are made first.

    Raises:
        PluginError: there is none of that name, or it cannot be imported.
        RecipeError: it does not have such an option, or lacks one that it needs.
    """
    spec = find(kind, name)
    for option, inner in parts_of(spec).items():
        if option in options:
            options[option] = made(options[option], f"{name}.{option}", partial(_make_part, inner))
    return construct(spec, *inputs, **options)


def _make_part(kind: str, name: str, options: Mapping[str, Any]) -> Any:
    return make(kind, name, **options)


def load_domain(name: str) -> Domain:
    """The domain of that name, one instance a process.

    Raises:
        PluginError: there is none, its plugin is broken, or a package that it needs is missing.
    """
    return current().load_domain(name)


def plugins(load: bool | Collection[str] = False) -> list[PluginRecord]:
    """How each plugin fares.

    Arguments:
        load: import those that are not imported yet, or those of these names, which tells whether they are broken.
    """
    return current().plugins(load)


def specs_of(plugin: PluginRecord) -> list[Spec]:
    """What a plugin has brought; nothing, before it is imported."""
    return current().specs_of(plugin)


def register(plugin: object, name: str | None = None) -> PluginRecord:
    """Load a plugin that is not installed: a module or an instance.

    Raises:
        PluginError: it is broken or incompatible, or its name is taken.
    """
    return current().register(plugin, name)


def notify(hook: str, observers: Sequence[object] = (), /, **arguments: Any) -> None:
    """Tell every observer; what one of them raises is logged, and the others are told all the same.

    Arguments:
        hook: its name.
        observers: those that were asked for besides the plugins', each with a method for what it wants to be told.
        arguments: of the hook.
    """
    current().notify(hook, observers, **arguments)


def _spec_type(kind: str) -> type[Spec]:
    if kind not in _KINDS:
        raise unknown_name("kind", kind, _KINDS, PluginError)
    return _KINDS[kind]
