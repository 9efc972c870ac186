"""Batches as a pure function of the step, prepared ahead by threads or once for all.

The data order is one endless sequence of permutations, each keyed by ``(seed, epoch)``. Step k takes the k-th slice
of it, and rank r its r-th part, so that a resumed run needs no loader state and sees what it would have seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import torch
from torch import Tensor

from suffuse.conditions import Condition, ConditionSpace, encode_conditions, take_conditions
from suffuse.domain import Codec, Dataset, Examples, examples_at
from suffuse.rng import Rng, permutation
from suffuse.state import State, take


@dataclass(frozen=True)
class Batch:
    """Encoded examples."""

    x0: State
    conditions: dict[str, Condition]


@lru_cache(maxsize=4)
def _epoch(count: int, seed: int, epoch: int) -> Tensor:
    return permutation(count, "order", seed, epoch)


def indices(count: int, seed: int, start: int, size: int) -> list[int]:
    """Positions ``start … start + size - 1`` of the endless order over ``count`` examples."""
    epochs = range(start // count, (start + size - 1) // count + 1)
    order = torch.cat([_epoch(count, seed, epoch) for epoch in epochs])
    first = start % count
    found: list[int] = order[first : first + size].tolist()
    return found


def encode(examples: Examples, codec: Codec, space: ConditionSpace, rng: Rng | None = None) -> Batch:
    """Examples as tensors, augmented if streams are given."""
    values = {name: x for name, x in examples.conditions.items() if name in space}
    return Batch(codec.encode(examples.items, rng), encode_conditions(space, values, len(examples)))


class Source(Protocol):
    """Where a trainer gets its batches."""

    def since(self, index: int) -> Iterator[Batch]:
        """All batches of this process from ``index`` on."""
        ...


@dataclass(frozen=True)
class Batches:
    """The batches of one process.

    Arguments:
        dataset: the training part.
        codec: encodes it.
        space: the model's conditions.
        size: examples in one batch of one process.
        seed: keys the order and the augmentation.
        rank: this process among ``world``.
        workers: threads that prepare batches ahead.
    """

    dataset: Dataset
    codec: Codec
    space: ConditionSpace
    size: int
    seed: int
    rank: int = 0
    world: int = 1
    workers: int = 1

    def at(self, index: int) -> Batch:
        """The ``index``-th batch of this process."""
        start = (index * self.world + self.rank) * self.size
        examples = examples_at(self.dataset, indices(len(self.dataset), self.seed, start, self.size))
        rng = Rng.of(range(start, start + self.size)).at("augment", self.seed)
        return encode(examples, self.codec, self.space, rng)

    def since(self, index: int) -> Iterator[Batch]:
        """All batches from ``index`` on, each prepared while the one before is used."""
        with ThreadPoolExecutor(self.workers, thread_name_prefix="suffuse-batches") as pool:
            ahead: deque[Future[Batch]] = deque(pool.submit(self.at, index + k) for k in range(self.workers + 1))
            index += self.workers + 1
            try:
                while True:
                    batch = ahead.popleft().result()
                    ahead.append(pool.submit(self.at, index))
                    index += 1
                    yield batch
            finally:
                for future in ahead:
                    future.cancel()


@dataclass(frozen=True)
class Kept:
    """The same batches but for augmentation, of which there is none: the data set is encoded once and kept.

    Arguments:
        batches: says which.
    """

    batches: Batches

    @cached_property
    def whole(self) -> Batch:
        """The data set."""
        everything = examples_at(self.batches.dataset, range(len(self.batches.dataset)))
        return encode(everything, self.batches.codec, self.batches.space)

    def since(self, index: int) -> Iterator[Batch]:
        """All batches of this process from ``index`` on."""
        count, size = len(self.batches.dataset), self.batches.size
        while True:
            start = (index * self.batches.world + self.batches.rank) * size
            rows = torch.tensor(indices(count, self.batches.seed, start, size))
            yield Batch(take(self.whole.x0, rows), take_conditions(self.whole.conditions, rows))
            index += 1


def make_source(batches: Batches, keep: bool) -> Source:
    """Batches encoded as they are needed, or once for all (``train.keep``)."""
    return Kept(batches) if keep else batches
