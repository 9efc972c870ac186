"""The public surface changes deliberately, and the page on it tells all of it."""

from __future__ import annotations

import difflib
import re
from dataclasses import fields
from pathlib import Path

import pytest

from suffuse.registry.hooks import HOOKS, REGISTRATION
from suffuse.registry.specs import API, SPECS, Features, Spec
from tests import surface

PAGE = Path(__file__).parents[2] / "docs" / "plugins" / "api.md"


def test_the_public_surface_is_as_written_down():
    held, now = surface.FILE.read_text(encoding="utf-8").splitlines(), surface.describe().splitlines()
    changed = [line for line in difflib.unified_diff(held, now, "held", "now", lineterm="", n=0) if line[:2] != "@@"]
    advice = "if that is meant: python -m tests.surface, and tell it in CHANGELOG.md; see docs/plugins/api.md"
    assert not changed, "\n".join([*changed, "", advice])


def test_the_page_names_every_hook_spec_and_module():
    text = PAGE.read_text(encoding="utf-8")
    for name in (*HOOKS, *(spec.__name__ for spec in SPECS), *surface.MODULES):
        assert re.search(rf"`{re.escape(name)}(\(.*?\))?`", text), name
    assert f"version {API}" in text


@pytest.mark.parametrize("spec", [*SPECS, Features], ids=lambda spec: spec.__name__)
def test_the_page_names_every_field_of_a_spec(spec):
    (row,) = re.findall(rf"^\|.*`{spec.__name__}`.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    common = {field.name for field in fields(Spec)}
    for field in fields(spec):
        assert field.name in common or f"`{field.name}`" in row, field.name


def test_every_kind_of_spec_is_brought_by_one_hook():
    assert sorted(REGISTRATION.values(), key=repr) == sorted(SPECS, key=repr)
