"""What an item's oddness is measured by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.domain import Item
from suffuse.state import State, map_fields, masked_sum, over_batch
from suffuse.trained import Trained

Asked = Mapping[str, Sequence[Any]]
"""Conditions by name: values that are dealt out to items in turn."""


@runtime_checkable
class Statistic(Protocol):
    """A measure of oddness; frozen. Every item is measured with the same noise, so that items can be compared."""

    @property
    def name(self) -> str:
        """How a person asks for it."""
        ...

    @property
    def needs_reference(self) -> bool:
        """Whether it has no meaning without items that are known to be usual."""
        ...

    def units(self, calibrated: bool) -> str:
        """What one of it is, with a reference or without."""
        ...

    def labels(self, model: Trained) -> tuple[str, ...]:
        """What the columns of :meth:`measure` are, for listings."""
        ...

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        """Figures of clean states, float64 ``[batch, columns]`` on the CPU."""
        ...

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        """One value for each item.

        Arguments:
            figures: ``[batch, columns]``.
            usual: those of the reference items ``[count, columns]``, if there are any.
        """
        ...


@runtime_checkable
class Telling(Statistic, Protocol):
    """A statistic that tells what each entry of a state adds to its score."""

    def contributions(self, model: Trained, x: State, given: Conditions) -> State:
        """Shares of the score: float64, shaped like the states, at least 0, and 1 in sum over an item.

        An entry that is a class has one number, ``[batch, *positions, 1]``.
        """
        ...


@runtime_checkable
class Judging(Statistic, Protocol):
    """A statistic that asks several models, each with a codec of its own, and so needs the items themselves."""

    def judge(self, model: Trained, items: Sequence[Item], numbers: Sequence[int], asked: Asked) -> Tensor:
        """As :meth:`~Statistic.measure`, of items.

        Arguments:
            model: with the models of its panel.
            items: at least one.
            numbers: of the items in the run, by which conditions are dealt out.
            asked: the conditions under which items are scored, by name: values that are dealt out in turn.
        """
        ...

    def blame(
        self, model: Trained, items: Sequence[Item], numbers: Sequence[int], asked: Asked, usual: Tensor | None
    ) -> State:
        """As :meth:`Telling.contributions`, of items: shaped like the model's own states.

        Arguments:
            model, items, numbers, asked: as for :meth:`judge`.
            usual: what :meth:`judge` says of reference items, if there are any.
        """
        ...


def shares(entries: State) -> State:
    """What entries add to a sum of 1 over each item; where all add nothing, its real entries add alike."""
    total = masked_sum(entries)
    real = masked_sum(map_fields(torch.ones_like, entries))
    even = (total == 0.0).double() / real.clamp_min(1.0)
    scale = 1.0 / torch.where(total == 0.0, 1.0, total)
    return map_fields(lambda x: x * over_batch(scale, x) + over_batch(even, x), entries)
