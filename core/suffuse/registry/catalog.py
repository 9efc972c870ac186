"""The specs that loaded plugins brought, by kind and name."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields
from typing import TypeVar, cast

from suffuse.errors import PluginError
from suffuse.registry.entries import Entry
from suffuse.registry.specs import RecipeSpec, Spec, StarterSpec

S = TypeVar("S", bound=Spec)

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
OBJECT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
TUPLES = ("requires", "suffixes", "samplers", "operators", "models", "domains", "needs")
FILE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[^/\\].*")


def full_name(spec: Spec) -> str:
    """``domain/name`` for what belongs to a domain, so that two domains may both have a ``folder``; else the name."""
    domain = getattr(spec, "domain", None)
    return f"{domain}/{spec.name}" if domain else spec.name


def in_domains(kind: type[Spec]) -> bool:
    """Whether each spec of a kind belongs to a domain."""
    return any(field.name == "domain" for field in fields(kind))


class Catalog:
    """Specs, and the plugin that each came from."""

    def __init__(self) -> None:
        self._specs: dict[tuple[type[Spec], str], tuple[Spec, Entry]] = {}

    def add(self, kind: type[Spec], spec: object, entry: Entry) -> None:
        """Take a spec in.

        Raises:
            PluginError: it is malformed, or its name is taken.
        """
        checked = check_spec(kind, spec)
        key = (kind, full_name(checked))
        if key in self._specs:
            raise PluginError(_taken(kind, key[1], entry, self._specs[key][1]))
        self._specs[key] = (checked, entry)

    def discard(self, entry: Entry) -> None:
        """Forget all that a plugin brought."""
        self._specs = {key: (spec, owner) for key, (spec, owner) in self._specs.items() if owner is not entry}

    def of_kind(self, kind: type[S]) -> list[S]:
        """The specs of one kind, in the order in which they came."""
        return [cast(S, spec) for (k, _), (spec, _) in self._specs.items() if k is kind]

    def of_plugin(self, entry: Entry) -> list[Spec]:
        """The specs that one plugin brought."""
        return [spec for spec, owner in self._specs.values() if owner is entry]

    def matches(self, kind: type[S], name: str) -> list[S]:
        """The specs of that name: none, one, or one for each of several domains."""
        return [spec for spec in self.of_kind(kind) if name in (spec.name, full_name(spec))]

    def names(self, kind: type[Spec]) -> list[str]:
        """The shortest unambiguous name of each spec of a kind, sorted."""
        specs = self.of_kind(kind)
        count = Counter(spec.name for spec in specs)
        return sorted(spec.name if count[spec.name] == 1 else full_name(spec) for spec in specs)


def _taken(kind: type[Spec], name: str, entry: Entry, owner: Entry) -> str:
    if owner is entry:
        return f"registers the {kind.kind} {name!r} twice"
    return f"registers the {kind.kind} {name!r}, which the plugin {owner.name!r} of {owner.origin} already brings"


def check_spec(kind: type[S], spec: object) -> S:
    """The spec, if it is well-formed."""
    if not isinstance(spec, kind):
        raise PluginError(f"registers {spec!r} as a {kind.kind}, which must be a {kind.__name__}")
    if not (isinstance(spec.name, str) and NAME.fullmatch(spec.name)):
        raise PluginError(f"registers a {kind.kind} named {spec.name!r}: names are lower case, digits and hyphens")
    pattern, form = _factory_form(kind)
    if not (isinstance(spec.factory, str) and pattern.fullmatch(spec.factory)):
        raise PluginError(f"registers the {kind.kind} {spec.name!r} with the factory {spec.factory!r}, not {form}")
    for field in TUPLES:
        if isinstance(getattr(spec, field, ()), str):
            raise PluginError(
                f"registers the {kind.kind} {spec.name!r} with text where a tuple of texts is due: {field}"
            )
    return spec


def _factory_form(kind: type[Spec]) -> tuple[re.Pattern[str], str]:
    if issubclass(kind, RecipeSpec | StarterSpec):
        return FILE, '"package:path/to/file"'
    return OBJECT, '"package.module:attribute"'
