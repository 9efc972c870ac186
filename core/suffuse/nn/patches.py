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
from torch import Tensor
from torch.nn import functional as F

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.nn.known import numbers_of
from suffuse.nn.nearest import Nearest, slices
from suffuse.nn.options import parse, require, whole
from suffuse.nn.remembering import NEIGHBOUR, Drawing, Remembering, at_most, shown, spacing_of
from suffuse.state import State

NEAR = 5
"""Patches that are looked at for the density: of those further off little is left."""
ROOM = 2**27
"""Numbers that the axes of all patches have at most: half a gigabyte."""


@dataclass(frozen=True)
class PatchesOptions(Drawing):
    """Options of the belief; ``leave_out`` is of :meth:`Patches.log_density`.

    Where the axes of ``most`` states need too much room, fewer are drawn.

    Arguments:
        neighbours: how many shape a patch.
    """

    neighbours: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        require(whole(self.neighbours, 1), "neighbours", self.neighbours, "an integer of at least 1")


@dataclass(frozen=True)
class Shaped:
    """Patches under noise: of the squared distance, (u - x)ᵀ(C + r²I)⁻¹(u - x) = |u - x|²/r² - |A(u - x)|².

    Arguments:
        noise: its variance r².
        axes: A, the axes times √(λ/(r²(λ + r²))): float32 ``[count, rank, width]``.
        volume: ln det(C/r² + I), float64 ``[count]``.
    """

    noise: float
    axes: Tensor
    volume: Tensor


class Patches(Remembering):
    """The belief of the remembered states; see :class:`~suffuse.nn.remembering.Remembering`.

    Arguments:
        template: any states of the sizes.
        options: see :class:`PatchesOptions`.
    """

    shaped_by: Tensor
    axes: Tensor
    spreads: Tensor
    typical: Tensor
    name, lacks, grows = "patches", "patches", {"shaped_by": 2, "axes": 2, "spreads": 2}

    def __init__(self, template: State, options: PatchesOptions) -> None:
        super().__init__(template)
        self.options = options
        self.nearest = Nearest(self.width)
        self.register_buffer("shaped_by", torch.zeros(0, 0, dtype=torch.int32))
        self.register_buffer("axes", torch.zeros(0, 0, self.width))
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
        rank = min(self.options.neighbours, shown(states) - 1, self.width)
        most = min(self.options.most, max(2, ROOM // (rank * self.width)))
        states = at_most(states, most, "patches", self.options.seed)
        self.nearest.hold(self.layout.flat(states))
        near = min(self.options.neighbours, self.count - 1)
        numbers, squares = self.nearest.near(self.rows, near, torch.arange(self.count, device=self.rows.device))
        self.shaped_by = numbers.int()
        self.axes, self.spreads = _axes(self.rows, numbers)
        self.typical = spacing_of(squares[:, min(NEIGHBOUR, near) - 1].sqrt())

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        """Predict, by all patches.

        Arguments:
            x: x_t/√(α² + σ²).
            noise_level: ¼ log(σ/α), float ``[batch]``.
            conditions: not looked at.

        Returns:
            x̂₀, shaped like ``x``.
        """
        queries, ratio = self.seen_at(x, noise_level)
        parts = slices(len(queries), self.axes.shape[:2].numel())
        means = [self._mean(queries[part], ratio[part]) for part in parts]
        return self.layout.state(torch.cat(means), x)

    def log_density(self, x: State, ratio: float, conditions: Conditions) -> Tensor:
        """See :meth:`suffuse.nn.memory.Dense.log_density`; by the patches that are nearest."""
        flat, shaped = self.asked(x), self._shaped(ratio * ratio)
        same = numbers_of(self.rows, flat) if self.options.leave_out else torch.full_like(flat[:, 0], -1).long()
        numbers = self.nearest.about(flat, min(NEAR, self.count), same)
        each = numbers.shape[1] * self.axes[0].numel()
        parts = slices(len(flat), each)
        return torch.cat([self._log_density(flat[part], numbers[part], same[part], shaped) for part in parts])

    def _log_density(self, queries: Tensor, numbers: Tensor, same: Tensor, shaped: Shaped) -> Tensor:
        """log p(u), float64 ``[batch]``, by the patches of these numbers ``[batch, near]``."""
        apart, (near, width) = queries[:, None] - self.rows[numbers], (self.shaped_by.shape[1], self.rows.shape[1])
        axes = F.embedding(numbers, shaped.axes.flatten(1)).view(*numbers.shape, *shaped.axes.shape[1:])
        along = (axes * apart[..., None, :]).sum(3)  # on one processor a multiple faster than a product of matrices
        squares = apart.square().sum(2, dtype=torch.float64) / shaped.noise
        mahalanobis = (squares - along.square().sum(2, dtype=torch.float64)).clamp_min(0.0)
        volume = shaped.volume[numbers]
        if bool((same >= 0).any()):
            own = (self.shaped_by[numbers] == same[:, None, None]).any(2)
            mahalanobis, volume = _without(mahalanobis, volume, own, near)
        constant = width * math.log(2.0 * math.pi * shaped.noise) + 2.0 * math.log(self.count)
        exponent = (-0.5 * (mahalanobis + volume)).masked_fill(numbers == same[:, None], -torch.inf)
        return -0.5 * constant + exponent.logsumexp(1)

    def _shaped(self, noise: float) -> Shaped:
        """The patches under noise of this variance."""
        shrink = self.spreads / (noise * (self.spreads + noise))
        return Shaped(noise, shrink.sqrt()[..., None] * self.axes, (self.spreads.double() / noise).log1p().sum(1))

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
