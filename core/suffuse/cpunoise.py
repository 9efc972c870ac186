"""The streams of :mod:`suffuse.rng` on the CPU, in numpy: the integers are torch's, and the numbers to the last bit.

Where tensors are small this takes a fraction of the time, for a call of numpy costs a fraction of one of torch's. The
logarithm, cosine and sine are torch's all the same, and so is the root, since numpy rounds otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Words = npt.NDArray[np.uint64]
"""Unsigned 64-bit integers."""
Numbers = npt.NDArray[np.floating[Any]]


def _word(value: int) -> Words:
    """A constant, as an array without axes, which numpy need not convert again."""
    return np.array(value, dtype=np.uint64)


_GAMMA, _MIX1, _MIX2 = map(_word, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_1, _12, _27, _30, _31, _32, _LOWER = map(_word, (1, 12, 27, 30, 31, 32, 0xFFFFFFFF))


def stream(seeds: npt.NDArray[np.int64], purposes: Sequence[tuple[int, int]], positions: Words) -> Words:
    """Uniform integers ``[purposes·batch, count]``.

    Arguments:
        seeds: of the samples, ``[batch]``.
        purposes: what the streams' starts and increments are hashed with.
        positions: which numbers of the streams, ``[count]``, the first being 1.
    """
    hashes = np.array(purposes).view(np.uint64).T[:, :, None]
    keys = _mix(hashes + seeds.view(np.uint64) * _GAMMA).reshape(2, -1, 1)
    return _mix((keys[1] | _1) * positions + keys[0])


def _mix(z: Words) -> Words:
    """SplitMix64's finalizer (the input is overwritten)."""
    z ^= z >> _30
    z *= _MIX1
    z ^= z >> _27
    z *= _MIX2
    z ^= z >> _31
    return z


def unit(words: Words) -> Numbers:
    """Integers as float64 on the open interval (0, 1)."""
    numbers = (words >> _12).astype(np.float64)
    numbers += 0.5
    numbers *= 2.0**-52
    return numbers


@dataclass(frozen=True)
class _Constants:
    """In the precision of the numbers that they meet, and arrays like :func:`_word`'s."""

    half: Numbers
    scale: Numbers
    turn: Numbers
    minus_two: Numbers

    @classmethod
    def of(cls, kind: type[np.floating[Any]]) -> _Constants:
        return cls(*(np.array(x, dtype=kind) for x in (0.5, 2.0**-32, 2.0 * math.pi * 2.0**-32, -2.0)))


_CONSTANTS = {np.float32: _Constants.of(np.float32), np.float64: _Constants.of(np.float64)}


def box_muller(words: Words, dtype: torch.dtype) -> Numbers:
    """Two normal numbers of every integer ``[batch, count]``: ``[batch, 2·count]``, float32, or float64 if asked."""
    kind: Any = np.float64 if dtype == torch.float64 else np.float32
    constants = _CONSTANTS[kind]
    radius, angle = (words >> _32).astype(kind), (words & _LOWER).astype(kind)
    radius += constants.half
    radius *= constants.scale
    torch.from_numpy(radius).log_()
    radius *= constants.minus_two
    torch.from_numpy(radius).sqrt_()
    angle *= constants.turn
    direction = torch.from_numpy(angle)
    pairs = np.empty((*words.shape, 2), dtype=kind)
    np.multiply(direction.cos().numpy(), radius, out=pairs[:, :, 0])
    direction.sin_()
    np.multiply(angle, radius, out=pairs[:, :, 1])
    return pairs.reshape(len(words), -1)
