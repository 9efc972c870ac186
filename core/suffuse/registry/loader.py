"""Loading plugins, each of them wholly or not at all, so that a broken one takes nothing else down."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterable
from functools import partial
from threading import RLock
from typing import Any

import pluggy

from suffuse.errors import PluginError
from suffuse.registry import hooks
from suffuse.registry.catalog import Catalog
from suffuse.registry.entries import Entry, refused_version
from suffuse.registry.inspection import find_oddities
from suffuse.registry.records import PluginRecord, Status
from suffuse.registry.settings import Settings
from suffuse.registry.specs import API, DomainSpec, Spec

log = logging.getLogger("suffuse.plugins")

HEAVY = ("torch", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "tensorflow", "jax")
"""What a plugin's light module must not import."""

SLOW, HANGS = 1.0, 5.0
"""Seconds of an import: those that are told afterwards, and those after which it is told while it goes on."""

_HANGING = "the plugin %r of %s has been importing for %.0f s; SUFFUSE_DISABLE_PLUGINS=%s does without it"


class IncompatiblePlugin(PluginError):
    """A plugin was written against another version of the plugin contract."""


class Loader:
    """Imports plugins on demand and keeps what they bring.

    Arguments:
        entries: the plugins, in the order in which all of them are loaded; of two with one name the first is taken.
        settings: what the environment says about plugins.
    """

    def __init__(self, entries: Iterable[Entry], settings: Settings) -> None:
        self.catalog = Catalog()
        self.records: dict[Entry, PluginRecord] = {}
        self.causes: dict[Entry, BaseException] = {}
        self.hooks = _hook_manager(settings.trace)
        self._settings = settings
        self._lock = RLock()
        self._loading: list[Entry] = []
        for hook, kind in hooks.REGISTRATION.items():
            # historic: whoever registers later is called then, alone
            getattr(self.hooks.hook, hook).call_historic(kwargs={"register": partial(self._receive, kind)})
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> PluginRecord:
        """Make a plugin known, without importing it."""
        rival = self.entry(entry.name)
        if {entry.name, entry.package} & self._settings.disabled:
            record = _record(entry, "disabled", "by SUFFUSE_DISABLE_PLUGINS")
        elif rival is not None:
            record = _record(entry, "broken", f"{rival.origin} already brings a plugin of this name")
        else:
            record = _record(entry, "available")
        self.records[entry] = record
        return record

    def remove(self, entry: Entry) -> None:
        """Forget a plugin that did not load."""
        self.records.pop(entry)
        self.causes.pop(entry, None)

    def entry(self, name: str) -> Entry | None:
        """The plugin of that name, unless it is disabled."""
        usable = (e for e, record in self.records.items() if e.name == name and record.status != "disabled")
        return next(usable, None)

    def load_all(self) -> None:
        """Import every plugin that is not imported yet."""
        for entry in list(self.records):
            self.load(entry)

    def load(self, entry: Entry) -> PluginRecord:
        """Import a plugin if it is not imported yet; if it is broken, record why.

        Raises:
            PluginError: it is broken or odd, and ``SUFFUSE_STRICT_PLUGINS`` is set.
        """
        with self._lock:
            if self.records[entry].status == "available" and entry not in self._loading:
                self.records[entry] = self._try(entry)
                self._report(self.records[entry], self.causes.get(entry))
        record = self.records[entry]
        if self._settings.strict and record.status != "disabled" and record.reason:
            raise self.fault(entry)
        return record

    def fault(self, entry: Entry) -> PluginError:
        """The error that tells how a plugin fares."""
        record = self.records[entry]
        error = PluginError(
            f"the plugin of {entry.origin} is {record.status}: {record.reason}",
            field=f"plugin {entry.name!r}",
            fix=f"upgrade or remove {entry.package}; `suffuse doctor` tells more" if entry.package else None,
        )
        error.__cause__ = self.causes.get(entry)
        return error

    def _try(self, entry: Entry) -> PluginRecord:
        begin = time.perf_counter()
        status: Status = "active"
        self._loading.append(entry)
        try:
            reason = "; ".join(self._take_in(entry))
        except (Exception, SystemExit) as error:
            self.causes[entry] = error
            status = "incompatible" if isinstance(error, IncompatiblePlugin) else "broken"
            reason = _describe(error)
        finally:
            self._loading.pop()
        return _record(entry, status, reason, time.perf_counter() - begin)

    def _take_in(self, entry: Entry) -> list[str]:
        """Import and register a plugin; say what is odd about it."""
        if refusal := refused_version(entry):
            raise IncompatiblePlugin(refusal)
        plugin, slow = _import(entry)
        if self.hooks.is_registered(plugin):
            raise PluginError(f"is the plugin {self.hooks.get_name(plugin)!r} under another name")
        oddities = slow + find_oddities(self.hooks, plugin)
        try:
            self.hooks.register(plugin, name=entry.name)
        except BaseException:
            if self.hooks.is_registered(plugin):
                self.hooks.unregister(plugin)
            self.catalog.discard(entry)
            raise
        return oddities + self._misnomers(entry)

    def _receive(self, kind: type[Spec], spec: Spec) -> None:
        """Take a spec from the plugin that is being loaded: what ``register`` is to a plugin."""
        if not self._loading:
            raise PluginError("register may be called only within the hook that it was handed to")
        entry = self._loading[-1]
        if isinstance(spec, DomainSpec):
            self._refuse_foreign(spec, entry)
        self.catalog.add(kind, spec, entry)

    def _refuse_foreign(self, spec: DomainSpec, entry: Entry) -> None:
        if spec.api != API:
            old = "suffuse" if spec.api > API else entry.package or "it"
            raise IncompatiblePlugin(
                f"the domain {spec.name!r} speaks version {spec.api} of the plugin contract, and this suffuse speaks "
                f"version {API}: upgrade {old}"
            )
        owner = self.entry(spec.name)
        if owner not in (None, entry):
            raise PluginError(f"the domain {spec.name!r} is that of the plugin of this name, of {owner.origin}")

    def _misnomers(self, entry: Entry) -> list[str]:
        domains = [spec.name for spec in self.catalog.of_plugin(entry) if isinstance(spec, DomainSpec)]
        if not (entry.package and domains) or entry.name in domains:
            return []
        return [
            f"the domain {domains[0]!r} is slow to find: the entry point is named {entry.name!r}, not as the domain"
        ]

    def _report(self, record: PluginRecord, cause: BaseException | None) -> None:
        if record.reason:
            log.warning(
                "plugin %r of %s %s is %s: %s",
                record.name,
                record.package,
                record.version,
                record.status,
                record.reason,
            )
            log.debug("plugin %r", record.name, exc_info=cause)


