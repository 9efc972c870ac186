"""Which of many vectors another one is."""

from __future__ import annotations

import torch
from torch import Tensor


def numbers_of(rows: Tensor, asked: Tensor) -> Tensor:
    """For each of some vectors the number of a row that equals it, −1 where there is none: int64 ``[batch]``.

    Arguments:
        rows: float32 ``[count, width]``, one at least.
        asked: float32 ``[batch, width]``.
    """
    keys, order = _keys(rows).sort()
    found = order[torch.searchsorted(keys, _keys(asked)).clamp_max(len(keys) - 1)]
    return torch.where((rows[found] == asked).all(1), found, -1)


def _keys(rows: Tensor) -> Tensor:
    """Rows of float32 as numbers: equal rows have equal ones, and others hardly ever: int64 ``[batch]``."""
    bits = (rows + 0.0).contiguous().view(torch.int32).long()  # + 0.0: the zeros of either sign are equal
    odd = 2 * torch.arange(rows.shape[1], device=rows.device, dtype=torch.int64) + 1
    return (bits * (odd * 0x9E3779B97F4A7C1)).sum(1)
