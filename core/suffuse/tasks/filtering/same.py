"""No item twice, and none that is known: ``unique`` and ``novel``."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from suffuse.domain import Item, Unreadable
from suffuse.errors import DomainInputError
from suffuse.filters import Filter
from suffuse.tasks.items import find_files
from suffuse.tasks.taking import taken_each
from suffuse.trained import Trained

AT_A_TIME = 4096
"""Items of a file that are held at once."""


@dataclass(frozen=True)
class Unseen:
    """Drops what it has seen.

    Arguments:
        model: tells by which key items are the same.
        seen: the keys of items before.
        reason: of a drop.
        learns: whether what passes is then seen, too.
    """

    model: Trained
    seen: frozenset[Hashable]
    reason: str
    learns: bool

    def judge(self, items: Sequence[Item]) -> tuple[Self, Sequence[str | None]]:
        new: set[Hashable] = set()
        reasons: list[str | None] = []
        for item in items:
            key = key_of(self.model, item)
            reasons.append(self.reason if key in self.seen or key in new else None)
            if self.learns:
                new.add(key)
        return (replace(self, seen=self.seen | new) if new else self), reasons


def unique(model: Trained) -> Filter:
    """No item twice."""
    return Unseen(model, frozenset(), "was made before", learns=True)


def novel(model: Trained, path: str) -> Filter:
    """No item that is known.

    Arguments:
        model: whose domain reads the known items.
        path: a file, a folder or a pattern of these; items that cannot be read are passed over.

    Raises:
        DataError: there is no such file, or the domain does not read it.
    """
    files = find_files(model, [path])
    batches = (b for file in files for b in taken_each(model, model.domain.batches(file, AT_A_TIME), None))
    items = (item for batch in batches for item in batch if not isinstance(item, Unreadable))
    return Unseen(model, frozenset(key_of(model, item) for item in items), "is known", learns=False)


def key_of(model: Trained, item: Item) -> Hashable:
    """What two items share that are the same: the codec's key, the domain's, or else a digest of the state.

    An item that has no state, as one that is broken, is the same as none but itself.
    """
    for key in (model.codec.key(item), model.domain.key(item)):
        if key is not None:
            return key
    try:
        state = model.codec.encode([item])
    except DomainInputError:
        return object()
    named = {"": state} if isinstance(state, Tensor) else state
    digest = hashlib.blake2b(digest_size=16)
    for name, value in named.items():
        digest.update(f"{name}{tuple(value.shape)}".encode())
        digest.update((value + 0 if value.is_floating_point() else value).numpy().tobytes())  # -0 is 0
    return digest.digest()
