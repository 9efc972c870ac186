"""Grid networks over states that lack entries: what the mask says lies over the input, as a condition does."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from suffuse.conditions import Condition, Conditions, ConditionSpace, StateCondition
from suffuse.state import MASK, State, fields, mask_of


class Masked(nn.Module):
    """A network of a grid, for states of one such field and its mask.

    A missing entry is 0, as is one that has the mean; channels that hold the mask tell the two apart. The mask is for
    gaps, not for lengths: attention and normalization take no heed of it. Where sizes vary, take a network over
    elements.

    Arguments:
        name: of the field.
        network: of the bare field, with a state condition named as :func:`over_masks` does.
    """

    def __init__(self, name: str, network: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.network = network

    def forward(self, x: dict[str, Tensor], noise_level: Tensor, conditions: Conditions) -> State:
        """Predict.

        Arguments:
            x: the field ``[batch, channels, *axes]``, and a mask that broadcasts over it.
            noise_level: ¼ log(σ/α), float ``[batch]``.
            conditions: by name; what is left out is absent.

        Returns:
            The field, shaped like that of ``x``.
        """
        field, mask = x[self.name], mask_of(x, self.name)
        assert mask is not None
        here = torch.ones(field.shape[0], dtype=torch.bool, device=field.device)
        seen = {**conditions, _overlay(self.name): Condition(mask.expand_as(field).to(field.dtype), here)}
        return {self.name: self.network(field, noise_level, seen)}


def over_masks(
    make: Callable[[State, ConditionSpace], nn.Module], template: State, conditions: ConditionSpace
) -> nn.Module:
    """A network of a grid for a bare tensor, or for states of one field with its mask.

    Arguments:
        make: builds it for a bare tensor and a space of conditions.
        template: states of either form; any other is handed to ``make`` as it is.
        conditions: what the network can be steered by.
    """
    named = [] if isinstance(template, Tensor) else list(fields(template))
    if len(named) != 1 or mask_of(template, named[0][0]) is None:
        return make(template, conditions)
    ((name, field),) = named
    return Masked(name, make(field, {**conditions, _overlay(name): StateCondition(tuple(field.shape[1:]))}))


def _overlay(name: str) -> str:
    return f"{name}.{MASK}"
