"""What plugin authors may rely on, name by name: ``python -m tests.surface`` writes it down in ``surface.txt``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("surface.txt")

MODULES = (
    "suffuse",
    "suffuse.registry",
    "suffuse.registry.hooks",
    "suffuse.registry.specs",
    "suffuse.testing",
    "suffuse.domain",
    "suffuse.windows",
    "suffuse.similarity",
    "suffuse.codecs",
    "suffuse.conditions",
    "suffuse.datasets",
    "suffuse.state",
    "suffuse.rng",
    "suffuse.errors",
    "suffuse.files",
    "suffuse.filters",
    "suffuse.metrics",
    "suffuse.parts",
    "suffuse.plots",
    "suffuse.tables",
    "suffuse.posterior",
    "suffuse.process",
    "suffuse.sampling",
    "suffuse.guidance",
    "suffuse.operators",
    "suffuse.inverse",
    "suffuse.training.run",
)
"""The modules that docs/plugins/api.md names."""


def describe() -> str:
    """Every public name of these modules, with its signature; of classes the public methods and properties too."""
    return "".join(f"{line}\n" for module in MODULES for line in _module(module))


def _module(name: str) -> Iterator[str]:
    module = import_module(name)
    for public in sorted(getattr(module, "__all__", None) or _own(module)):
        yield from _thing(f"{name}.{public}", getattr(module, public))


def _own(module: Any) -> list[str]:
    """What a module without ``__all__`` defines itself."""
    home = [n for n in vars(module) if not n.startswith("_")]
    return [n for n in home if getattr(vars(module)[n], "__module__", None) == module.__name__]


def _thing(name: str, thing: Any) -> Iterator[str]:
    if inspect.isclass(thing):
        bases = ", ".join(b.__name__ for b in thing.__bases__ if b is not object)
        yield f"class {name}({bases})"
        if is_dataclass(thing) or not issubclass(thing, Exception):
            yield f"    {name}{_signature(thing)}"
        for method, value in sorted(vars(thing).items()):
            if not method.startswith("_"):
                yield from _member(f"    {name}.{method}", value)
    elif callable(thing):
        yield f"{name}{_signature(thing)}"
    else:
        yield f"{name}: {type(thing).__name__}"


def _member(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, property):
        yield f"{name}: property"
    elif isinstance(value, classmethod | staticmethod):
        yield f"{name}{_signature(value.__func__)}"
    elif inspect.isfunction(value):
        yield f"{name}{_signature(value)}"


def _signature(thing: Any) -> str:
    try:
        parameters = inspect.signature(thing)
    except (TypeError, ValueError):
        return "(…)"
    return str(parameters.replace(parameters=[_without_address(p) for p in parameters.parameters.values()]))


def _without_address(parameter: inspect.Parameter) -> inspect.Parameter:
    """A default whose text differs from one process to the next told by its type."""
    if " at 0x" in repr(parameter.default) or "<factory>" in repr(parameter.default):
        return parameter.replace(default=type(parameter.default).__name__)
    return parameter


if __name__ == "__main__":
    FILE.write_text(describe(), encoding="utf-8")
    print(f"{FILE}: {len(describe().splitlines())} lines")
