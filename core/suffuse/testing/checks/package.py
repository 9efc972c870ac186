"""The package: can the plugin be found, is it light, does it say which suffuse it is for."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from suffuse.registry.entries import GROUP
from suffuse.testing.case import Case
from suffuse.testing.failure import NotApplicable, require


def _installed(case: Case) -> None:
    if not case.installed:
        raise NotApplicable("the plugin was registered in this process: no package is installed")


def entry_point(case: Case) -> None:
    """The plugin has an entry point named as the domain, and no other package has one of that name."""
    _installed(case)
    require(
        case.plugin.name == case.name,
        "is not named as the domain: asking for it imports all plugins",
        field="the entry point", expected=case.name, got=case.plugin.name,
        fix=f'[project.entry-points."{GROUP}"] {case.name} = "{case.plugin.module}"; then install again',
    )  # fmt: skip
    owners = [point.dist.name for point in metadata.entry_points(group=GROUP, name=case.name) if point.dist]
    require(
        len(owners) == 1,
        "is brought by several packages: only the first is seen",
        field="the entry point", expected=f"one package with {case.name}", got=", ".join(owners),
        fix="rename the domain, or uninstall the other package",
    )  # fmt: skip


def suffuse_bound(case: Case) -> None:
    """The package requires suffuse, and says up to which version."""
    _installed(case)
    if canonicalize_name(case.plugin.package) == "suffuse":
        return  # it is suffuse
    wanted = [Requirement(text) for text in metadata.requires(case.plugin.package) or []]
    own = [r for r in wanted if canonicalize_name(r.name) == "suffuse"]
    bounded = any(clause.operator in ("<", "<=", "~=", "==") for r in own for clause in r.specifier)
    require(
        bounded,
        "sets no upper bound: a later suffuse may break the plugin",
        field=f"dependencies of {case.plugin.package}", expected="suffuse>=0.1,<0.2 or the like",
        got=", ".join(map(str, own)) or "no suffuse", fix="declare it in [project] dependencies",
    )  # fmt: skip


def light_plugin(case: Case) -> None:
    """Importing the plugin's module loads nothing but suffuse's light modules."""
    _installed(case)
    module = case.plugin.module.partition(":")[0]
    heavy = _imported(module) - {module.partition(".")[0]}
    require(
        not heavy,
        "imports more than suffuse's light modules, which slows every command down",
        field=module, expected="suffuse.registry and the standard library", got=", ".join(sorted(heavy)),
        fix="name factories as text; import what is heavy in the module that the factory names",
    )  # fmt: skip


_SCRIPT = """
import sys
import suffuse.registry
before = set(sys.modules)
import {module}
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
if "suffuse.domain" in sys.modules:
    new.add("suffuse.domain")
print("\\n" + " ".join(sorted(new - sys.stdlib_module_names - {{"suffuse"}})))
"""


def _imported(module: str) -> set[str]:
    """The packages that a module's import loads in a fresh interpreter, beyond the registry's and Python's own."""
    script = f"import sys\nsys.path[:0] = {sys.path!r}\n" + _SCRIPT.format(module=module)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    require(
        done.returncode == 0,
        "cannot be imported in a fresh interpreter",
        field=module, expected="no error", got=done.stderr.strip()[-500:], fix="mend what the last line names",
    )  # fmt: skip
    return set(done.stdout.splitlines()[-1].split())


def hooks(case: Case) -> None:
    """Every hook that the plugin implements exists, is marked, and has no argument with a default."""
    require(
        case.plugin.status == "active" and not case.plugin.reason,
        "has a hook that is never called",
        field=f"plugin {case.plugin.name!r}", expected="hooks of suffuse.registry.hooks, each with @hookimpl",
        got=f"{case.plugin.status}: {case.plugin.reason}", fix="correct the hook's name, or mark it",
    )  # fmt: skip
