"""New plugins as this process sees them: rendered into a folder on the path, and taken off it again."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from suffuse.scaffold import new


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], ModuleType]]:
    """Begin a plugin of a name and a kind: its folder is ``tmp_path / name``; its plugin module comes back."""
    before = set(sys.modules)

    def make(name: str, kind: str) -> ModuleType:
        new(name, kind, tmp_path / name)
        monkeypatch.syspath_prepend(str(tmp_path / name))
        return importlib.import_module(f"suffuse_{name.replace('-', '_')}.plugin")

    yield make
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
