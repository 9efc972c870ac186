"""Batches as a pure function of the step, prepared ahead by threads.

The data order is one endless sequence of permutations, each keyed by ``(seed, epoch)``. Step k takes the k-th slice
of it, and rank r its r-th part, so that a resumed run needs no loader state and sees what it would have seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from suffuse.conditions import Condition, ConditionSpace, encode_conditions
from suffuse.domain import Codec, Dataset, Example
from suffuse.rng import Rng, permutation
from suffuse.state import State


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
    return [int(_epoch(count, seed, (start + i) // count)[(start + i) % count]) for i in range(size)]


def encode(examples: Sequence[Example], codec: Codec, space: ConditionSpace, rng: Rng | None = None) -> Batch:
    """Examples as tensors, augmented if streams are given."""
    values = {name: [e.conditions.get(name) for e in examples] for name in space}
    return Batch(codec.encode([e.item for e in examples], rng), encode_conditions(space, values, len(examples)))


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
        examples = [self.dataset[i] for i in indices(len(self.dataset), self.seed, start, self.size)]
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
