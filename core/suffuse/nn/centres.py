r"""The belief about noised data that are taken for a few round clouds: the exact belief, distilled.

Of the training states only k centres are kept, found by k-means (Lloyd 1982), which begins at states far from each
other (Arthur & Vassilvitskii 2007), so that sparse regions keep some; each stands for the share :math:`π_i` of
the states that are nearest to it, and all of them are spread by one variance :math:`s^2` about their centres. The data
noised by :math:`x_t = α x_0 + σ ε` are then a mixture of k Gaussians, and with :math:`u = x_t/α`, the noise level
:math:`r = σ/α` and :math:`v = s^2 + r^2`

.. math:: E[x_0 | x_t] = \frac{r^2}{v} \sum_i w_i c_i + \frac{s^2}{v} u, \qquad
          w = \mathrm{softmax}_i(\log π_i - |u - c_i|^2 / 2 v).

Where no more states are distinct than there are centres this is the belief of :mod:`suffuse.nn.neighbours`. Where more
are, what an answer costs and what a file holds no longer depend on their number.

The sum is attention (Vaswani et al. 2017): its queries are :math:`(u/v, 1/v, 1)`, its keys
:math:`(c_i, -|c_i|^2/2, \log π_i)` and its values :math:`c_i`. So it is computed by kernels made for that, without a
loop, and has a graph for any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.nn.nearest import Nearest
from suffuse.nn.options import parse, require, whole
from suffuse.nn.remembering import LOOKED_AT, NEIGHBOUR, Remembering, at_most, shown, spacing_of
from suffuse.rng import permutation
from suffuse.state import State

ROUNDS = 20
"""Of Lloyd's algorithm, at most."""


@dataclass(frozen=True)
class CentresOptions:
    """Options of the belief.

    Arguments:
        count: centres, at most; where fewer states are distinct, these are the centres.
        most: states that are looked at; of more, as many are drawn.
        seed: of the draw, and of where the centres begin.
    """

    count: int = 512
    most: int = 100_000
    seed: int = 0

    def __post_init__(self) -> None:
        require(whole(self.count, 1), "count", self.count, "an integer of at least 1")
        require(whole(self.most, 2), "most", self.most, "an integer of at least 2")
        require(whole(self.seed, 0), "seed", self.seed, "an integer of at least 0")


class Centres(Remembering):
    """E[x₀ | x_t] of clouds about centres; see :class:`~suffuse.nn.remembering.Remembering`.

    Arguments:
        template: any states of the sizes, without masks.
        options: see :class:`CentresOptions`.

    Raises:
        UnsupportedError: states may lack entries.
    """

    centres: Tensor
    shares: Tensor
    variance: Tensor
    typical: Tensor
    name, lacks, grows = "centres", "centres", {"centres": 1, "shares": 1}

    def __init__(self, template: State, options: CentresOptions) -> None:
        super().__init__(template)
        self.options = options
        self.register_buffer("centres", torch.zeros(0, self.width))
        self.register_buffer("shares", torch.zeros(0))
        self.register_buffer("variance", torch.zeros(()))
        self.register_buffer("typical", torch.zeros(()))

    @property
    def count(self) -> int:
        """How many centres there are."""
        return len(self.centres)

    @property
    def spacing(self) -> float:
        """The median distance of a training state to its fifth neighbour."""
        return float(self.typical)

    def remember(self, states: State) -> None:
        """See :meth:`suffuse.nn.memory.Memory.remember`."""
        shown(states)
        states = at_most(states, self.options.most, "centres", self.options.seed)
        rows, device = self.layout.flat(states).float().cpu(), self.centres.device
        centres, members = _clouds(rows, self.options.count, self.options.seed)
        self.centres = centres.to(device)
        self.shares = (members.bincount(minlength=len(centres)) / len(rows)).to(device)
        self.variance = (rows - centres[members]).square().mean().to(device)
        self.typical = _spacing(rows).to(device)

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        """Predict.

        Arguments:
            x: x_t/√(α² + σ²).
            noise_level: ¼ log(σ/α), float ``[batch]``.
            conditions: not looked at.

        Returns:
            x̂₀, shaped like ``x``.
        """
        u, ratio = self.seen_at(x, noise_level)
        return self.layout.state(self._mean(u, ratio.square()), x)

    def at_levels(self, x: State, ratios: Sequence[float], conditions: Conditions) -> list[State]:
        """See :meth:`suffuse.nn.memory.AtLevels.at_levels`."""
        flat = self.asked(x)
        return [self.layout.state(self._mean(flat, torch.full_like(flat[:, :1], r * r)), x) for r in ratios]

    def _mean(self, u: Tensor, noise: Tensor) -> Tensor:
        """E[x₀ | u] at the noise r², ``[batch, 1]``: ``[batch, width]``."""
        total = self.variance + noise
        queries = torch.cat([u / total, 1.0 / total, torch.ones_like(total)], dim=1)
        halves = 0.5 * self.centres.square().sum(1, keepdim=True)
        keys = torch.cat([self.centres, -halves, self.shares.log()[:, None]], dim=1)
        values = F.pad(self.centres, (0, 2))  # the kernel wants values as wide as keys
        attended = F.scaled_dot_product_attention(queries[None, None], keys[None, None], values[None, None], scale=1.0)
        return (noise * attended[0, 0, :, : u.shape[1]] + self.variance * u) / total


def _clouds(rows: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Centres ``[k, width]``, and for each row the number of its own, int64 ``[rows]``; none has no row."""
    from sklearn.cluster import KMeans  # a second to import

    distinct, members = torch.unique(rows, dim=0, return_inverse=True)
    if len(distinct) <= count:
        return distinct, members
    found = KMeans(count, n_init=1, max_iter=ROUNDS, random_state=seed).fit(rows.numpy())
    used, members = torch.unique(torch.from_numpy(found.labels_).long(), return_inverse=True)
    return torch.from_numpy(found.cluster_centers_)[used], members


def _spacing(rows: Tensor) -> Tensor:
    """The distance to the fifth neighbour (the last, where there are fewer) that is usual."""
    among = Nearest(rows.shape[1])
    among.hold(rows, indexed=False)
    chosen = permutation(len(rows), "centres", "spacing")[:LOOKED_AT]
    _, squares = among.near(rows[chosen], min(NEIGHBOUR, len(rows) - 1), chosen)
    return spacing_of(squares[:, -1].sqrt())


def build(template: State, conditions: ConditionSpace, **options: Any) -> Centres:
    """The belief about states like a template.

    Arguments:
        template: states of any fields; their sizes are those of all states.
        conditions: not looked at.
        options: see :class:`CentresOptions`.

    Raises:
        RecipeError: an option is unknown or wrong.
        UnsupportedError: states may lack entries.
    """
    return Centres(template, parse(CentresOptions, options))
