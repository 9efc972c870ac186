"""A codec that many domains can use as it is: arrays of one shape, whose entries may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from suffuse.domain import Codec, Item
from suffuse.errors import DataError, DomainInputError
from suffuse.rng import Rng
from suffuse.state import MASK, State

FIELD = "values"
"""The field of states that may lack entries."""


@dataclass(frozen=True)
class ArrayCodec(Codec):
    """Arrays ``[*axes, channels]`` of one shape; each channel has mean zero and variance one over the training data.

    Without gaps, states are bare tensors ``[batch, channels, *axes]``. With gaps, an entry that is NaN is missing:
    states have the field ``values`` and a ``mask`` of the same shape, true where an entry is there, so that what is
    missing is neither trained on (MissDiff, Ouyang et al. 2023) nor scored, and ``inpaint`` fills it.

    Where items are more than arrays, override :meth:`array` and :meth:`item`.

    Arguments:
        shape: of the arrays.
        mean, std: of each channel.
        gaps: whether entries may be missing.
    """

    shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    gaps: bool = False

    def array(self, item: Item) -> ArrayLike:
        """The array of an item; raises DomainInputError where it has none."""
        return item  # type: ignore[no-any-return]

    def item(self, array: NDArray[np.float64]) -> Item:
        """The item of an array: the inverse of :meth:`array`."""
        return array

    @classmethod
    def fit(cls, arrays: Iterable[ArrayLike], gaps: bool = False, **more: Any) -> Self:
        """Measure the arrays of the training items.

        Arguments:
            arrays: at least one; the first tells the shape.
            gaps: whether entries may be missing.
            more: what a codec derived from this one has besides.

        Raises:
            DataError: there is no array, or their channels differ.
        """
        shape: tuple[int, ...] = ()
        count, total, square, origin = np.zeros(()), np.zeros(()), np.zeros(()), np.zeros(())
        for array in arrays:
            values = np.asarray(array, dtype=np.float64)
            if not shape:  # about the first array's mean, where squares lose nothing to cancellation
                shape, origin = values.shape, np.nan_to_num(_mean(values, np.zeros(values.shape[-1:])))
            if values.ndim != len(shape) or values.shape[-1] != shape[-1]:
                raise DataError("differ in their channels", field="the training part", expected=shape, got=values.shape)
            rows = values.reshape(-1, shape[-1]) - origin
            here = ~np.isnan(rows)
            rows = np.where(here, rows, 0.0)
            count, total, square = count + here.sum(0), total + rows.sum(0), square + (rows**2).sum(0)
        if not shape:
            raise DataError("has no items", field="the training part", expected="at least one")
        mean = total / np.maximum(count, 1)
        std = np.sqrt(np.maximum(square / np.maximum(count, 1) - mean**2, 0.0))
        spread = np.where(std > 0.0, std, 1.0)  # a channel that never changes stays at its mean
        return cls(shape, tuple((origin + mean).tolist()), tuple(spread.tolist()), gaps, **more)

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        if not items:
            raise DomainInputError("is empty", field="items", expected="at least one item")
        arrays = np.stack([self._checked(item, number) for number, item in enumerate(items)])
        values = torch.from_numpy((arrays - self.mean) / self.std).float().movedim(-1, 1).contiguous()
        return {FIELD: values.nan_to_num(), MASK: ~values.isnan()} if self.gaps else values

    def decode(self, state: State) -> list[Item]:
        values = torch.where(state[MASK], state[FIELD], torch.nan) if isinstance(state, dict) else state
        arrays = values.detach().cpu().double().movedim(1, -1).numpy() * self.std + self.mean
        return [self.item(array) for array in arrays]

    def like(self, count: int, rng: Rng | None = None) -> State:
        values = torch.zeros(count, self.shape[-1], *self.shape[:-1])
        return {FIELD: values, MASK: torch.ones_like(values, dtype=torch.bool)} if self.gaps else values

    def known(self, items: Sequence[Item]) -> State | None:
        state = self.encode(items)
        return {FIELD: state[MASK]} if isinstance(state, dict) else None

    def merge(self, original: Item, made: Item, known: State) -> Item:
        given: Tensor = known[FIELD] if isinstance(known, dict) else known
        kept = given.expand(1, self.shape[-1], *self.shape[:-1])[0].movedim(0, -1).cpu().numpy()
        return self.item(np.where(kept, np.asarray(self.array(original)), np.asarray(self.array(made))))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        fields: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in data.items()}
        return cls(**fields)

    def _checked(self, item: Item, number: int) -> NDArray[np.float64]:
        try:
            values = np.asarray(self.array(item), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise self._refused(number, type(item).__name__) from error
        if values.shape != self.shape:
            raise self._refused(number, f"shape {list(values.shape)}")
        if np.isinf(values).any() or (np.isnan(values).any() and not self.gaps):
            raise self._refused(number, "numbers that are not finite")
        return values

    def _refused(self, number: int, got: str) -> DomainInputError:
        missing = ", NaN where one is missing" if self.gaps else ""
        expected = f"finite numbers of shape {list(self.shape)}{missing}"
        return DomainInputError("does not fit the model", field=f"items[{number}]", expected=expected, got=got)


def _mean(values: NDArray[np.float64], default: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each channel over what is there."""
    rows = values.reshape(-1, values.shape[-1])
    count = (~np.isnan(rows)).sum(0)
    return np.where(count > 0, np.nan_to_num(rows).sum(0) / np.maximum(count, 1), default)
