r"""The exact belief about noised training data, each of which stands for a patch of the surface that the data lie on.

Manifold Parzen windows (Vincent & Bengio 2002): around every training state :math:`x_i` lies a Gaussian whose
covariance :math:`C_i` is the second moment, about :math:`x_i`, of its nearest neighbours. The data noised by
:math:`x_t = α x_0 + σ ε` are then a mixture of Gaussians again, and with :math:`u = x_t/α` and :math:`r = σ/α`

.. math::
    p(u) = \frac{1}{n} \sum_i N(u; x_i, C_i + r^2 I), \qquad
    E[x_0 | u] = \sum_i w_i \big(x_i + C_i (C_i + r^2 I)^{-1} (u - x_i)\big),

with :math:`w_i` the share that patch :math:`i` has of :math:`p(u)`. Unlike the belief of :mod:`suffuse.nn.neighbours`
it goes on between the data, so that states are made that are none of them; and its density tells a state that lies off
the surface from one that lies in it, however far apart the data are along it.

A covariance of rank k is held as its k axes :math:`V` and the spreads :math:`λ` along them, by which
:math:`(C + r^2 I)^{-1}` is :math:`(I - V^T V)/r^2 + V^T (λ + r^2)^{-1} V`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.nn.flat import Layout
from suffuse.nn.known import numbers_of
from suffuse.nn.nearest import Nearest, slices
from suffuse.nn.options import parse, require, whole
from suffuse.rng import permutation
from suffuse.state import State, batch_size, take

NEAR = 10
"""Patches that are looked at for the density: of those further off little is left."""
ROOM = 2**27
"""Numbers that the axes of all patches have at most: half a gigabyte."""
NEIGHBOUR = 5
"""The spacing of what is remembered is the distance to the neighbour of this number."""


@dataclass(frozen=True)
class PatchesOptions:
    """Options of the belief.

    Arguments:
        neighbours: how many shape a patch.
        most: states remembered at most; of more, or where their axes need too much room, as many as there is are drawn.
        leave_out: whether a clean state that equals one that is remembered is asked about as if it were not (only by
            :meth:`Patches.log_density`): training data are scored like data never seen.
        seed: of the draw.
    """

    neighbours: int = 20
    most: int = 20_000
    leave_out: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        require(whole(self.neighbours, 1), "neighbours", self.neighbours, "an integer of at least 1")
        require(whole(self.most, 2), "most", self.most, "an integer of at least 2")
        require(isinstance(self.leave_out, bool), "leave_out", self.leave_out, "true or false")
        require(whole(self.seed, 0), "seed", self.seed, "an integer of at least 0")


class Patches(nn.Module):
    """The belief of the remembered states, for Gaussian noise; what comes out is x₀ (``predict: x0``).

    Arguments:
        template: any states of the sizes.
        options: see :class:`PatchesOptions`.
    """

    shaped_by: Tensor
    axes: Tensor
    spreads: Tensor
    typical: Tensor
    predicts = "x0"

    def __init__(self, template: State, options: PatchesOptions) -> None:
        super().__init__()
        self.layout = Layout.of(template)
        if self.layout.masked:
            raise UnsupportedError(
                "has no patches of states that lack entries", field="network.name",
                expected="states without masks", got="patches", fix="take the network neighbours",
            )  # fmt: skip
        self.options = options
        width = sum(self.layout.sizes.values())
        self.nearest = Nearest(width)
        self.register_buffer("shaped_by", torch.zeros(0, 0, dtype=torch.int32))
        self.register_buffer("axes", torch.zeros(0, 0, width))
        self.register_buffer("spreads", torch.zeros(0, 0))
        self.register_buffer("typical", torch.zeros(()))

    @property
    def count(self) -> int:
        """How many states are remembered."""
        return len(self.nearest)

    @property
    def rows(self) -> Tensor:
        """The states that are remembered, ``[count, width]``."""
        return self.nearest.rows

    @property
    def spacing(self) -> float:
        """The median distance of a remembered state to its fifth neighbour."""
        return float(self.typical)

    def remember(self, states: State) -> None:
        """See :meth:`suffuse.nn.memory.Memory.remember`."""
        count, width = batch_size(states), self.rows.shape[1]
        if count < 2:
            raise DomainInputError("has too few items", field="the training part", expected="at least 2", got=count)
        near = min(self.options.neighbours, count - 1)
        most = min(self.options.most, max(2, ROOM // (min(near, width) * width)))
        if count > most:
            states = take(states, permutation(count, "patches", self.options.seed)[:most].sort().values)
        self.nearest.hold(self.layout.flat(states))
        near = min(self.options.neighbours, self.count - 1)
        numbers, squares = self.nearest.near(self.rows, near, torch.arange(self.count, device=self.rows.device))
        self.shaped_by = numbers.int()
        self.axes, self.spreads = _axes(self.rows, numbers)
        self.typical = _spacing(squares)

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        """Predict, by all patches.

        Arguments:
            x: x_t/√(α² + σ²).
            noise_level: ¼ log(σ/α), float ``[batch]``.
            conditions: not looked at.

        Returns:
            x̂₀, shaped like ``x``.
        """
        flat = self._seen(x)
        ratio = (4.0 * noise_level.to(flat.dtype)).exp()[:, None]
        queries = flat * (1.0 + ratio.square()).sqrt()
        parts = slices(len(queries), self.axes.shape[:2].numel())
        means = [self._mean(queries[part], ratio[part]) for part in parts]
        return self.layout.state(torch.cat(means), x)

    def log_density(self, x: State, ratio: float, conditions: Conditions) -> Tensor:
        """See :meth:`suffuse.nn.memory.Dense.log_density`; by the patches that are nearest."""
        flat = self._seen(x)
        same = numbers_of(self.rows, flat) if self.options.leave_out else torch.full_like(flat[:, 0], -1).long()
        numbers, _ = self.nearest.near(flat, min(NEAR, self.count), same)
        each = numbers.shape[1] * self.axes[0].numel()
        parts = slices(len(flat), each)
        return torch.cat([self._log_density(flat[part], numbers[part], ratio, same[part]) for part in parts])

    def _log_density(self, queries: Tensor, numbers: Tensor, ratio: float, same: Tensor) -> Tensor:
        """log p(u), float64 ``[batch]``, by the patches of these numbers ``[batch, near]``."""
        apart = queries[:, None] - self.rows[numbers]
        along = (self.axes[numbers] @ apart[..., None])[..., 0].double().square()
        squares, spreads, noise = apart.double().square().sum(2), self.spreads[numbers].double(), ratio * ratio
        off = (squares - along.sum(2)).clamp_min(0.0)
        mahalanobis = off / noise + (along / (spreads + noise)).sum(2)
        volume = (spreads / noise).log1p().sum(2)
        shaped = (self.shaped_by[numbers] == same[:, None, None]).any(2)
        mahalanobis, volume = _without(mahalanobis, volume, shaped, self.shaped_by.shape[1])
        width = self.rows.shape[1]
        constant = width * math.log(2.0 * math.pi * noise) + 2.0 * math.log(self.count)
        exponent = (-0.5 * (mahalanobis + volume)).masked_fill(numbers == same[:, None], -torch.inf)
        return -0.5 * constant + exponent.logsumexp(1)

    def _mean(self, queries: Tensor, ratio: Tensor) -> Tensor:
        """E[x₀ | u]: ``[batch, width]``."""
        (count, rank, width), noise = self.axes.shape, ratio.square()
        axes = self.axes.reshape(count * rank, width)
        anchors = (self.axes @ self.rows[..., None])[..., 0]
        along = (queries @ axes.T).reshape(-1, count, rank) - anchors
        squares = torch.cdist(queries, self.rows, compute_mode="donot_use_mm_for_euclid_dist").square()
        spread = self.spreads + noise[..., None]
        off = (squares - along.square().sum(2)).clamp_min(0.0)
        exponent = off / noise + (along.square() / spread).sum(2) + (self.spreads / noise[..., None]).log1p().sum(2)
        weights = (-0.5 * exponent).softmax(1)
        steps = weights[..., None] * self.spreads / spread * along
        return weights @ self.rows + steps.flatten(1) @ axes

    def _seen(self, x: State) -> Tensor:
        if not self.count:
            raise UnsupportedError(
                "remembers nothing", field="network.name", expected="a network that was shown data", got="patches",
                fix="train it: its training takes a moment, and train.steps may be 0",
            )  # fmt: skip
        return self.layout.flat(x).float()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Make room for as many states as a file holds."""
        for name in ("shaped_by", "axes", "spreads"):
            held, mine = state_dict.get(prefix + name), getattr(self, name)
            if held is not None and held.ndim == mine.ndim and (name != "axes" or held.shape[2] == mine.shape[2]):
                setattr(self, name, mine.new_zeros(held.shape))
        super()._load_from_state_dict(state_dict, prefix, *args)


