"""How plugins fare, as ``suffuse plugins`` and ``suffuse doctor`` tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["available", "active", "disabled", "broken", "incompatible"]


@dataclass(frozen=True)
class PluginRecord:
    """How a plugin fares.

    Arguments:
        name: the entry point's name, which is the domain's.
        package: the distribution that brings it.
        version: that distribution's version.
        status: ``available`` (installed, not imported yet), ``active``, ``disabled`` (by the environment),
            ``broken`` or ``incompatible``.
        module: where it comes from.
        reason: why it is broken or incompatible, or what is odd about an active one.
        seconds: what its import and registration took; ``None`` when it was not tried.
    """

    name: str
    package: str
    version: str
    status: Status
    module: str
    reason: str = ""
    seconds: float | None = None
