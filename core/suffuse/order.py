"""An order for elements that have none: that of what they hold.

Noise is keyed by position. So that what is read off a noisy state depends on the set and not on how it was listed, its
elements are put into an order that the listing cannot change.
"""

from __future__ import annotations

import torch
from torch import Tensor

from suffuse.domain import Codec
from suffuse.nn.elements import ELEMENTS, PAIRS, Real, axes_of
from suffuse.registry import find
from suffuse.state import State, fields, is_mask
from suffuse.trained import Trained

GRAIN = 1e-9
"""Sums that differ by less than this differ by rounding."""


def listed(model: Trained, states: State) -> State:
    """States of a model's items; in :func:`canonical` order if they are unordered."""
    return canonical(states) if is_unordered(model.recipe.domain, model.codec) else states


def is_unordered(domain: str, codec: Codec) -> bool:
    """Whether the order of elements means nothing: the domain says so (``Features.unordered``), and not otherwise the
    codec (``Codec.ordered``)."""
    return find("domain", domain).features.unordered and not codec.ordered


def canonical(state: State) -> State:
    """The state with the elements of each sample ordered by what they and their pairs hold, padding last.

    Elements whose features have the same weighted sum keep their places.
    """
    axes = axes_of(state)
    real = Real.of(state, axes).elements
    keys: list[Tensor] = []
    for name, value in fields(state):
        if axes[name] in (ELEMENTS, PAIRS):
            one = _weighted(value.double(), 1 + axes[name])
            keys.append(one.sum(2) if axes[name] == PAIRS else one)
    key = (torch.stack(keys).sum(0) / GRAIN).round()
    if real is not None:
        key = torch.where(real, key, torch.inf)
    order = key.argsort(dim=1, stable=True)
    if isinstance(state, Tensor):
        return _ordered(state, order, axes[""])
    return {name: _ordered(x, order, _mask_axes(x) if is_mask(name) else axes[name]) for name, x in state.items()}


def _mask_axes(mask: Tensor) -> int:
    """What a mask is of, as :func:`suffuse.nn.elements.axes_of` has it."""
    return PAIRS if mask.ndim == 3 and mask.shape[1] == mask.shape[2] else min(mask.ndim - 1, ELEMENTS)


def _weighted(x: Tensor, axes: int) -> Tensor:
    """A sum over all axes but the first few, each entry with a weight of its own that is no multiple of another's."""
    flat = x.reshape(*x.shape[:axes], -1)
    return flat @ torch.arange(1, flat.shape[-1] + 1, device=x.device, dtype=x.dtype).sqrt()


def _ordered(x: Tensor, order: Tensor, axes: int) -> Tensor:
    """Along the first ``axes`` axes after the batch's."""
    batch = torch.arange(len(x), device=x.device)[:, None]
    if axes >= ELEMENTS:
        x = x[batch, order]
    return x.transpose(1, 2)[batch, order].transpose(1, 2) if axes == PAIRS else x
