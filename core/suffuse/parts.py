"""The named parts of an item, as entries of its state: the columns of a row, the channels of a recording."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from suffuse.errors import DomainInputError, unknown_name
from suffuse.state import State, fields, map_fields


@dataclass(frozen=True, eq=False)
class Parts:
    """Which entry of a state is of which part.

    Arguments:
        names: of the parts, each once.
        ids: the part of each entry by its place among the names, −1 for none: int64, a batch of one that broadcasts
            over the fields of states; that of a categorical field is without the axis of its classes.
        classes: of parts that are one of several classes, by name, what these are called, in the order of the part's
            entries, or of a categorical field's last axis; ``None`` is the one for all that training data did not have.
            Of a field that is not categorical the part's entries are then one-hot but for scale.
    """

    names: tuple[str, ...]
    ids: State
    classes: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise DomainInputError("are not told apart", field="Parts.names", expected="each name once", got=self.names)

    def index(self, name: str) -> int:
        """The place of a part among the names.

        Raises:
            DomainInputError: there is none of this name; the nearest is told.
        """
        if name not in self.names:
            raise unknown_name("part", name, self.names, DomainInputError, field="fill")
        return self.names.index(name)

    def held(self, part: int, state: State, categorical: Collection[str]) -> dict[str, Tensor]:
        """Which entries of a state a part holds: bool, broadcasting over every field by name.

        Arguments:
            part: its place among the names.
            state: of a batch.
            categorical: the fields whose last axis is that of classes.
        """
        return {name: ids == part for name, ids in self._over(state, categorical).items()}

    def summed(self, entries: State, categorical: Collection[str]) -> Tensor:
        """Numbers of entries summed over each part: float64 ``[batch, parts]`` on the CPU.

        Arguments:
            entries: a number for each entry, 0 in the padding; of a categorical field ``[batch, *positions, 1]``.
            categorical: as for :meth:`held`.
        """
        ids = self._over(entries, categorical)
        total = torch.zeros(0, dtype=torch.float64)
        for name, value in fields(map_fields(lambda x: x, entries)):
            flat = value.double().cpu().flatten(1)
            places = ids[name].cpu().expand(1, *value.shape[1:]).flatten()
            if not len(total):
                total = torch.zeros(len(flat), len(self.names), dtype=torch.float64)
            total.index_add_(1, places[places >= 0], flat[:, places >= 0])
        return total

    def _over(self, state: State, categorical: Collection[str]) -> dict[str, Tensor]:
        """The ids of every field by name, with an axis for its classes where it has one."""
        ids = dict(fields(self.ids))
        return {
            name: (ids[name][..., None] if name in categorical else ids[name]).to(value.device)
            for name, value in fields(state)
        }
