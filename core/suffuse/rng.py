r"""Keyed noise: sample *i* gets the same noise alone or in a batch of 1,000, on any device.

Noise is a pure function of ``(sample seed, purpose, step, position)``. Each sample owns a SplitMix64 stream (Steele,
Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014):

.. math:: u_j = \mathrm{mix}(k + (j+1)\gamma), \qquad j = 0, 1, \dots

whose start ``k`` and odd increment ``γ`` are hashed from the seed and the purpose. The whole batch is drawn in one
vectorized pass, in integer arithmetic that is exact on every device; no generator object exists, and the global
random state is never touched.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from suffuse import cpunoise
from suffuse.errors import DomainInputError
from suffuse.state import State, is_mask, map_fields, masked_axes

_GAMMA = -0x61C8864680B583EB  # 0x9E3779B97F4A7C15, the golden ratio, as a signed 64-bit integer
_MIX1 = -0x40A7B892E31B1A47  # 0xBF58476D1CE4E5B9
_MIX2 = -0x6B2FB644ECCEEE15  # 0x94D049BB133111EB


def _shift(z: Tensor, bits: int) -> Tensor:
    """Logical right shift of signed 64-bit integers."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def mix64(z: Tensor) -> Tensor:
    """SplitMix64's finalizer, a bijection of 64-bit integers (the input is overwritten)."""
    z ^= _shift(z, 30)
    z *= _MIX1
    z ^= _shift(z, 27)
    z *= _MIX2
    z ^= _shift(z, 31)
    return z


def digest(*parts: str | int) -> int:
    """A signed 64-bit hash of a path of names and numbers, the same in every process."""
    return _hash(_text(parts)[1:])


def _text(parts: Sequence[str | int]) -> str:
    return "".join([f"\x1f{type(p).__name__[0]}{p}" for p in parts])


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


@lru_cache(maxsize=4096, typed=True)
def _purpose(*path: str | int) -> tuple[int, int]:
    """``digest("start", *path)`` and ``digest("increment", *path)``. The loops of all batches ask for the same ones."""
    text = _text(path)
    return _hash(f"sstart{text}"), _hash(f"sincrement{text}")