def _import(entry: Entry) -> tuple[Any, list[str]]:
    """A plugin's module, and what was slow about it; while it hangs, the log tells whose it is."""
    before, begin = set(sys.modules), time.perf_counter()
    warning = threading.Timer(HANGS, log.warning, [_HANGING, entry.name, entry.origin, HANGS, entry.name])
    warning.daemon = True
    warning.start()
    try:
        plugin = entry.load()
    finally:
        warning.cancel()
    seconds, heavy = time.perf_counter() - begin, [m for m in HEAVY if m in sys.modules and m not in before]
    slow = [f"importing it took {seconds:.1f} s"] if seconds > SLOW else []
    return plugin, slow + ([f"its module imports {', '.join(heavy)}, which slows every command"] if heavy else [])


def _hook_manager(trace: bool) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    if trace:
        manager.trace.root.setwriter(sys.stderr.write)
        manager.enable_tracing()
    return manager


def _record(entry: Entry, status: Status, reason: str = "", seconds: float | None = None) -> PluginRecord:
    return PluginRecord(entry.name, entry.package, entry.version, status, entry.module, reason, seconds)


def _describe(error: BaseException) -> str:
    if isinstance(error, PluginError):
        return error.message
    return " ".join(f"{type(error).__name__}: {error}".split())
