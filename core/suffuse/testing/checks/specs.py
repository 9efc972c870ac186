"""The specs: is what the plugin registers there, and is what it needs declared."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from suffuse.domain import Domain, Section
from suffuse.errors import PluginError
from suffuse.registry import resolve, resource, specs_of
from suffuse.registry.catalog import check_spec
from suffuse.registry.resolve import missing_requirements
from suffuse.registry.specs import DomainSpec, RecipeSpec, StarterSpec
from suffuse.testing.case import Case
from suffuse.testing.failure import NotApplicable, require


def domain_spec(case: Case) -> None:
    """The domain's spec is sound, and its factory gives a domain of that name whose parts have the right types."""
    spec = check_spec(DomainSpec, case.spec)
    domain = case.domain
    require(
        isinstance(domain, Domain), "is no domain", field=spec.factory, expected="a subclass of suffuse.domain.Domain",
        got=type(domain).__name__, fix="derive it from Domain",
    )  # fmt: skip
    require(
        domain.name == spec.name, "is named otherwise than its spec", field=f"{spec.factory}.name",
        expected=spec.name, got=domain.name, fix="give both the same name",
    )  # fmt: skip
    for part in ("data_section", "codec_section"):
        section = getattr(domain, part, None)
        require(
            isinstance(section, type) and issubclass(section, Section), "is no section", field=f"Domain.{part}",
            expected="a subclass of suffuse.domain.Section", got=section, fix="Section itself has no keys",
        )  # fmt: skip
    for part, suffixes in (("Domain.writes", domain.writes), ("DomainSpec.suffixes", spec.suffixes)):
        wrong = [s for s in suffixes if not (s.startswith(".") and s == s.lower())]
        require(
            not wrong, "holds something else than suffixes", field=part, expected="lower case, as .png",
            got=", ".join(wrong), fix="write the dot, and small letters",
        )  # fmt: skip
    require(
        len(domain.writes) > 0, "is empty", field="Domain.writes", expected="at least one suffix", got="()",
        fix="say what Domain.write makes; the first is that of a single item",
    )  # fmt: skip


def factories(case: Case) -> None:
    """What every other spec of the plugin names can be imported, or lies in the package."""
    for spec in specs_of(case.plugin):
        if missing_requirements(spec):
            continue
        try:
            found = resource(spec) if isinstance(spec, RecipeSpec | StarterSpec) else resolve(spec)
        except PluginError as error:
            require(
                False, error.message, field=f"{spec.kind} {spec.name!r}", expected="something to import, or a file",
                got=spec.factory, fix=error.fix or "correct the factory; the package must hold the file",
            )  # fmt: skip
        else:
            require(
                isinstance(found, Path) or callable(found), "cannot be called", field=f"{spec.kind} {spec.name!r}",
                expected="a class or a function", got=type(found).__name__, fix="name what makes the thing",
            )  # fmt: skip


def install_hint(case: Case) -> None:
    """Who lacks a module that the domain needs is told what to install, and that can be installed."""
    spec = case.spec
    if not spec.requires:
        raise NotApplicable("the domain requires no module that may be missing")
    absent = replace(spec, requires=("suffuse_module_that_nobody_has",))
    try:
        resolve(absent)
        told = ""
    except PluginError as error:
        told = error.fix or ""
    require(
        bool(spec.install) and spec.install in told, "does not say how to get what is missing",
        field="DomainSpec.install", expected="what to hand to pip, as suffuse-waves[sound]", got=repr(spec.install),
        fix="set install",
    )  # fmt: skip
    if not case.installed:
        return
    wanted = Requirement(spec.install)
    if canonicalize_name(wanted.name) != canonicalize_name(case.plugin.package):
        return
    extras = {canonicalize_name(e) for e in metadata.metadata(case.plugin.package).get_all("Provides-Extra") or ()}
    unknown = [extra for extra in wanted.extras if canonicalize_name(extra) not in extras]
    require(
        not unknown, "names an extra that the package does not have", field="DomainSpec.install",
        expected=f"one of {', '.join(sorted(extras)) or 'none'}", got=", ".join(unknown),
        fix="add it to [project.optional-dependencies], or correct the name",
    )  # fmt: skip


def requirements(case: Case) -> None:
    """Every package that the domain's modules import is declared: by ``requires``, or as a dependency."""
    own = case.spec.factory.partition(":")[0]
    _ = case.domain
    declared = {module.partition(".")[0] for module in case.spec.requires}
    dependencies = _dependencies("suffuse") | (_dependencies(case.plugin.package) if case.installed else set())
    owners = metadata.packages_distributions()
    for module, imported in _imports(own, own.partition(".")[0]):
        brought_by = {canonicalize_name(name) for name in owners.get(imported, ())}
        require(
            imported in declared or not brought_by or bool(brought_by & dependencies),
            "imports a package that nothing declares: who lacks it gets an ImportError",
            field=module, expected=f"{imported} in DomainSpec.requires, or in the package's dependencies",
            got=f"import {imported}", fix=f"requires=({imported!r},), with install=…",
        )  # fmt: skip


def _dependencies(package: str) -> set[str]:
    """What is always installed along with a package, itself included."""
    wanted = [Requirement(text) for text in metadata.requires(package) or []]
    kept = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    return {canonicalize_name(package), *(canonicalize_name(r.name) for r in kept)}


def _imports(module: str, top: str) -> Iterator[tuple[str, str]]:
    """The foreign packages that a module, and those of its own package that it imports, need when they are loaded."""
    waiting, seen = [module], {module}
    while waiting:
        here = waiting.pop()
        for name in _imported_by(here):
            first = name.partition(".")[0]
            if first == top:
                near = [candidate for candidate in (name, name.rpartition(".")[0]) if candidate in sys.modules]
                waiting += [m for m in near[:1] if m not in seen]
                seen.update(near[:1])
            elif first not in sys.stdlib_module_names and first != "suffuse":
                yield here, first


def _imported_by(module: str) -> Iterator[str]:
    """The names that a module imports as it is loaded, in full."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return
    package = module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            origin = ".".join(filter(None, (base, node.module)))
            yield from (f"{origin}.{alias.name}" for alias in node.names)
