"""How the pairs of n elements are laid out: all of them in a square, or, where they have no direction, half of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from suffuse.nn.elements import mean, shown


class Pairs(Protocol):
    """A layout; ``*pairs`` are its axes."""

    def laid(self, x: Tensor) -> Tensor:
        """From ``[batch, n, n, …]`` to ``[batch, *pairs, …]``."""
        ...

    def square(self, x: Tensor) -> Tensor:
        """The inverse of :meth:`laid`."""
        ...

    def turned(self, x: Tensor) -> Tensor:
        """The features of j → i in the place of i → j."""
        ...

    def with_product(self, x: Tensor, here: Tensor, there: Tensor) -> Tensor:
        """``x [batch, *pairs, width]`` and the product of each pair's elements, ``[batch, n, width]`` each."""
        ...

    def mean(self, x: Tensor, seen: Tensor | None) -> Tensor:
        """Over the pairs of each element ``[batch, n, width]``, of those that are seen (bool ``[batch, *pairs]``)."""
        ...


class Square:
    """All pairs, both ways round: ``[batch, n, n, …]``."""

    def laid(self, x: Tensor) -> Tensor:
        return x

    def square(self, x: Tensor) -> Tensor:
        return x

    def turned(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)

    def with_product(self, x: Tensor, here: Tensor, there: Tensor) -> Tensor:
        return torch.addcmul(x, here[:, :, None], there[:, None, :])

    def mean(self, x: Tensor, seen: Tensor | None) -> Tensor:
        return mean(x, seen, 2)


@dataclass(frozen=True, eq=False)
class Half:
    """Pairs i ≤ j alone, ``[batch, n(n + 1)/2, …]``, for what is the same both ways round.

    Arguments:
        first, second: the elements of each pair, int64 ``[pairs]``.
        place: where the pairs of a square are found, row by row, int64 ``[n²]``.
        member: 1 where a pair is one of an element's, float ``[n, pairs]``.

    Rows are gathered by ``index_select``, which is many times as fast as brackets.
    """

    first: Tensor
    second: Tensor
    place: Tensor
    member: Tensor

    @classmethod
    def of(cls, count: int, device: torch.device) -> Half:
        """The layout for so many elements."""
        first, second = torch.triu_indices(count, count, device=device)
        numbers = torch.arange(len(first), device=device)
        place = torch.zeros(count, count, dtype=torch.int64, device=device)
        place[first, second] = place[second, first] = numbers
        member = torch.zeros(count, len(first), device=device)
        member[first, numbers] = member[second, numbers] = 1.0
        return cls(first, second, place.flatten(), member)

    def laid(self, x: Tensor) -> Tensor:
        return x.flatten(1, 2).index_select(1, self.first * len(self.member) + self.second)

    def square(self, x: Tensor) -> Tensor:
        count = len(self.member)
        return x.index_select(1, self.place).reshape(x.shape[0], count, count, *x.shape[2:])

    def turned(self, x: Tensor) -> Tensor:
        return x

    def with_product(self, x: Tensor, here: Tensor, there: Tensor) -> Tensor:
        return torch.addcmul(x, here.index_select(1, self.first), there.index_select(1, self.second))

    def mean(self, x: Tensor, seen: Tensor | None) -> Tensor:
        member = self.member.to(x.dtype)
        if seen is None:
            return (member @ x) / len(self.member)
        count = seen.to(x.dtype) @ member.T
        return (member @ shown(x, seen)) / count.clamp_min(1.0)[..., None]
