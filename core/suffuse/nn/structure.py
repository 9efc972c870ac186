r"""What the edges of a graph say of its elements and pairs: features that attention alone is slow to count.

The pairs' classes are weighed, none with 0, and give the adjacency matrix W. With D the diagonal of its sums,
:math:`S = D^{-1/2} W D^{-1/2}` is similar to the matrix of a random walk, so that :math:`(S^k)_{ii}` is the chance to
be back after k steps and :math:`(S^k)_{ij}` tells how, and how easily, j is reached from i (relative random-walk
probabilities: Ma et al. 2023, GRIT; here in their symmetric form). They tell rings of k elements, which networks whose
messages pass along edges cannot count (Xu et al. 2019). Which elements are connected at all is told besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

DEGREES = 0.25
"""The unit of degrees and of sums of weights: they come in about as 1."""


@dataclass(frozen=True)
class Structure:
    """Reads a field of pairs.

    Arguments:
        weights: of the pairs' classes, the first, that of no edge, with 0.
        walks: the longest walk that is told, in steps, at least 1.
    """

    weights: tuple[float, ...]
    walks: int

    @property
    def of_elements(self) -> int:
        """How many features an element has."""
        return self.walks + 3

    @property
    def of_pairs(self) -> int:
        """How many features a pair has."""
        return self.walks + 1

    def __call__(self, edges: Tensor) -> tuple[Tensor, Tensor]:
        """The features.

        Arguments:
            edges: float ``[batch, n, n, classes]``, symmetric; 0 in the padding.

        Returns:
            Of elements ``[batch, n, walks + 3]``: the chances to be back, the degree, the sum of weights, and the
            logarithm of how many are connected, itself included. Of pairs ``[batch, n, n, walks + 1]``: the walks, and
            whether they are connected. Both are symmetric in their elements, whose order does not matter.
        """
        weights = torch.as_tensor(self.weights, device=edges.device, dtype=edges.dtype)
        adjacency = edges @ weights
        degree, total = (edges @ (weights > 0.0).to(edges.dtype)).sum(2), adjacency.sum(2)
        scale = torch.where(total > 0.0, total.clamp_min(1e-6).rsqrt(), 0.0)
        step = scale[:, :, None] * adjacency * scale[:, None, :]
        walks = list(_powers(step, self.walks))
        near = _closure(adjacency > 0.0).to(edges.dtype)
        back = [walk.diagonal(dim1=1, dim2=2) for walk in walks]
        return (
            torch.stack([*back, DEGREES * degree, DEGREES * total, near.sum(2).log()], dim=-1),
            torch.stack([*walks, near], dim=-1),
        )


def _powers(step: Tensor, count: int) -> Sequence[Tensor]:
    found = [step]
    for _ in range(count - 1):
        found.append(found[-1] @ step)
    return found


def _closure(edges: Tensor) -> Tensor:
    """Which elements are connected, itself included: bool ``[batch, n, n]``; by squaring, in log n steps."""
    count = edges.shape[-1]
    near = edges | torch.eye(count, dtype=torch.bool, device=edges.device)
    reached = 1
    while reached < count:
        one = near.float()
        near, reached = (one @ one) > 0.0, 2 * reached
    return near
