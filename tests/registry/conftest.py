"""Plugins as packages bring them: modules beside ``.dist-info`` folders on the path."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from suffuse.registry import Registry
from suffuse.registry.entries import installed_entries
from suffuse.registry.settings import Settings

HEAD = """
from suffuse.registry import hookimpl
from suffuse.registry.specs import DatasetSpec, DomainSpec, GridSpec, RecipeSpec, SamplerSpec, StarterSpec
"""

DOMAIN = """
@hookimpl
def register_domains(register):
    register(DomainSpec(name="{0}", factory="{0}_domain:make", summary="{0}"))
"""

_numbers = count()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder on the path that packages are installed in."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Callable[..., str]:
    """Install a plugin: its entry point's name, its code, its package; the module's name comes back."""

    def put(
        name: str, code: str, package: str = "", version: str = "1.2", attribute: str = "", requires: str = ""
    ) -> str:
        module = f"{name}_plugin_{next(_numbers)}"
        package = package or f"suffuse-{name}"
        (site / f"{module}.py").write_text(HEAD + textwrap.dedent(code), encoding="utf-8")
        info = site / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        bound = f"Requires-Dist: {requires}\n" if requires else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n{bound}")
        points = info / "entry_points.txt"
        known = points.read_text() if points.exists() else "[suffuse.plugins]\n"
        points.write_text(f"{known}{name} = {module}{attribute}\n")
        return module

    return put


@pytest.fixture
def installed() -> Callable[..., Registry]:
    """The registry of what the test installed, leaving out the plugins that ship with suffuse."""

    def make(**environment: str) -> Registry:
        entries = [entry for entry in installed_entries() if entry.package != "suffuse"]
        return Registry(entries, Settings.from_environment(environment))

    return make
