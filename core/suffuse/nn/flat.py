"""A whole state as one vector a sample: all fields side by side, and which entries are real."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.errors import DomainInputError
from suffuse.state import State, fields, is_mask, mask_of, refill


@dataclass(frozen=True)
class Layout:
    """The fields of states of one size, in order.

    Arguments:
        shapes: of one sample's entry, by the entry's name; masks too.
    """

    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, state: State) -> Layout:
        """The layout of states like this one."""
        entries = [("", state)] if isinstance(state, Tensor) else list(state.items())
        return cls(tuple((name, tuple(x.shape[1:])) for name, x in entries))

    @property
    def masked(self) -> bool:
        """Whether entries may be missing."""
        return any(is_mask(name) for name, _ in self.shapes)

    @property
    def sizes(self) -> dict[str, int]:
        """How many numbers each field has."""
        return {name: math.prod(shape) for name, shape in self.shapes if not is_mask(name)}

    def flat(self, state: State) -> Tensor:
        """``[batch, width]``, 0 where an entry is missing.

        Raises:
            DomainInputError: the state has other fields or sizes.
        """
        if (found := Layout.of(state)) != self:
            raise DomainInputError(
                "has other sizes than the network was made for", field="state", expected=dict(self.shapes),
                got=dict(found.shapes),
            )  # fmt: skip
        values = dict(fields(state))
        return torch.cat([self._real(state, name, values[name]).flatten(1) for name in self.sizes], dim=1)

    def there(self, state: State) -> Tensor | None:
        """Which entries are real, bool ``[batch, width]``; ``None`` where all always are."""
        if not self.masked:
            return None
        parts = []
        for name, x in fields(state):
            mask = mask_of(state, name)
            parts.append((torch.ones_like(x, dtype=torch.bool) if mask is None else mask.expand_as(x)).flatten(1))
        return torch.cat(parts, dim=1)

    def state(self, flat: Tensor, like: State) -> State:
        """The inverse of :meth:`flat`, with the masks of ``like``; what is missing there is whatever it is."""
        shapes = dict(self.shapes)
        split = zip(self.sizes, torch.split(flat, list(self.sizes.values()), dim=1), strict=True)
        return refill(like, {name: part.reshape(flat.shape[0], *shapes[name]) for name, part in split})

    @staticmethod
    def _real(state: State, name: str, value: Tensor) -> Tensor:
        mask = mask_of(state, name)
        return value if mask is None else torch.where(mask, value, value.new_zeros(()))
