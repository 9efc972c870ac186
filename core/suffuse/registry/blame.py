"""Whose code an exception comes from: told from its traceback, by where the installed plugins live."""

from __future__ import annotations

import traceback

from suffuse.errors import PluginError
from suffuse.registry.entries import Entry, installed_entries

DEBUG = "SUFFUSE_DEBUG"
"""The environment variable that asks for tracebacks."""


def blamed(error: Exception) -> PluginError | None:
    """The error that names the plugin in whose code an exception arose; ``None`` if none had a part in it.

    Of several plugins in the traceback the one called last is told, though what it called may have been the core, or
    a library.
    """
    homes = {_home(entry): entry for entry in installed_entries()}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = frame.f_globals.get("__name__") or ""
        entry = next((entry for home, entry in homes.items() if f"{module}.".startswith(f"{home}.")), None)
        if entry is not None:
            told = traceback.format_exception_only(error)[-1].strip()
            return PluginError(
                f"failed in {module}, line {line}: {told}",
                field=f"plugin {entry.name!r} ({entry.origin})",
                fix=f"check what it was given, or tell its authors; {DEBUG}=1 shows the whole traceback",
            )
    return None


def _home(entry: Entry) -> str:
    """The package that a plugin's module lies in; the module itself where it lies in none."""
    module = entry.module.partition(":")[0]
    return module.rpartition(".")[0] or module
