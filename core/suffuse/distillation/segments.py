"""The times of a distillation: the student's steps, each cut into several of the teacher's.

Cuts are even in flow time u = σ/(α + σ), the time of the straight path, so that they are the same noise levels under
any schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from suffuse.process import Schedule
from suffuse.sampling.coordinates import Flow


@dataclass(frozen=True)
class Piece:
    """Three times for each sample, float64 ``[batch]``, with ``end <= later < t``.

    Arguments:
        t: where the student is asked.
        later: where the teacher's step from there leads.
        end: where the student's own step shall lead, the end of its segment.
    """

    t: Tensor
    later: Tensor
    end: Tensor


@dataclass(frozen=True)
class Segments:
    """All cut times.

    Arguments:
        times: rising from 0; every ``cuts``-th is one of the student's grid.
        cuts: the teacher's steps in a segment.
    """

    times: tuple[float, ...]
    cuts: int

    @classmethod
    def of(cls, grid: Sequence[float], schedule: Schedule, cuts: int) -> Segments:
        """Cut the steps of a student's grid, told by its falling times."""
        flow, rising = Flow(schedule), grid[::-1]
        times: list[float] = []
        for low, high in pairwise(rising):
            (_, first), (_, last) = flow.at(low), flow.at(high)
            # the grid's own times stay exactly as they are, since sampling asks for these
            times += [low, *(flow.time(first + (last - first) * j / cuts) for j in range(1, cuts))]
        return cls((*times, rising[-1]), cuts)

    def at(self, u: Tensor) -> Piece:
        """The pieces at quantiles ``u`` in [0, 1), float64 ``[batch]``; every cut is as likely as any other."""
        times = torch.tensor(self.times, dtype=torch.float64, device=u.device)
        later = (u * (len(self.times) - 1)).long()
        return Piece(times[later + 1], times[later], times[later - later % self.cuts])
