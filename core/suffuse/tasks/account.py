"""How samples came about: what was asked for, made, kept and dropped, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Account:
    """How samples came about.

    Arguments:
        asked: how many were asked for.
        made: how many were made.
        kept: how many of these passed.
        dropped: how many did not, for each reason, the most frequent first.
        filters: what they had to pass, as it was written.
        evaluations: of the model's network, for each item made.
        steps: of the grid.
        sampler: the solver.
        steering: by what scorer, of what weight, among how many particles, if by any.
    """

    asked: int
    made: int
    kept: int
    dropped: Mapping[str, int]
    filters: tuple[str, ...]
    evaluations: float
    steps: int
    sampler: str
    steering: Mapping[str, Any] | None = None

    @property
    def lacking(self) -> int:
        """How many fewer there are than were asked for."""
        return self.asked - self.kept

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data."""
        return asdict(self)

    def __str__(self) -> str:
        """How many passed, and why others did not, in a line."""
        why = ", ".join(f"{reason} ({count})" for reason, count in self.dropped.items())
        return f"kept {self.kept} of {self.asked} asked for, {self.made} made; dropped: {why or 'none'}"
