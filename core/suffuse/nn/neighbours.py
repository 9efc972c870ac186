r"""The exact belief about noised training data, without any training (De Bortoli 2022; Scarvelis et al. 2023).

The data noised by :math:`x_t = α x_0 + σ ε` are a mixture of as many Gaussians as there are training states
:math:`x_i`. With :math:`u = x_t/α` and the noise level :math:`r = σ/α` the posterior mean is

.. math:: E[x_0 | x_t] = \sum_i w_i x_i, \qquad w = \mathrm{softmax}_i(-|u - x_i|^2 / 2 r^2).

It is what a network with enough capacity learns where it learns by heart, and so makes nothing new; but what
:math:`u - E[x_0 | x_t]` says of how odd u is, few networks say better.

Of the distances only :math:`u·x_i - |x_i|^2/2` is computed, which the softmax cannot tell from them: for states of unit
variance its error in float32 is far below r², even where u lies far off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.nn.flat import Layout
from suffuse.nn.options import parse, require, whole
from suffuse.rng import permutation
from suffuse.state import State, batch_size, take

NEIGHBOUR = 5
"""The spacing of what is remembered is the distance to the neighbour of this number ..."""
LOOKED_AT = 2000
"""... the median over at most as many states."""
AT_ONCE = 2**19
"""Similarities that are held at once: few enough to stay in a processor's cache."""


@dataclass(frozen=True)
class NeighboursOptions:
    """Options of the exact belief.

    Arguments:
        most: states remembered at most; of more, as many are drawn.
        leave_out: whether a clean state that equals one that is remembered is asked about as if it were not (only by
            :meth:`Neighbours.at_levels`): training data are scored like data never seen.
        seed: of the draw.
    """

    most: int = 20_000
    leave_out: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        require(whole(self.most, 2), "most", self.most, "an integer of at least 2")
        require(isinstance(self.leave_out, bool), "leave_out", self.leave_out, "true or false")
        require(whole(self.seed, 0), "seed", self.seed, "an integer of at least 0")


