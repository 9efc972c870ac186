"""What the plugin registers, and that its recipes are valid."""

from __future__ import annotations

import subprocess
import sys

import pytest

from suffuse import registry
from suffuse.recipe import load_recipe

RECIPES = ("cifar10", "digits", "fashion-mnist", "fashion-mnist-base", "fashion-mnist-dit", "folder", "mnist")


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_valid(name):
    assert load_recipe(f"images/{name}").domain == "images"


def test_names():
    ours = {spec.name for spec in registry.all_specs("dataset") if spec.domain == "images"}
    assert ours >= {"digits", "fashion-mnist", "mnist", "cifar10", "folder"}
    recipes = {spec.name: spec.quickstart for spec in registry.all_specs("recipe") if spec.domain == "images"}
    assert set(recipes) >= set(RECIPES)
    assert recipes["digits"] == 0


def test_the_plugin_is_light():
    code = "import suffuse_images.plugin, sys; print([m for m in ('torch', 'PIL', 'numpy') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
