"""How far items reach in their states: what lies beyond is padding that no mask tells, as the silence after a sound."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from suffuse.domain import Codec, Item
from suffuse.errors import DomainInputError
from suffuse.state import State
from suffuse.tasks.known import Fill, held_by
from suffuse.tasks.region import Region
from suffuse.trained import Trained

_SLACK = 1e-6
"""Of a place, by which an item may reach into one through rounding."""


def beyond(codec: Codec, items: Sequence[Item], state: State) -> Tensor | None:
    """Which entries of states lie beyond their items: bool, broadcasting over the states; ``None``: none does.

    Arguments:
        codec: says how far items reach.
        items: of the states.
        state: of the items, or anything of its shape.
    """
    units, reached = codec.units(), [codec.extent(item) for item in items]
    if not isinstance(state, Tensor) or not any(reached):
        return None
    found = torch.zeros((len(items),) + (1,) * (state.ndim - 1), dtype=torch.bool, device=state.device)
    for i, told in enumerate(reached):
        for name, extent in told.items():
            axis, end = units[name].axis + 2, math.ceil(extent * units[name].places - _SLACK)
            shape = [1] * state.ndim
            shape[axis] = state.shape[axis]
            after = torch.arange(state.shape[axis], device=state.device).reshape(shape) >= end
            number = torch.arange(len(items), device=state.device).reshape(-1, *shape[1:-1], 1) == i
            found = found | (after & number)
    return found


def require_reached(model: Trained, items: Sequence[Item], fill: Fill) -> None:
    """Refuse a part that lies beyond an item, and does not go on from its end to that of its state.

    Raises:
        DomainInputError: there is such an item.
    """
    like = model.codec.like(1)
    if not isinstance(like, Tensor) or not model.codec.units():
        return
    for part in [fill] if isinstance(fill, str | Region) else fill:
        inside = _inside(model, items, part, like)
        for number, item in enumerate(items):
            after = beyond(model.codec, [item], like)
            if after is None or bool((inside & ~after).any()) or bool((inside | ~after).all()):
                continue
            raise DomainInputError(
                "ends before what is to be filled", field=f"items[{number}]",
                expected=f"a part of its {_told(model.codec.extent(item))}",
                got=part if isinstance(part, str) else "a region beyond it", fix="tell an earlier part of it",
            )  # fmt: skip


def _inside(model: Trained, items: Sequence[Item], part: str | Region, like: Tensor) -> Tensor:
    """Which entries a part holds; if it is beyond what any state holds, how far items reach is told as well."""
    try:
        return held_by(model, part)(like)[""]
    except DomainInputError as error:
        reached = [extent for item in items if (extent := model.codec.extent(item))]
        if not reached or error.expected is None:
            raise
        shortest = min(reached, key=lambda extent: next(iter(extent.values())))
        raise DomainInputError(
            error.message, field=error.field, got=error.got, fix=error.fix,
            expected=f"{error.expected}, which the model holds; the shortest item is {_told(shortest)}",
        ) from error  # fmt: skip


def _told(extent: Mapping[str, float]) -> str:
    return ", ".join(f"{value:.4g} {name}" for name, value in extent.items())