class Neighbours(nn.Module):
    """E[x₀ | x_t] of the remembered states, for Gaussian noise; what comes out is x₀ (``predict: x0``).

    Entries that are masked are missing: the squared distance is that over the entries that both have, per entry, and
    what is believed of an entry is the mean over the states that have it.

    Arguments:
        template: any states of the sizes.
        options: see :class:`NeighboursOptions`.
    """

    rows: Tensor
    there: Tensor
    typical: Tensor
    predicts = "x0"

    def __init__(self, template: State, options: NeighboursOptions) -> None:
        super().__init__()
        self.layout = Layout.of(template)
        self.options = options
        width = sum(self.layout.sizes.values())
        self.register_buffer("rows", torch.zeros(0, width))
        self.register_buffer("there", torch.zeros(0, width if self.layout.masked else 0, dtype=torch.bool))
        self.register_buffer("typical", torch.zeros(()))

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
        count = batch_size(states)
        if count < 2:
            raise DomainInputError("has too few items", field="the training part", expected="at least 2", got=count)
        if count > self.options.most:
            states = take(
                states, permutation(count, "neighbours", self.options.seed)[: self.options.most].sort().values
            )
        device, there = self.rows.device, self.layout.there(states)
        self.rows = self.layout.flat(states).float().to(device).contiguous()
        self.there = self.there.new_zeros(len(self.rows), 0) if there is None else there.to(device)
        self.typical = self._spacing()

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        """Predict.

        Arguments:
            x: x_t/√(α² + σ²), and masks.
            noise_level: ¼ log(σ/α), float ``[batch]``.
            conditions: not looked at.

        Returns:
            x̂₀, shaped like ``x``.
        """
        flat, there = self._seen(x), self.layout.there(x)
        ratio = (4.0 * noise_level.to(flat.dtype)).exp()[:, None]
        queries = flat * (1.0 + ratio.square()).sqrt()
        means = [
            self._mean(self._similarity(queries[part], _part(there, part)), ratio[part])
            for part in self._chunks(len(queries))
        ]
        return self.layout.state(torch.cat(means), x)

    def at_levels(self, x: State, ratios: Sequence[float], conditions: Conditions) -> list[State]:
        """See :meth:`suffuse.nn.memory.AtLevels.at_levels`: the distances are computed once."""
        flat, there = self._seen(x), self.layout.there(x)
        same = self._same(flat, there) if self.options.leave_out else None
        means: list[list[Tensor]] = [[] for _ in ratios]
        for part in self._chunks(len(flat)):
            similarity = self._similarity(flat[part], _part(there, part))
            if same is not None:
                _leave_out(similarity, same[part])
            for found, ratio in zip(means, ratios, strict=True):
                found.append(self._mean(similarity, ratio))
        return [self.layout.state(torch.cat(found), x) for found in means]

    def _seen(self, x: State) -> Tensor:
        if not self.count:
            raise UnsupportedError(
                "remembers nothing", field="network.name", expected="a network that was shown data", got="neighbours",
                fix="train it: its training takes a moment, and train.steps may be 0",
            )  # fmt: skip
        return self.layout.flat(x).float()

    def _chunks(self, count: int) -> Iterator[slice]:
        size = max(1, AT_ONCE // self.count)
        return (slice(first, first + size) for first in range(0, count, size))

    def _similarity(self, queries: Tensor, there: Tensor | None) -> Tensor:
        """-|u - x_i|²/2 up to what depends on u alone: ``[batch, count]``."""
        if there is None:
            return torch.addmm(-0.5 * self.rows.square().sum(1), queries, self.rows.T)
        mine, theirs = there.to(queries.dtype), self.there.to(queries.dtype)
        shared = mine @ theirs.T
        squares = queries.square() @ theirs.T - 2.0 * (queries @ self.rows.T) + mine @ self.rows.square().T
        scaled = -0.5 * queries.shape[1] / shared.clamp_min(1.0) * squares.clamp_min(0.0)
        return scaled.masked_fill(shared == 0.0, -torch.finfo(queries.dtype).max)

    def _mean(self, similarity: Tensor, ratio: Tensor | float) -> Tensor:
        """Σ w x_i: ``[batch, width]``."""
        weights = (similarity / (ratio * ratio)).softmax(1)
        total = weights @ self.rows
        if not self.layout.masked:
            return total
        share = weights @ self.there.to(weights.dtype)
        held = self.there.sum(0).clamp_min(1).to(weights.dtype)
        return torch.where(share > _LEAST_SHARE, total / share.clamp_min(_LEAST_SHARE), self.rows.sum(0) / held)

    def _same(self, flat: Tensor, there: Tensor | None) -> Tensor:
        """For each query the number of a remembered state that equals it, −1 where there is none: int64 ``[batch]``."""
        rows = self.rows if there is None else torch.cat([self.rows, self.there.to(self.rows.dtype)], 1)
        asked = flat if there is None else torch.cat([flat, there.to(flat.dtype)], 1)
        keys, order = _keys(rows).sort()
        found = order[torch.searchsorted(keys, _keys(asked)).clamp_max(len(keys) - 1)]
        return torch.where((rows[found] == asked).all(1), found, -1)

    def _spacing(self) -> Tensor:
        """The median distance to the fifth neighbour (the last, where there are fewer).

        Where most have as many equals it is the mean, and 1 where all are alike.
        """
        chosen = permutation(self.count, "neighbours", "spacing")[:LOOKED_AT].to(self.rows.device)
        k = min(NEIGHBOUR, self.count - 1)
        distances = []
        for part in self._chunks(len(chosen)):
            numbers = chosen[part]
            there = self.there[numbers] if self.layout.masked else None
            similarity = self._similarity(self.rows[numbers], there)
            _leave_out(similarity, numbers)
            near = similarity.topk(k, dim=1).indices[:, -1]
            gap = self.rows[numbers] - self.rows[near]
            if there is not None:
                shared = there & self.there[near]
                gap = gap * shared * (gap.shape[1] / shared.sum(1, keepdim=True).clamp_min(1)).sqrt()
            distances.append(gap.norm(dim=1))
        apart = torch.cat(distances)
        found = next((x for x in (apart.median(), apart.mean()) if x > 0.0), torch.ones_like(self.typical))
        return found.to(self.typical.dtype)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Make room for as many states as a file holds."""
        for name in ("rows", "there"):
            held, mine = state_dict.get(prefix + name), getattr(self, name)
            if held is not None and held.ndim == 2 and held.shape[1] == mine.shape[1]:
                setattr(self, name, mine.new_zeros(held.shape))
        super()._load_from_state_dict(state_dict, prefix, *args)


_LEAST_SHARE = 1e-6
"""The share of the weights below which nothing is believed of an entry but its mean."""


def _part(there: Tensor | None, part: slice) -> Tensor | None:
    return None if there is None else there[part]


def _leave_out(similarity: Tensor, numbers: Tensor) -> None:
    """Take a remembered state from each query, in place; none where its number is negative."""
    queries = (numbers >= 0).nonzero().flatten()
    similarity[queries, numbers[queries]] = -torch.inf


def _keys(rows: Tensor) -> Tensor:
    """Rows of float32 as numbers: equal rows have equal ones, and others hardly ever: int64 ``[batch]``."""
    bits = (rows + 0.0).contiguous().view(torch.int32).long()  # + 0.0: the zeros of either sign are equal
    odd = 2 * torch.arange(rows.shape[1], device=rows.device, dtype=torch.int64) + 1
    return (bits * (odd * 0x9E3779B97F4A7C1)).sum(1)


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
