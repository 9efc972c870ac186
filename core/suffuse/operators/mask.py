"""The measurement of a part."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.operators.base import Operator
from suffuse.state import State, map_fields


@dataclass(frozen=True, eq=False)
class Mask(Operator):
    """A(x) = x where it is known, 0 elsewhere.

    Arguments:
        known: bool, true where x is measured; broadcasts over the state, by field where it has fields. A field that it
            lacks is not measured.
    """

    known: State

    def __call__(self, x: State) -> State:
        if isinstance(x, Tensor):
            assert isinstance(self.known, Tensor)
            return _kept(x, self.known)
        return map_fields(_kept, x, {name: known_of(self.known, name, field) for name, field in x.items()})

    def adjoint(self, y: State, like: State) -> State:
        return self(y)

    def observe(self, encoded: State) -> State:
        return self(encoded)


def known_of(known: State, name: str, like: Tensor) -> Tensor:
    """What is known of a field; nothing, where it is not named."""
    if isinstance(known, Tensor):
        return known
    return known[name] if name in known else torch.zeros((), dtype=torch.bool, device=like.device)


def _kept(x: Tensor, known: Tensor) -> Tensor:
    return torch.where(known, x, x.new_zeros(()))
