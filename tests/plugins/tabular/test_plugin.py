"""What the plugin registers, and that its recipes are valid."""

from __future__ import annotations

import subprocess
import sys

import pytest

from suffuse import registry
from suffuse.recipe import load_recipe
from suffuse.testing.case import default_recipe

RECIPES = ("breast-cancer", "neighbours", "orders", "tabular", "wine")


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_valid(name):
    assert load_recipe(f"tabular/{name}").domain == "tabular"


def test_names():
    ours = {spec.name for spec in registry.all_specs("dataset") if spec.domain == "tabular"}
    assert ours >= {"breast-cancer", "wine", "orders", "adbench", "file"}
    recipes = {spec.name: spec.quickstart for spec in registry.all_specs("recipe") if spec.domain == "tabular"}
    assert set(recipes) >= set(RECIPES)
    assert [name for name, rank in recipes.items() if rank is not None] == ["breast-cancer"]
    assert default_recipe("tabular") == "tabular/orders"


def test_the_plugin_is_light():
    code = "import suffuse_tabular.plugin, sys; print([m for m in ('torch', 'pyarrow', 'numpy') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