def _spacing(squares: Tensor) -> Tensor:
    """The median of the distances to the fifth neighbour (the last, where there are fewer), of ``[count, near]``.

    Where most have as many equals it is the mean, and 1 where all are alike.
    """
    apart = squares[:, min(NEIGHBOUR, squares.shape[1]) - 1].sqrt()
    return next((x for x in (apart.median(), apart.mean()) if x > 0.0), torch.ones_like(apart[0]))


def _axes(rows: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """The axes ``[count, rank, width]`` and spreads ``[count, rank]`` of the second moments about rows of others."""
    (count, near), width = numbers.shape, rows.shape[1]
    rank = min(near, width)
    axes, spreads = rows.new_zeros(count, rank, width), rows.new_zeros(count, rank)
    for part in slices(count, near * width):
        apart = (rows[numbers[part]] - rows[part, None]).double() / math.sqrt(near)
        spread, axis = _decomposed(apart)
        axes[part], spreads[part] = axis.float(), spread.float()
    return axes, spreads


def _decomposed(apart: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and -vectors of Σ_j a_j a_jᵀ, of ``[batch, near, width]``, from the smaller Gram matrix."""
    near, width = apart.shape[1:]
    if width <= near:
        spread, vectors = torch.linalg.eigh(apart.mT @ apart)
        return spread.clamp_min(0.0), vectors.mT
    spread, vectors = torch.linalg.eigh(apart @ apart.mT)
    real = spread > 1e-8 * spread[:, -1:]
    length = torch.where(real, spread, 1.0).sqrt()
    axes = torch.where(real[..., None], vectors.mT @ apart / length[..., None], 0.0)
    return torch.where(real, spread, 0.0), axes


def _without(mahalanobis: Tensor, volume: Tensor, shaped: Tensor, near: int) -> tuple[Tensor, Tensor]:
    """What squared distance and log-determinant are, had a state not shaped the patches that it did.

    Taking one of k terms a aᵀ/k from C + r²I makes of the squared distance m of a: m/(1 - m/k), and adds ln(1 - m/k) to
    the log-determinant (Sherman & Morrison 1950).
    """
    left = (1.0 - mahalanobis / near).clamp_min(1e-3)
    return torch.where(shaped, mahalanobis / left, mahalanobis), torch.where(shaped, volume + left.log(), volume)


def build(template: State, conditions: ConditionSpace, **options: Any) -> Patches:
    """The belief about states like a template.

    Arguments:
        template: states of any fields; their sizes are those of all states.
        conditions: not looked at.
        options: see :class:`PatchesOptions`.

    Raises:
        RecipeError: an option is unknown or wrong.
        UnsupportedError: states may lack entries.
    """
    return Patches(template, parse(PatchesOptions, options))
