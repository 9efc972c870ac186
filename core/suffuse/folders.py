"""Where data sets lie and where derived files are kept, for the core and every plugin alike."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """``$SUFFUSE_DATA``, or the user's data folder. It may be read-only."""
    return Path(os.environ.get("SUFFUSE_DATA") or platformdirs.user_data_dir("suffuse"))


def cache_folder() -> Path:
    """``$SUFFUSE_CACHE``, or the user's cache folder, for what can be made again."""
    return Path(os.environ.get("SUFFUSE_CACHE") or platformdirs.user_cache_dir("suffuse"))
