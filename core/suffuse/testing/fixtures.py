"""Fixtures for plugin authors: ``pytest_plugins = ["suffuse.testing.fixtures"]`` in ``conftest.py``.

This is the one module of suffuse that imports pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from suffuse.registry import Registry, isolated


@pytest.fixture
def isolated_registry() -> Iterator[Registry]:
    """A registry with the built-in plugin alone; ``isolated_registry.register(plugin)`` adds one for this test."""
    with isolated() as registry:
        yield registry


@pytest.fixture
def tiny_run(tmp_path: Path) -> Callable[..., Any]:
    """Two steps of training: ``tiny_run("waves")`` gives a :class:`suffuse.training.run.Run` in a folder of its own."""
    from suffuse.testing.tiny import tiny_run as make

    def run(domain: str, **options: Any) -> Any:
        return make(domain, tmp_path / domain, **options)

    return run
