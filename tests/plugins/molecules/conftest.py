"""A cache for one test alone."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test caches lies in its own folder, and is gone afterwards."""
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path / "cache"))
