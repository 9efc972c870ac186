"""Finding things by kind and name, with no more plugins imported than the question needs.

There are three tiers. *Names* come from package metadata, and nothing is imported. *Specs* come from importing a
plugin's light ``plugin.py``. The *thing* that a spec names is imported when it is asked for. As an entry point is named
as its domain, asking for one domain imports one plugin; all are imported only for a name that nothing loaded has.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from suffuse.errors import PluginError, SuffuseError, unknown_name
from suffuse.registry.catalog import full_name, in_domains
from suffuse.registry.entries import Entry, builtin_entry, installed_entries
from suffuse.registry.hooks import OBSERVERS
from suffuse.registry.loader import Loader
from suffuse.registry.records import PluginRecord
from suffuse.registry.resolve import construct
from suffuse.registry.settings import Settings
from suffuse.registry.specs import DomainSpec, Spec

if TYPE_CHECKING:
    from suffuse.domain import Domain

S = TypeVar("S", bound=Spec)

log = logging.getLogger("suffuse.plugins")


class Registry:
    """The plugins of a process and what they bring; the core's own is always the first.

    Arguments:
        entries: the others, in the order in which all of them are loaded.
        settings: what the environment says about plugins.
    """

    def __init__(self, entries: Iterable[Entry] = (), settings: Settings | None = None) -> None:
        builtin = builtin_entry()
        self._loader = Loader((builtin, *entries), settings or Settings())
        self._loader.load(builtin)
        self._domains: dict[str, Domain] = {}

    @classmethod
    def installed(cls) -> Registry:
        """The registry of the installed plugins, under the environment's settings."""
        return cls(installed_entries(), Settings.from_environment())

    def names(self, kind: type[Spec]) -> list[str]:
        """The names of a kind, sorted; those of domains are told without importing a plugin."""
        if kind is not DomainSpec:
            self._loader.load_all()
            return self._loader.catalog.names(kind)
        waiting = [record.name for record in self._loader.records.values() if record.status == "available"]
        return sorted({*waiting, *self._loader.catalog.names(kind)})

    def find(self, kind: type[S], name: str) -> S:
        """The spec of that name.

        Arguments:
            kind: what it is the name of.
            name: the name; of what belongs to a domain, also ``domain/name``.

        Raises:
            PluginError: there is none, its plugin is broken, or several domains have one.
        """
        home = _home(kind, name)
        entry = self._loader.entry(home) if home else None
        if entry is not None:
            self._loader.load(entry)
        elif in_domains(kind):
            self._loader.load_all()  # two domains may have one of this name
        found = self._loader.catalog.matches(kind, name)
        if not found:
            self._loader.load_all()
            found = self._loader.catalog.matches(kind, name)
        if not found:
            raise self._unknown(kind, name)
        if len(found) > 1:
            raise _ambiguous(found)
        return found[0]

    def all_specs(self, kind: type[S]) -> list[S]:
        """The specs of a kind, in the order in which their plugins were loaded."""
        self._loader.load_all()
        return self._loader.catalog.of_kind(kind)

    def load_domain(self, name: str) -> Domain:
        """The domain of that name, one instance a process.

        Raises:
            PluginError: there is none, its plugin is broken, or a package that it needs is missing.
        """
        if name not in self._domains:
            self._domains[name] = _make_domain(self.find(DomainSpec, name))
        return self._domains[name]

    def plugins(self, load: bool | Collection[str] = False) -> list[PluginRecord]:
        """How each plugin fares.

        Arguments:
            load: import those that are not imported yet, or those of these names, which tells whether they are broken.
        """
        for entry in list(self._loader.records):
            if load is True or (load and entry.name in load):
                self._loader.load(entry)
        return list(self._loader.records.values())

    def specs_of(self, plugin: PluginRecord) -> list[Spec]:
        """What a plugin has brought; nothing, before it is imported."""
        records = self._loader.records.items()
        owners = [entry for entry, known in records if (known.name, known.package) == (plugin.name, plugin.package)]
        return [spec for entry in owners for spec in self._loader.catalog.of_plugin(entry)]

    def register(self, plugin: object, name: str | None = None) -> PluginRecord:
        """Load a plugin that is not installed: a module or an instance.

        Raises:
            PluginError: it is broken or incompatible, or its name is taken.
        """
        name = name or str(getattr(plugin, "__name__", type(plugin).__name__)).rpartition(".")[2]
        entry = Entry(name, "", "", repr(plugin), lambda: plugin)
        self._loader.add(entry)
        record = self._loader.load(entry)
        if record.status != "active":
            fault = self._loader.fault(entry)
            self._loader.remove(entry)
            raise fault
        return record

    def notify(self, hook: str, observers: Sequence[object] = (), /, **arguments: Any) -> None:
        """Tell every observer; what one of them raises is logged, and the others are told all the same."""
        if hook not in OBSERVERS:
            raise unknown_name("observer hook", hook, OBSERVERS, PluginError)
        self._loader.load_all()
        plugins = self._loader.hooks.list_name_plugin()
        for name, plugin in plugins:
            others = [other for _, other in plugins if other is not plugin]
            try:
                self._loader.hooks.subset_hook_caller(hook, others)(**arguments)
            except Exception:
                log.exception("plugin %r failed in %s", name, hook)
        for observer in observers:
            try:
                getattr(observer, hook, _deaf)(**arguments)
            except Exception:
                log.exception("the observer %r failed in %s", type(observer).__name__, hook)

    def _unknown(self, kind: type[Spec], name: str) -> SuffuseError:
        """The error for a name that no plugin brings, or whose plugin does not work."""
        home = _home(kind, name)
        entry = self._loader.entry(home) if home else None
        if entry is not None and self._loader.records[entry].status != "active":
            return self._loader.fault(entry)
        if any(record.name == home and record.status == "disabled" for record in self.plugins()):
            return PluginError("is disabled", field=f"plugin {home!r}", fix="take it out of SUFFUSE_DISABLE_PLUGINS")
        broken = [record.name for record in self.plugins() if record.status in ("broken", "incompatible")]
        lacking = "the package that brings it may not be installed: `suffuse plugins list` tells which are"
        fix = f"see `suffuse doctor`: of the plugins, {', '.join(broken)} could not be loaded" if broken else lacking
        return unknown_name(kind.kind, name, self.names(kind), PluginError, fix=fix)


def _deaf(**arguments: Any) -> None:
    """What an observer without a method does."""


def _home(kind: type[Spec], name: str) -> str | None:
    """The name of the one plugin that a name points at, if it does."""
    if kind is DomainSpec:
        return name
    domain, slash, _ = name.partition("/")
    return domain if slash else None


def _ambiguous(found: Sequence[Spec]) -> PluginError:
    names = sorted(full_name(spec) for spec in found)
    return PluginError(
        f"several domains have a {found[0].kind} named {found[0].name!r}",
        expected=f"one of {', '.join(names)}",
        got=repr(found[0].name),
        fix=f"write {names[0]!r}",
    )


def _make_domain(spec: DomainSpec) -> Domain:
    made = construct(spec)
    from suffuse.domain import Domain  # imports torch, as the domain itself has just done

    if not isinstance(made, Domain) or made.name != spec.name:
        raise PluginError(
            "its factory makes something else",
            field=f"domain {spec.name!r}",
            expected=f"a suffuse.domain.Domain named {spec.name!r}",
            got=f"{made!r} named {getattr(made, 'name', None)!r}",
            fix=f"mend {spec.factory}",
        )
    return made
