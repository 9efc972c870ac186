"""Times that can be compared although other work disturbs them: what is compared runs in turn, many times over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Job:
    """Something to time.

    Arguments:
        run: is timed.
        prepare: is not; what it returns goes to ``run``.
    """

    run: Callable[..., object]
    prepare: Callable[[], tuple[Any, ...]] = tuple


@dataclass(frozen=True)
class Times:
    """Seconds of each round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Of this process, all threads together."""

    @property
    def middle(self) -> float:
        return median(self.wall)

    @property
    def least(self) -> float:
        return min(self.wall)

    def over(self, other: Times) -> float:
        """How many times ``other``, round by round: the median, which drift and single disturbances leave alone."""
        return median(a / b for a, b in zip(self.wall, other.wall, strict=True))

    def least_over(self, other: Times) -> float:
        """How many times ``other``, the least disturbed round of each."""
        return self.least / other.least


def interleaved(jobs: Mapping[str, Job], rounds: int) -> dict[str, Times]:
    """Every job once a round, after one round that is not counted."""
    times = {name: Times() for name in jobs}
    for counted in (False, *(True for _ in range(rounds))):
        for name, job in jobs.items():
            given = job.prepare()
            wall, cpu = time.perf_counter(), time.process_time()
            job.run(*given)
            if counted:
                times[name].wall.append(time.perf_counter() - wall)
                times[name].cpu.append(time.process_time() - cpu)
    return times
