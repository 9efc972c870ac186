"""Which plugins there are, told from package metadata alone: nothing is imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any

GROUP = "suffuse.plugins"
"""The entry-point group of plugins; an entry point is named as its domain."""

BUILTIN = "builtin"
"""The name of the core's own plugin."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A plugin that could be loaded; each is itself only, whatever another is called.

    Arguments:
        name: the entry point's name.
        package: the distribution that brings it.
        version: that distribution's version.
        module: where it comes from, as ``package.plugin``.
        load: imports it.
    """

    name: str
    package: str
    version: str
    module: str
    load: Callable[[], Any]

    @property
    def origin(self) -> str:
        """The package and its version, for messages."""
        return " ".join(part for part in (self.package, self.version) if part) or self.module


def installed_entries() -> tuple[Entry, ...]:
    """The installed plugins, suffuse's own first, then by name and package."""
    found = [_entry(point) for point in entry_points(group=GROUP)]
    return tuple(sorted(found, key=lambda entry: (entry.package != "suffuse", entry.name, entry.package)))


def builtin_entry() -> Entry:
    """The core's own plugin, which brings its samplers, schedules, grids and networks."""
    module = "suffuse.builtin"
    return Entry(BUILTIN, "suffuse", version("suffuse"), module, lambda: import_module(module))


def _entry(point: EntryPoint) -> Entry:
    package, release = (point.dist.name, point.dist.version) if point.dist else ("", "")
    return Entry(point.name, package, release, point.value, point.load)
