"""Checks of the installed package: a sound one passes them, and each catches one that is broken in just that way."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from suffuse.registry import face
from suffuse.testing import Case, check_domain, checks_for
from suffuse.testing.run import run_check

PLUGIN = """
from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec, Features
{imports}

@hookimpl
def register_domains({argument}):
    register(DomainSpec(name="waves", factory="tests.testing.domains:Waves", features=Features(tolerance=1e-5)))
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a package on a path of its own; the registry looks anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(face._Current, "registry", None)
    monkeypatch.delitem(sys.modules, "surf_plugin", raising=False)

    def put(
        entry: str = "waves", requires: str = "suffuse<9,>=0.1", imports: str = "", argument: str = "register"
    ) -> None:
        (tmp_path / "surf_plugin.py").write_text(PLUGIN.format(imports=imports, argument=argument))
        info = tmp_path / "surf-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: surf\nVersion: 1.0\nRequires-Dist: {requires}\n")
        (info / "entry_points.txt").write_text(f"[suffuse.plugins]\n{entry} = surf_plugin\n")

    return put


PACKAGED: dict[str, dict[str, str]] = {
    "entry-point": {"entry": "ripples"},
    "suffuse-bound": {"requires": "suffuse"},
    "light-plugin": {"imports": "import numpy"},
}


def outcome(name: str) -> tuple[str, str]:
    (check,) = (check for check in checks_for(Case.of("waves")) if check.name == name)
    record = run_check(check)
    return record.outcome, record.message


@pytest.mark.parametrize("name", PACKAGED)
def test_a_sound_package_passes(name: str, install: Install) -> None:
    install()
    assert outcome(name) == ("passed", "")


@pytest.mark.parametrize("name", PACKAGED)
def test_a_check_catches_what_it_is_for(name: str, install: Install) -> None:
    install(**PACKAGED[name])
    result, message = outcome(name)
    assert result == "failed"
    assert "expected: " in message and "got: " in message and "fix: " in message


def test_a_plugin_that_does_not_load_fails_every_check(install: Install) -> None:
    """An argument with a default: the plugin is broken, which the kit tells rather than raises."""
    install(argument="register=None")
    for name in ("hooks", "round-trip"):
        result, message = outcome(name)
        assert result == "failed"
        assert "has a default" in message
    assert not check_domain("waves", fast=True).ok


def test_without_a_package_they_are_skipped() -> None:
    from tests.testing.broken import sound

    (check,) = (check for check in checks_for(sound("waves")) if check.name == "entry-point")
    record = run_check(check)
    assert record.outcome == "skipped"
    assert "registered in this process" in record.message
