"""What the environment says about plugins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What the environment says about plugins.

    Arguments:
        disabled: names of plugins, or of packages, that are not to be imported (``SUFFUSE_DISABLE_PLUGINS=a,b``).
        trace: write every hook call to stderr (``SUFFUSE_TRACE_PLUGINS=1``).
        strict: raise on a broken plugin or an unknown hook (``SUFFUSE_STRICT_PLUGINS=1``).
    """

    disabled: frozenset[str] = frozenset()
    trace: bool = False
    strict: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings."""
        names = environment.get("SUFFUSE_DISABLE_PLUGINS", "").split(",")
        return cls(
            frozenset(name.strip() for name in names if name.strip()),
            _switched_on(environment.get("SUFFUSE_TRACE_PLUGINS", "")),
            _switched_on(environment.get("SUFFUSE_STRICT_PLUGINS", "")),
        )


def _switched_on(value: str) -> bool:
    return value.strip().lower() not in ("", "0", "false", "no")
