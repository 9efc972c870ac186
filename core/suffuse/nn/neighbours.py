r"""The exact belief about noised training data, without any training (De Bortoli 2022; Scarvelis et al. 2023).

The data noised by :math:`x_t = α x_0 + σ ε` are a mixture of as many Gaussians as there are training states
:math:`x_i`. With :math:`u = x_t/α` and the noise level :math:`r = σ/α` the posterior mean is

.. math:: E[x_0 | x_t] = \sum_i w_i x_i, \qquad w = \mathrm{softmax}_i(-|u - x_i|^2 / 2 r^2).

It is what a network with enough capacity learns where it learns by heart, and so makes nothing new; but what
:math:`u - E[x_0 | x_t]` says of how odd u is, few networks say better.

Of the distances only :math:`u·x_i - |x_i|^2/2` is computed, which the softmax cannot tell from them: for states of unit
variance its error in float32 is far below r², even where u lies far off.

Where r is small against how far the states are apart, only the nearest have a weight, and of many states only those are
looked at that :mod:`suffuse.nn.nearest` finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.nn.known import numbers_of
from suffuse.nn.nearest import Answer, Nearest, leave_out, slices
from suffuse.nn.options import parse
from suffuse.nn.remembering import LOOKED_AT, NEIGHBOUR, Drawing, Remembering, shown, spacing_of
from suffuse.rng import permutation
from suffuse.state import State, batch_size, take

NEARBY = 0.4
"""The noise level, in units of the spacing, up to which the nearest states are all that matter."""


@dataclass(frozen=True)
class NeighboursOptions(Drawing):
    """Options of the exact belief; ``leave_out`` is of :meth:`Neighbours.at_levels`."""


class Neighbours(Remembering):
    """E[x₀ | x_t] of the remembered states; see :class:`~suffuse.nn.remembering.Remembering`.

    Entries that are masked are missing: the squared distance is that over the entries that both have, per entry, and
    what is believed of an entry is the mean over the states that have it.

    Arguments:
        template: any states of the sizes.
        options: see :class:`NeighboursOptions`.
    """

    there: Tensor
    typical: Tensor
    seen: Tensor
    name, grows = "neighbours", {"there": 1}

    def __init__(self, template: State, options: NeighboursOptions) -> None:
        super().__init__(template)
        self.options = options
        self.nearest = Nearest(self.width)
        self.register_buffer("there", torch.zeros(0, self.width if self.layout.masked else 0, dtype=torch.bool))
        self.register_buffer("typical", torch.zeros(()))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    @property
    def rows(self) -> Tensor:
        """The states that are remembered: float32 ``[count, width]``."""
        return self.nearest.rows

    @property
    def count(self) -> int:
        """How many states are remembered."""
        return len(self.rows)

    @property
    def spacing(self) -> float:
        """The median distance of a remembered state to its fifth neighbour."""
        return float(self.typical)

    def remember(self, states: State) -> None:
        """See :meth:`suffuse.nn.memory.Memory.remember`."""
        count = shown(states)
        self.seen = self.seen.new_tensor(count)
        self._hold(*self._flat(take(states, self._drawn(count))))

    def add(self, states: State) -> None:
        """See :meth:`suffuse.nn.memory.Growing.add`; the spacing and the index are made anew."""
        if not self.count:
            self.remember(states)
            return
        before, count = int(self.seen), int(self.seen) + batch_size(states)
        held, drawn = self._drawn(before), self._drawn(count)
        old, new = torch.searchsorted(held, drawn[drawn < before]), drawn[drawn >= before] - before
        rows, there = self._flat(take(states, new))
        kept = old.to(self.rows.device)
        self.seen = self.seen.new_tensor(count)
        self._hold(torch.cat([self.rows[kept], rows]), torch.cat([self.there[kept], there]))

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        """Predict.

        Arguments:
            x: x_t/√(α² + σ²), and masks.
            noise_level: ¼ log(σ/α), float ``[batch]``.
            conditions: not looked at.

        Returns:
            x̂₀, shaped like ``x``.
        """
        (queries, ratio), there = self.seen_at(x, noise_level), self.layout.there(x)
        columns = self.rows.T.contiguous()
        means = [
            self._mean(self._similarity(queries[part], _part(there, part)), columns, ratio[part])
            for part in slices(len(queries), self.count)
        ]
        return self.layout.state(torch.cat(means), x)

    def at_levels(self, x: State, ratios: Sequence[float], conditions: Conditions) -> list[State]:
        """See :meth:`suffuse.nn.memory.AtLevels.at_levels`: the distances are computed once."""
        flat, there = self.asked(x), self.layout.there(x)

        def means(similarity: Tensor, columns: Tensor, numbers: Tensor | None) -> tuple[Tensor, ...]:
            return tuple(self._mean(similarity, columns, ratio) for ratio in ratios)

        same = self._same(flat, there) if self.options.leave_out else None
        if there is not None:
            found = self._by_all(flat, there, means, same)
        elif max(ratios) <= NEARBY * self.spacing:
            found = self.nearest.answers(flat, means, same)
        else:
            found = self.nearest.by_all(flat, means, same)
        return [self.layout.state(mean, x) for mean in found]

    def _flat(self, states: State) -> tuple[Tensor, Tensor]:
        """States as they are kept: rows, and which of their entries are real (nothing where all are)."""
        rows, there = self.layout.flat(states).float().to(self.rows.device), self.layout.there(states)
        return rows, self.there.new_zeros(len(rows), 0) if there is None else there.to(self.there.device)

    def _drawn(self, count: int) -> Tensor:
        """The numbers of those remembered of so many: those of more are among these, but for the new (a reservoir)."""
        drawn = permutation(count, "neighbours", self.options.seed)[: self.options.most]
        return drawn.sort().values

    def _hold(self, rows: Tensor, there: Tensor) -> None:
        self.there = there
        self.nearest.hold(rows, indexed=False if self.layout.masked else None)
        self.typical = self._spacing()

    def _by_all(self, flat: Tensor, there: Tensor, answer: Answer, but: Tensor | None) -> tuple[Tensor, ...]:
        """:meth:`suffuse.nn.nearest.Nearest.by_all`, of states that lack entries."""
        columns, found = self.rows.T.contiguous(), []
        for part in slices(len(flat), self.count):
            similarity = self._similarity(flat[part], there[part])
            if but is not None:
                leave_out(similarity, but[part])
            found.append(answer(similarity, columns, None))
        return tuple(torch.cat(x) for x in zip(*found, strict=True))

    def _similarity(self, queries: Tensor, there: Tensor | None) -> Tensor:
        """-|u - x_i|²/2 up to what depends on u alone: ``[batch, count]``."""
        if there is None:
            return torch.addmm(-0.5 * self.rows.square().sum(1), queries, self.rows.T)
        mine, theirs = there.to(queries.dtype), self.there.to(queries.dtype)
        shared = mine @ theirs.T
        squares = queries.square() @ theirs.T - 2.0 * (queries @ self.rows.T) + mine @ self.rows.square().T
        scaled = -0.5 * queries.shape[1] / shared.clamp_min(1.0) * squares.clamp_min(0.0)
        return scaled.masked_fill(shared == 0.0, -torch.finfo(queries.dtype).max)

    def _mean(self, similarity: Tensor, columns: Tensor, ratio: Tensor | float) -> Tensor:
        """Σ w x_i: ``[batch, width]``."""
        weights = (similarity / (ratio * ratio)).softmax(1)
        total = (columns @ weights.T).T  # a multiple faster than weights @ rows where rows are narrow
        if not self.layout.masked:
            return total
        share = weights @ self.there.to(weights.dtype)
        held = self.there.sum(0).clamp_min(1).to(weights.dtype)
        return torch.where(share > _LEAST_SHARE, total / share.clamp_min(_LEAST_SHARE), self.rows.sum(0) / held)

    def _same(self, flat: Tensor, there: Tensor | None) -> Tensor | None:
        """For each query the number of a remembered state that equals it, −1 where there is none: int64 ``[batch]``.

        ``None``, where there is none for any.
        """
        if there is None:
            found = numbers_of(self.rows, flat)
        else:
            found = numbers_of(*(torch.cat([x, y.to(x.dtype)], 1) for x, y in ((self.rows, self.there), (flat, there))))
        return found if bool((found >= 0).any()) else None

    def _spacing(self) -> Tensor:
        """The distance to the fifth neighbour (the last, where there are fewer) that is usual."""
        chosen = permutation(self.count, "neighbours", "spacing")[:LOOKED_AT].to(self.rows.device)
        k = min(NEIGHBOUR, self.count - 1)
        distances = []
        for part in slices(len(chosen), self.count):
            numbers = chosen[part]
            there = self.there[numbers] if self.layout.masked else None
            similarity = self._similarity(self.rows[numbers], there)
            leave_out(similarity, numbers)
            near = similarity.topk(k, dim=1).indices[:, -1]
            gap = self.rows[numbers] - self.rows[near]
            if there is not None:
                shared = there & self.there[near]
                gap = gap * shared * (gap.shape[1] / shared.sum(1, keepdim=True).clamp_min(1)).sqrt()
            distances.append(gap.norm(dim=1))
        return spacing_of(torch.cat(distances)).to(self.typical.dtype)


_LEAST_SHARE = 1e-6
"""The share of the weights below which nothing is believed of an entry but its mean."""


def _part(there: Tensor | None, part: slice) -> Tensor | None:
    return None if there is None else there[part]


def build(template: State, conditions: ConditionSpace, **options: Any) -> Neighbours:
    """The exact belief about states like a template.

    Arguments:
        template: states of any fields; their sizes are those of all states.
        conditions: not looked at.
        options: see :class:`NeighboursOptions`.

    Raises:
        RecipeError: an option is unknown or wrong.
    """
    return Neighbours(template, parse(NeighboursOptions, options))
