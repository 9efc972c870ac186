"""What the plugin registers, that its recipes are valid, and that it is light."""

from __future__ import annotations

import subprocess
import sys

import pytest

from suffuse import registry
from suffuse.recipe import load_recipe

pytest.importorskip("rdkit")

RECIPES = ("enumerated-small", "enumerated", "molecules", "moses", "moses-strings", "qm9", "strings")


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_valid(name):
    assert load_recipe(f"molecules/{name}").domain == "molecules"


def test_names():
    ours = {spec.name for spec in registry.all_specs("dataset") if spec.domain == "molecules"}
    assert ours >= {"enumerated", "qm9", "moses", "chembl", "esol", "freesolv", "lipo", "file"}
    recipes = {spec.name: spec.quickstart for spec in registry.all_specs("recipe") if spec.domain == "molecules"}
    assert set(recipes) >= set(RECIPES)
    assert [name for name, rank in recipes.items() if rank is not None] == ["enumerated-small"]


def test_the_plugin_is_light():
    heavy = ("torch", "pyarrow", "numpy", "rdkit")
    code = f"import suffuse_molecules.plugin, sys; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
