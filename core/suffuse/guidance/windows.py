r"""States longer than those of training: beliefs about overlapping windows, joined at every step.

.. math:: \hat x_0(x_t)_i = \frac{\sum_w h_{i - s_w}\, \hat x_0(x_t|_w)_{i - s_w}}{\sum_w h_{i - s_w}}

(MultiDiffusion, Bar-Tal et al. 2023, eq. 5, with a taper h). Since all windows are denoised together they agree where
they overlap, and there is no seam.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import UnsupportedError
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.state import State

OVERLAP = 0.5
"""The least share of a window that its neighbour lies over."""


@dataclass(frozen=True)
class Windowed:
    """A belief about a long state from beliefs about its windows. They are asked for one after the other, so that
    memory does not grow with the length.

    Arguments:
        denoiser: of windows.
        axis: along which states are long, the batch's being 0.
        size: of a window.
    """

    denoiser: Denoiser
    axis: int
    size: int

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        if not isinstance(x_t, Tensor):
            raise UnsupportedError(
                "cannot be cut into windows", field="extent", expected="states of one field", got=", ".join(x_t)
            )
        if x_t.shape[self.axis] <= self.size:
            return self.denoiser(x_t, t, conditions)
        places = starts(x_t.shape[self.axis], self.size)
        beliefs = [self.denoiser(x_t.narrow(self.axis, place, self.size), t, conditions) for place in places]
        mean = self._joined(x_t, places, [_field(belief.mean) for belief in beliefs])
        if beliefs[0].anchor is None:
            return Posterior(mean)
        return Posterior(mean, self._joined(x_t, places, [_field(belief.noise_mean) for belief in beliefs]))

    def _joined(self, like: Tensor, places: list[int], windows: list[Tensor]) -> Tensor:
        """The weighted mean of windows, where they lie over each other."""
        taper = _taper(self.size).to(like)
        taper = taper.reshape([-1 if axis == self.axis else 1 for axis in range(like.ndim)])
        total, weight = torch.zeros_like(like), like.new_zeros(_shape_along(like, self.axis))
        for place, window in zip(places, windows, strict=True):
            total.narrow(self.axis, place, self.size).add_(taper * window)
            weight.narrow(self.axis, place, self.size).add_(taper)
        return total / weight


def starts(length: int, size: int) -> list[int]:
    """Where windows begin, evenly from one end to the other, so that each lies over at least half of the next."""
    if length <= size:
        return [0]
    count = -(-(length - size) // max(1, round((1.0 - OVERLAP) * size))) + 1
    return [round(i * (length - size) / (count - 1)) for i in range(count)]


def _taper(size: int) -> Tensor:
    """Rising to the middle of a window and falling again, nowhere 0."""
    return 1.0 - (2.0 * torch.arange(size, dtype=torch.float64) + 1.0 - size).abs() / (size + 1.0)


def _shape_along(like: Tensor, axis: int) -> list[int]:
    return [like.shape[a] if a == axis else 1 for a in range(like.ndim)]


def _field(state: State) -> Tensor:
    assert isinstance(state, Tensor)
    return state
