"""Which plugins there are, told from package metadata alone: nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any

GROUP = "suffuse.plugins"
"""The entry-point group of plugins; an entry point is named as its domain."""

BUILTIN = "builtin"
"""The name of the core's own plugin."""


_ON_SUFFUSE = re.compile(r"suffuse\s*($|[^\w.\s-])", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Entry:
    """A plugin that could be loaded; each is itself only, whatever another is called.

    Arguments:
        name: the entry point's name.
        package: the distribution that brings it.
        version: that distribution's version.
        module: where it comes from, as ``package.plugin``.
        load: imports it.
        requires: what its package requires, as package metadata have it.
    """

    name: str
    package: str
    version: str
    module: str
    load: Callable[[], Any]
    requires: Callable[[], Sequence[str]] = tuple

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
    dist = point.dist
    if dist is None:
        return Entry(point.name, "", "", point.value, point.load)
    told = dist.metadata  # parsed anew whenever it is asked for
    return Entry(point.name, told["Name"], told["Version"], point.value, point.load, lambda: dist.requires or ())


def refused_version(entry: Entry) -> str | None:
    """The bound on suffuse in a plugin's package metadata that this suffuse does not meet; ``None``: it meets them."""
    if entry.package in ("", "suffuse"):
        return None
    bounds = [text for text in entry.requires() if _ON_SUFFUSE.match(text)]
    if not bounds:
        return None
    from packaging.requirements import Requirement

    mine = version("suffuse")
    for bound in (Requirement(text).specifier for text in bounds):
        if not bound.contains(mine, prereleases=True):
            return f"needs suffuse {bound}, and this is {mine}"
    return None
