"""Embeddings of noise levels, numbers and positions: sines and cosines, no parameters, no randomness."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from suffuse.nn.precision import widen


def fourier(x: Tensor, width: int, low: float, high: float) -> Tensor:
    """Sines and cosines of ``x`` at geometrically spaced angular frequencies.

    Arguments:
        x: float, any shape.
        width: how many features, at least 2; an odd one is a zero.
        low, high: the least and the greatest frequency, in radians per unit of ``x``.

    Returns:
        ``[*x.shape, width]``, float32 or wider.
    """
    ratios = torch.linspace(math.log(low), math.log(high), width // 2, device=x.device)
    angles = widen(x)[..., None] * ratios.exp()
    features = torch.cat((angles.sin(), angles.cos()), dim=-1)
    return torch.nn.functional.pad(features, (0, width % 2))


def noise_features(level: Tensor, width: int) -> Tensor:
    """Features of the noise level ¼ log(σ/α) ∈ [-1.5, 1.5].

    The slowest wave, of period 2π, tells the ends of the range apart; the fastest, of period 0.1, tells apart levels
    whose σ/α differ by a tenth.

    Arguments:
        level: float ``[batch]``.

    Returns:
        ``[batch, width]``, float32 or wider.
    """
    return fourier(level, width, 1.0, 64.0)


def distinct(level: Tensor) -> Tensor:
    """A level that a batch shares once, ``[1]``, as its stride of 0 tells; other levels ``[batch]`` as they are."""
    return level[:1] if level.stride(0) == 0 else level


def rotary_positions(count: int, width: int, device: torch.device | None = None) -> Tensor:
    """Angles by which features at a position are rotated (Su et al. 2021).

    The slowest wave is 1,000 positions long, as far as sequences of hundreds of elements need.

    Arguments:
        count: positions.
        width: of the features; even.

    Returns:
        Cosines and sines, float32 ``[2, count, width/2]``.
    """
    waves = torch.arange(width // 2, device=device) / max(1, width // 2)
    angles = torch.arange(count, device=device, dtype=torch.float32)[:, None] * 160.0**-waves
    return torch.stack((angles.cos(), angles.sin()))


def rotated(x: Tensor, rotary: Tensor) -> Tensor:
    """Features ``[…, count, width]`` rotated by :func:`rotary_positions`: products of two depend on their distance."""
    (cosine, sine), (first, second) = rotary.to(x.dtype), x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def axial_positions(sizes: Sequence[int], width: int, device: torch.device | None = None) -> Tensor:
    """Sine-cosine position embeddings on a grid, each axis in its own share of the features.

    Positions count in tokens, so those of a larger grid begin with those of a smaller one. Frequencies as in Vaswani
    et al. 2017; what does not divide by twice the number of axes stays zero.

    Returns:
        ``[prod(sizes), width]`` float32, the last axis of the grid running fastest.
    """
    share = width // (2 * len(sizes)) * 2
    grids = []
    for axis, size in enumerate(sizes):
        position = torch.arange(size, device=device, dtype=torch.float32)
        features = fourier(position, share, 1.0, 1e-4)
        shape = [1] * len(sizes)
        shape[axis] = size
        grids.append(features.reshape(*shape, share).expand(*sizes, share))
    table = torch.cat(grids, dim=-1).reshape(math.prod(sizes), share * len(sizes))
    return torch.nn.functional.pad(table, (0, width - table.shape[1]))
