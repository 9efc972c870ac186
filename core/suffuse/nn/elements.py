"""What the fields of a state are of: the whole item, its elements, or pairs of these; and which of them are real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.state import MASK, State, fields

WHOLE, ELEMENTS, PAIRS = 0, 1, 2
"""What a field is of, as the number of axes of elements that it has."""


def axes_of(state: State, pairs: Sequence[str] = ()) -> dict[str, int]:
    """What each field is of, by name: 0 the whole item, 1 elements, 2 pairs.

    A mask tells it: that of the whole is ``[batch]``, of pairs ``[batch, n, n]``. Under a mask ``[batch, n]``, or
    without any, a field of four axes is ``[batch, n, n, features]``, one of fewer is of elements unless ``pairs`` has
    its name. A mask ``[batch, n, features]`` is of elements.
    """
    return {name: _axes(name, x, _mask(state, name), pairs) for name, x in fields(state)}


def _axes(name: str, x: Tensor, mask: Tensor | None, pairs: Sequence[str]) -> int:
    if mask is not None and mask.ndim != 2 and not _of_features(mask):
        return mask.ndim - 1
    return PAIRS if x.ndim == 4 or name in pairs else ELEMENTS


def _of_features(mask: Tensor) -> bool:
    """Whether a mask tells single features of elements, ``[batch, n, features]``."""
    return mask.ndim == 3 and mask.shape[1] != mask.shape[2]


def _mask(state: State, name: str) -> Tensor | None:
    return None if isinstance(state, Tensor) else state.get(f"{name}.{MASK}", state.get(MASK))


@dataclass(frozen=True)
class Real:
    """What is not padding, of one batch.

    Arguments:
        fields: for each field bool ``[batch, *elements]``; none for a field that has no mask.
        elements: bool ``[batch, n]``, those of which some field is real; ``None``: all.
        pairs: bool ``[batch, n, n]``, likewise.
    """

    fields: Mapping[str, Tensor]
    elements: Tensor | None
    pairs: Tensor | None

    @classmethod
    def of(cls, state: State, axes: Mapping[str, int]) -> Real:
        """Read off the masks; an element's mask ``[batch, n]`` hides a pair where it hides either of the two."""
        masks: dict[str, Tensor] = {}
        for name, count in axes.items():
            mask = _mask(state, name)
            if mask is not None:
                masks[name] = _both(mask) if count == PAIRS and mask.ndim == 2 else mask
        ends = {n: _ends(m, axes[n]) for n, m in masks.items() if axes[n] != WHOLE}
        return cls(
            masks,
            _union([ends.get(name) for name, count in axes.items() if count != WHOLE]),
            _union([masks.get(name) for name, count in axes.items() if count == PAIRS]),
        )

    @property
    def keys(self) -> Tensor | None:
        """Which elements are attended to: those that are real, and all where none is, lest attention be 0/0."""
        return None if self.elements is None else self.elements | ~self.elements.any(1, keepdim=True)


def _ends(mask: Tensor, axes: int) -> Tensor:
    """Of which elements something is real."""
    if axes == PAIRS:
        return mask.any(1) | mask.any(2)
    return mask.any(2) if mask.ndim == 3 else mask


def _both(mask: Tensor) -> Tensor:
    return mask[:, :, None] & mask[:, None, :]


def _union(masks: Sequence[Tensor | None]) -> Tensor | None:
    """Where any of them is true; ``None``, a mask that is true everywhere, wins."""
    given = [mask for mask in masks if mask is not None]
    return torch.stack(given).any(0) if given and len(given) == len(masks) else None


def shown(x: Tensor, mask: Tensor | None) -> Tensor:
    """``x``, zero where the mask is false; the mask covers leading axes."""
    if mask is None:
        return x
    return torch.where(mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim)), x, x.new_zeros(()))


def mean(x: Tensor, mask: Tensor | None, axis: int) -> Tensor:
    """The mean along an axis of what is real; 0 where nothing is. ``mask`` covers all axes of ``x`` but the last."""
    if mask is None:
        return x.mean(axis)
    return shown(x, mask).sum(axis) / mask.sum(axis).clamp_min(1)[..., None].to(x.dtype)
