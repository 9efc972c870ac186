"""What ``suffuse doctor`` looks at. An examination gives findings and never raises."""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlparse

from suffuse.errors import SuffuseError
from suffuse.registry.entries import GROUP

if TYPE_CHECKING:
    from suffuse.registry.specs import DomainSpec


State = Literal["ok", "note", "broken"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Arguments:
        name: what.
        state: ``broken`` when it must be mended, ``note`` when it may be.
        detail: what was found.
        fix: what to do.
    """

    name: str
    state: State
    detail: str
    fix: str = ""


def examine_all() -> list[Finding]:
    """Every examination."""
    return [
        *examine_machine(),
        *examine_dependencies("suffuse"),
        *examine_plugins(),
        *examine_health_checks(),
        *examine_entry_points(metadata.distributions()),
        *examine_folders(),
    ]


def examine_machine() -> Iterator[Finding]:
    """Python, torch, cores and accelerator."""
    from suffuse.training.run import environment

    try:
        facts = environment()
    except (ImportError, OSError) as error:
        yield Finding("torch", "broken", f"cannot be imported: {error}", "pip install --force-reinstall torch")
        return
    for name in ("python", "platform", "cores", "threads", "accelerator"):
        yield Finding(name, "ok", str(facts[name]))
    for package, version in facts["packages"].items():
        yield Finding(package, "ok" if version else "note", version or "not installed")


def examine_dependencies(package: str) -> Iterator[Finding]:
    """What a package requires and is missing or of the wrong version."""
    from packaging.requirements import Requirement

    for text in metadata.requires(package) or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = _version(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            found = f"needs {requirement.specifier or 'any version'}, found {version or 'none'}"
            yield Finding(requirement.name, "broken", found, f'pip install "{requirement.name}{requirement.specifier}"')


def examine_plugins() -> Iterator[Finding]:
    """How each plugin fares, down to the import of its domains."""
    from suffuse.cli.plugins import examine
    from suffuse.registry import specs_of
    from suffuse.registry.specs import DomainSpec

    for record in examine():
        name, origin = f"plugin {record.name}", f"{record.package} {record.version}"
        if record.status in ("broken", "incompatible"):
            fix = f"upgrade or remove {record.package}"
            yield Finding(name, "broken", f"{origin}, {record.status}: {record.reason}", fix)
            continue
        odd = record.status != "active" or bool(record.reason)
        yield Finding(name, "note" if odd else "ok", ", ".join(filter(None, (origin, record.status, record.reason))))
        for spec in specs_of(record):
            if isinstance(spec, DomainSpec):
                yield _examine_domain(spec)


def _examine_domain(spec: DomainSpec) -> Finding:
    """Whether a domain can be used: lacking an optional package is no defect."""
    from suffuse.registry import load_domain
    from suffuse.registry.resolve import missing_requirements

    name, missing = f"domain {spec.name}", missing_requirements(spec)
    if missing:
        return Finding(
            name, "note", f"lacks {', '.join(missing)}", f'pip install "{spec.install or " ".join(missing)}"'
        )
    try:
        load_domain(spec.name)
    except SuffuseError as error:
        return Finding(name, "broken", error.message, error.fix or "")
    return Finding(name, "ok", spec.summary)


def examine_health_checks() -> Iterator[Finding]:
    """What plugins look at themselves; one that raises anything is broken, and the others are examined all the same."""
    from suffuse.registry import all_specs, make

    for spec in all_specs("health-check"):
        try:
            yield Finding(spec.name, "ok", str(make("health-check", spec.name)))
        except Exception as error:
            told = error.message if isinstance(error, SuffuseError) else f"{type(error).__name__}: {error}"
            yield Finding(spec.name, "broken", told, spec.fix)


def examine_entry_points(distributions: Iterable[metadata.Distribution]) -> Iterator[Finding]:
    """Whether packages that are installed editable declare plugins that their installed metadata lack, or the reverse.

    Entry points are metadata: they are written when a package is installed, and adding one needs another installation.
    """
    for distribution in distributions:
        project = _editable_project(distribution)
        if project is None:
            continue
        try:
            declared = _declared_plugins(project)
        except (OSError, tomllib.TOMLDecodeError) as error:
            yield Finding(f"package {distribution.name}", "broken", f"{project / 'pyproject.toml'}: {error}", "mend it")
            continue
        installed = {point.name: point.value for point in distribution.entry_points if point.group == GROUP}
        if declared != installed:
            differing = sorted(dict(declared.items() ^ installed.items()))
            detail = f"declares other plugins than are installed: {', '.join(differing)}"
            yield Finding(f"package {distribution.name}", "broken", detail, f"pip install -e {project}")


def examine_folders() -> Iterator[Finding]:
    """Whether caches can be written, and data sets stored; data that are only read may lie where nothing is written."""
    from suffuse.folders import cache_folder, data_folder

    yield _writable("data folder", data_folder(), "SUFFUSE_DATA", "note")
    yield _writable("cache folder", cache_folder(), "SUFFUSE_CACHE", "broken")


def _writable(name: str, folder: Path, variable: str, otherwise: State) -> Finding:
    """Try it, in the folder or, where it is not there yet, in the nearest one that it would be made in."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            return Finding(name, "ok", f"{folder} ({variable} changes it)")
    except OSError as error:
        problem = f"{folder}: {error.strerror or error}"
        return Finding(name, otherwise, problem, f"make it writable, or choose another by {variable}")


def _editable_project(distribution: metadata.Distribution) -> Path | None:
    """The source folder of a package that is installed editable."""
    origin: dict[str, Any] = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return None
    folder = Path(unquote(urlparse(origin["url"]).path))
    return folder if (folder / "pyproject.toml").is_file() else None


def _declared_plugins(project: Path) -> dict[str, str]:
    table = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    declared: dict[str, str] = table.get("project", {}).get("entry-points", {}).get(GROUP, {})
    return declared


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
