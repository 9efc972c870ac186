"""What plugin authors get for their own tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from suffuse.registry import Registry, names
from tests.testing.domains import Plugin, recipe

pytest_plugins = ["suffuse.testing.fixtures"]


def test_an_isolated_registry(isolated_registry: Registry) -> None:
    assert names("domain") == []
    isolated_registry.register(Plugin("waves"), "waves")
    assert names("domain") == ["waves"]


def test_a_tiny_run(isolated_registry: Registry, tiny_run: Callable[..., Any]) -> None:
    isolated_registry.register(Plugin("waves"), "waves")
    run = tiny_run("waves", recipe=recipe("waves"))
    assert run.model_path.exists()
    assert run.step == 2
