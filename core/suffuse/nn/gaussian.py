r"""The exact belief about noised data that are one Gaussian, found so that a share of odd data among them is no matter.

With :math:`u = x_t/α`, the noise level :math:`r = σ/α`, the mean m and the covariance C of the data

.. math::
    p(u) = N(u; m, C + r^2 I), \qquad E[x_0 | u] = m + C (C + r^2 I)^{-1} (u - m).

It is what any denoiser knows of data under heavy noise, for there only their mean and covariance are left. Both are
those of the share ``keep`` of the states that are likeliest under them, found again and again (the concentration steps
of Rousseeuw & Van Driessen 1999): the data that are odd then shape neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.nn.options import parse, require, whole
from suffuse.nn.remembering import Remembering, shown
from suffuse.state import State

NOISE = 0.1
"""Under which it is seen which states are likely, in units of the spacing: a covariance need not have full rank."""


@dataclass(frozen=True)
class GaussianOptions:
    """Options of the belief.

    Arguments:
        keep: the share of the states whose mean and covariance are taken.
        rounds: how often these are chosen anew.
    """

    keep: float = 1.0
    rounds: int = 5

    def __post_init__(self) -> None:
        require(0.0 < self.keep <= 1.0, "keep", self.keep, "a share, above 0 and up to 1")
        require(whole(self.rounds, 1), "rounds", self.rounds, "an integer of at least 1")


class GaussianBelief(Remembering):
    """The belief; see :class:`~suffuse.nn.remembering.Remembering`.

    Arguments:
        template: any states of the sizes.
        options: see :class:`GaussianOptions`.
    """

    mean: Tensor
    axes: Tensor
    spreads: Tensor
    seen: Tensor
    name, lacks, grows = "gaussian", "covariance", {"axes": 1, "spreads": 1}

    def __init__(self, template: State, options: GaussianOptions) -> None:
        super().__init__(template)
        self.options = options
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("axes", torch.zeros(0, self.width))
        self.register_buffer("spreads", torch.zeros(0))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    @property
    def count(self) -> int:
        """How many states it was shown."""
        return int(self.seen)

    @property
    def spacing(self) -> float:
        """The root of the mean variance; 1 where all states are alike."""
        variance = float(self.spreads.double().sum()) / len(self.mean)
        return math.sqrt(variance) if variance > 0.0 else 1.0

    def remember(self, states: State) -> None:
        """See :meth:`suffuse.nn.memory.Memory.remember`."""
        count = shown(states)
        rows = self.layout.flat(states).float().to(self.mean.device)
        self._take(rows)
        kept = max(2, math.ceil(self.options.keep * count))
        if kept < count:
            for _ in range(self.options.rounds):
                likely = self._log_density(rows, NOISE * self.spacing)
                self._take(rows[likely.topk(kept).indices])
        self.seen.fill_(count)

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
        apart = u - self.mean
        along = apart @ self.axes.T * (self.spreads / (self.spreads + ratio.square()))
        return self.layout.state(self.mean + along @ self.axes, x)

    def log_density(self, x: State, ratio: float, conditions: Conditions) -> Tensor:
        """See :meth:`suffuse.nn.memory.Dense.log_density`."""
        return self._log_density(self.asked(x), ratio)

    def _log_density(self, rows: Tensor, ratio: float) -> Tensor:
        apart, noise = (rows - self.mean).double(), ratio * ratio
        along, spreads = (apart @ self.axes.double().T).square(), self.spreads.double()
        off = (apart.square().sum(1) - along.sum(1)).clamp_min(0.0)
        mahalanobis = off / noise + (along / (spreads + noise)).sum(1)
        volume = rows.shape[1] * math.log(2.0 * math.pi * noise) + float((spreads / noise).log1p().sum())
        return -0.5 * (mahalanobis + volume)

    def _take(self, rows: Tensor) -> None:
        """The mean of states and their spread along each of its axes, those without any left out."""
        mean = rows.double().mean(0)
        apart = rows.double() - mean
        if rows.shape[1] <= len(rows):
            spreads, vectors = torch.linalg.eigh(apart.mT @ apart / (len(rows) - 1))
            axes = vectors.mT
        else:
            spreads, vectors = torch.linalg.eigh(apart @ apart.mT / (len(rows) - 1))
            axes = vectors.mT @ apart / (spreads.clamp_min(1e-300) * (len(rows) - 1)).sqrt()[:, None]
        real = spreads > 1e-10 * spreads.amax().clamp_min(1e-300)
        self.mean, self.axes, self.spreads = mean.float(), axes[real].float(), spreads[real].float()


def build(template: State, conditions: ConditionSpace, **options: Any) -> GaussianBelief:
    """The belief about states like a template.

    Arguments:
        template: states of any fields; their sizes are those of all states.
        conditions: not looked at.
        options: see :class:`GaussianOptions`.

    Raises:
        RecipeError: an option is unknown or wrong.
        UnsupportedError: states may lack entries.
    """
    return GaussianBelief(template, parse(GaussianOptions, options))
