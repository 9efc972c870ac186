"""Looking a plugin over before any of it runs, for the mistakes that pluggy lets through."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pluggy

from suffuse.errors import PluginError, nearest
from suffuse.registry.hooks import HOOKS


def find_oddities(manager: pluggy.PluginManager, plugin: object) -> list[str]:
    """What is odd about a plugin, but stops nothing: hooks that nobody calls.

    Raises:
        PluginError: it cannot work.
    """
    if isinstance(plugin, type):
        raise PluginError(f"{plugin.__name__} is a class: a plugin is a module or an instance")
    if type(plugin).__hash__ is None:
        raise PluginError(f"{type(plugin).__name__} is not hashable, which pluggy needs")
    implemented = _implementations(manager, plugin)
    unmarked = [h for h in HOOKS if h not in implemented and inspect.isroutine(getattr(plugin, h, None))]
    if not implemented:
        lacking = f": {', '.join(unmarked)} lacks @hookimpl" if unmarked else ""
        raise PluginError(f"implements no hook{lacking}")
    for hook, function in implemented.items():
        _refuse_defaults(hook, function)
    unknown = [hook for hook in implemented if hook not in HOOKS]
    return [_unknown(hook) for hook in unknown] + [f"{hook} lacks @hookimpl and is not called" for hook in unmarked]


def _implementations(manager: pluggy.PluginManager, plugin: object) -> Mapping[str, Any]:
    found = {}
    for attribute in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, attribute)
        if options is not None:
            found[options.get("specname") or attribute] = getattr(plugin, attribute)
    return found


def _refuse_defaults(hook: str, function: Any) -> None:
    """pluggy before 1.7 passes an argument that has a default nothing, ever."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is not parameter.empty:
            raise PluginError(f"the argument {parameter.name!r} of {hook} has a default: leave the default out")


def _unknown(hook: str) -> str:
    guess = nearest(hook, HOOKS)
    advice = f"did you mean {guess!r}?" if guess else "is it from a newer suffuse?"
    return f"there is no hook named {hook!r}: {advice}"