@dataclass(frozen=True)
class Rng:
    """Independent streams of noise, one for each sample of a batch.

    Arguments:
        seeds: the samples' seeds, int64 ``[batch]``.
        path: purpose and step, added to by :meth:`at`.
        series: what the steps of one loop draw together, see :meth:`steps`.
    """

    seeds: Tensor
    path: tuple[str | int, ...] = ()
    series: _Series | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, seeds: int | Sequence[int] | Tensor, count: int | None = None) -> Rng:
        """Streams of the given seeds; with ``count``, of ``seed, seed + 1, …, seed + count - 1``."""
        if isinstance(seeds, int):
            seeds = range(seeds, seeds + (1 if count is None else count))
        if isinstance(seeds, Tensor):
            return cls(seeds.to(torch.int64))
        try:
            return cls(torch.tensor(list(seeds), dtype=torch.int64))
        except (OverflowError, ValueError, RuntimeError) as error:
            raise DomainInputError("is out of range", field="seed", expected="-2⁶³ to 2⁶³ - 1", got=seeds[0]) from error

    def at(self, *path: str | int) -> Rng:
        """The streams for one purpose or step; different paths never share noise."""
        return type(self)(self.seeds, self.path + path, self.series)

    def steps(self, count: int, *path: str | int) -> Rng:
        """As :meth:`at`, for a loop that will draw from ``at(0)``, ``at(1)``, … ``at(count - 1)`` of it in turn.

        The noise is the same. Where it is little, normal numbers of many steps are made at once, since most of a small
        draw's time goes into calls. They are kept as long as the loop's streams are.
        """
        path = self.path + path
        return type(self)(self.seeds, path, _Series(path, count))

    def split(self, count: int) -> Rng:
        """Streams of ``count`` particles of each sample, one after the other; the first is the sample's own."""
        own = self.seeds[:, None]
        others = torch.tensor([digest("split", i) for i in range(1, count)], dtype=torch.int64)
        seeds = torch.cat([own, mix64(own * _GAMMA + others)], dim=1)
        return type(self)(seeds.flatten(), self.path)

    def __getitem__(self, index: Tensor | slice) -> Rng:
        """The streams of some samples."""
        return type(self)(self.seeds[index], self.path)

    def __len__(self) -> int:
        return self.seeds.shape[0]

    def bits(self, positions: int | Tensor, device: torch.device | str | None = None) -> Tensor:
        """``[batch, count]`` uniform 64-bit integers.

        Arguments:
            positions: which numbers of the streams, int64 ``[count]``, not negative; or how many, from 0 on.
            device: where they are computed.
        """
        if _is_cpu(device):
            return torch.from_numpy(self._words(positions).view(np.int64))
        seeds = self.seeds.to(device)
        start, gamma = mix64(seeds * _GAMMA + torch.tensor(_purpose(*self.path), device=seeds.device)[:, None])
        gamma = gamma | 1
        if isinstance(positions, int):
            positions = torch.arange(positions, device=seeds.device)
        return mix64(start[:, None] + gamma[:, None] * (positions.to(seeds.device) + 1))

    def _words(self, positions: int | Tensor, paths: Sequence[tuple[str | int, ...]] = ()) -> cpunoise.Words:
        """:meth:`bits` on the CPU; those of several paths, if given, one after the other."""
        if isinstance(positions, int):
            counter = np.arange(1, positions + 1, dtype=np.uint64)
        else:
            counter = (positions + 1).cpu().numpy().view(np.uint64)
        return cpunoise.stream(self.seeds.cpu().numpy(), [_purpose(*path) for path in paths or (self.path,)], counter)

    def uniform(self, like: Tensor | None = None, shape: Sequence[int] | None = None) -> Tensor:
        """Uniform numbers on the open interval (0, 1).

        Arguments:
            like: a tensor ``[batch, …]`` that lends shape, device and dtype; or
            shape: the shape of one sample, for float64 on the CPU.
        """
        shape, device, dtype = self._target(like, shape)
        return self._unit(math.prod(shape), device).to(dtype).reshape(-1, *shape)

    def uniform_at(self, positions: Tensor) -> Tensor:
        """Uniform numbers of (0, 1) at given places of the streams: float64 ``[batch, *positions.shape]``.

        Arguments:
            positions: int64, not negative, on the device where the numbers are wanted; see :func:`numbered`.
        """
        return self._unit(positions.flatten(), positions.device).reshape(-1, *positions.shape)

    def _unit(self, positions: int | Tensor, device: torch.device | None) -> Tensor:
        """Float64 ``[batch, count]``."""
        if _is_cpu(device):
            return torch.from_numpy(cpunoise.unit(self._words(positions)))
        return (_shift(self.bits(positions, device), 12).double() + 0.5) * 2.0**-52

    def normal(self, like: Tensor | None = None, shape: Sequence[int] | None = None) -> Tensor:
        """Standard normal numbers (Box & Muller 1958); arguments as of :meth:`uniform`.

        Computed in float32, or in float64 where that is asked for; devices agree to rounding.
        """
        shape, device, dtype = self._target(like, shape)
        count = math.prod(shape)
        normals = self._normals((count + 1) // 2, device, dtype)
        if count % 2:
            normals = normals[:, :count]
        normals = normals.reshape(-1, *shape)
        return normals if normals.dtype == dtype else normals.to(dtype)

    def _normals(self, pairs: int | Tensor, device: torch.device | None, dtype: torch.dtype) -> Tensor:
        """``[batch, 2·count]``, two of every place of the streams: float32, or float64 if asked."""
        if not _is_cpu(device):
            return _box_muller(self.bits(pairs, device), dtype)
        if self.series is not None and isinstance(pairs, int):
            return torch.from_numpy(self.series.normals(self, pairs, dtype))
        return torch.from_numpy(cpunoise.box_muller(self._words(pairs), dtype))

    def normal_like(self, state: State) -> State:
        """Standard normal noise for every field of a state, zero in the padding.

        A sample gets the same noise whatever length it is padded to, along one masked axis or several.
        """
        if isinstance(state, Tensor):
            return self.normal(state)
        noise = {
            k: x if is_mask(k) else self.at("field", k)._normal_over(x, masked_axes(state, k)) for k, x in state.items()
        }
        return map_fields(lambda x: x, noise)

    def _normal_over(self, like: Tensor, axes: int) -> Tensor:
        """Standard normal numbers whose places do not depend on the lengths of the first ``axes`` axes."""
        if axes < 2:  # the first axis runs slowest, so that the order of the entries is that of any other length
            return self.normal(like)
        places = numbered(like.shape[1 : 1 + axes], like.device).flatten()
        inner = math.prod(like.shape[1 + axes :])
        pairs = (inner + 1) // 2
        each = (places[:, None] * pairs + torch.arange(pairs, device=like.device)).flatten()
        normals = self._normals(each, like.device, like.dtype).reshape(len(self), len(places), 2 * pairs)
        return normals[..., :inner].to(like.dtype).reshape(like.shape)

    def _target(
        self, like: Tensor | None, shape: Sequence[int] | None
    ) -> tuple[tuple[int, ...], torch.device | None, torch.dtype]:
        if like is not None:
            return like.shape[1:], like.device, like.dtype
        return tuple(shape or ()), None, torch.float64


TOGETHER = 2**14
"""How many numbers are made at once, at most, for steps that follow each other."""


@dataclass(frozen=True)
class _Series:
    """Normal numbers of the steps of one loop, those of the next few made at once: a draw is a function of its path.

    Arguments:
        path: of the loop; those of its steps begin with it and a number.
        count: of the steps.
        made: by what a step asks for, the number of a step, and what it and those that follow get.
    """

    path: tuple[str | int, ...]
    count: int
    made: dict[tuple[Any, ...], tuple[int, cpunoise.Numbers]] = field(default_factory=dict)

    def normals(self, rng: Rng, pairs: int, dtype: torch.dtype) -> cpunoise.Numbers:
        """``[batch, 2·pairs]``, the caller's own."""
        index, *purpose = rng.path[len(self.path) :] or (None,)
        together = TOGETHER // (2 * pairs * len(rng) or 1)
        if not isinstance(index, int) or not 0 <= index < self.count or together < 2:
            return cpunoise.box_muller(rng._words(pairs), dtype)
        key = (*purpose, pairs, dtype)
        first, block = self.made.get(key, (index, None))
        if block is None or not first <= index < first + len(block):
            last = self.count if key in self.made else index + 1  # what was asked for once may not be wanted again
            steps = range(index, min(index + together, last))
            words = rng._words(pairs, [(*self.path, step, *purpose) for step in steps])
            first, block = index, cpunoise.box_muller(words, dtype).reshape(len(steps), len(rng), -1)
            self.made[key] = first, block
        own: cpunoise.Numbers = block[index - first].copy()
        return own


def _is_cpu(device: torch.device | str | None) -> bool:
    return device is None or torch.device(device).type == "cpu"


def _box_muller(bits: Tensor, dtype: torch.dtype) -> Tensor:
    """Two normal numbers of every integer ``[batch, count]``: ``[batch, 2·count]``, float32, or float64 if asked."""
    work = torch.float64 if dtype == torch.float64 else torch.float32
    high, low = _shift(bits, 32).to(work), (bits & 0xFFFFFFFF).to(work)
    radius = high.add_(0.5).mul_(2.0**-32).log_().mul_(-2.0).sqrt_()
    angle = low.mul_(2.0 * math.pi * 2.0**-32)
    pairs = radius.new_empty(*radius.shape, 2)
    torch.mul(angle.cos(), radius, out=pairs[..., 0])
    torch.mul(angle.sin_(), radius, out=pairs[..., 1])
    return pairs.flatten(1)


def numbered(shape: Sequence[int], device: torch.device | str | None = None) -> Tensor:
    r"""A number for every position of a grid that does not depend on the grid's size: int64, of that shape.

    Positions are counted shell by shell of equal largest coordinate m (Rosenberg & Strong 1972; Szudzik 2017),

    .. math:: r_d(x_1, \dots, x_d) = r_{d-1}(x_1, \dots, x_{d-1}) + m^d + (m - x_d)((m+1)^{d-1} - m^{d-1}),

    so that a graph of n nodes has the same numbers among the pairs of n nodes as among those of more.
    """
    if not shape:
        return torch.zeros((), dtype=torch.int64, device=device)
    axes = torch.meshgrid(*(torch.arange(n, device=device) for n in shape), indexing="ij")
    number = largest = axes[0]
    for d, x in enumerate(axes[1:], start=2):
        largest = torch.maximum(largest, x)
        number = number + largest**d + (largest - x) * ((largest + 1) ** (d - 1) - largest ** (d - 1))
    return number


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's own generators, for what can use no other (initial weights, dropout); afterwards they are as before.

    Arguments:
        seed: a 64-bit integer.
        device: whose generator is seeded besides the CPU's. No other device's is touched.
    """
    generators = [torch.default_generator]
    if device is not None and device.type == "cuda":
        generators.append(torch.cuda.default_generators[device.index or torch.cuda.current_device()])
    states = [g.get_state() for g in generators]
    for generator in generators:
        generator.manual_seed(seed)
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def permutation(count: int, *key: str | int) -> Tensor:
    """A permutation of ``0 … count-1`` that depends on the key alone."""
    return Rng.of(digest(*key)).bits(count)[0].argsort()
