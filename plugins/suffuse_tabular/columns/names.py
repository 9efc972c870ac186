"""Columns of names: truths, categories, and levels in an order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from suffuse_tabular.cells import Floats, category_type, present, texts, truths
from suffuse_tabular.columns.base import Standardized, mean_and_scale


@dataclass(frozen=True)
class Boolean:
    """A column of yes and no, as one number.

    Arguments:
        share: of the training cells that are true.
    """

    name: str
    share: float
    kind: ClassVar[str] = "boolean"
    expects: ClassVar[str] = "true or false"

    @classmethod
    def fit(cls, name: str, cells: pa.Array) -> Boolean:
        return cls(name, float(present(truths(cells)).mean()))

    @property
    def means(self) -> tuple[float, ...]:
        return (self.share,)

    @property
    def scales(self) -> tuple[float, ...]:
        return (math.sqrt(self.share * (1.0 - self.share)) or 1.0,)

    def raw(self, cells: pa.Array) -> Floats:
        return truths(cells)[None]

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        return pa.array(raw[0] > 0.5, mask=~there)


@dataclass(frozen=True)
class Category:
    """A column of categories, one-hot, and one class more for all that are not among them.

    Arguments:
        classes: as text, the most frequent first.
        frequencies: of the classes and, last, of all others; all positive, their sum is one.
        rest: what a cell of another category is decoded to: the most frequent of those that the training data have
            besides ``classes``, or of all where they have none.
        type: arrow's name of the cells' type.
    """

    name: str
    classes: tuple[str, ...]
    frequencies: tuple[float, ...]
    rest: str
    type: str = "string"
    kind: ClassVar[str] = "category"
    expects: ClassVar[str] = "a category"

    @classmethod
    def fit(cls, name: str, cells: pa.Array, most: int) -> Category:
        """Arguments: ``most``: classes that are kept; what is rarer is of the class of all others."""
        counted = texts(cells, kept := category_type(cells.type)).drop_null().value_counts()
        pairs = [(pair["values"], pair["counts"]) for pair in counted.to_pylist()]
        ranked = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
        seen, others = ranked[:most], ranked[most:]
        counts = np.array([count for _, count in seen] + [sum(count for _, count in others) or 0.5])
        shares = counts / counts.sum()
        rest = others[0][0] if others else ranked[0][0]
        return cls(name, tuple(text for text, _ in seen), tuple(shares.tolist()), rest, kept)

    @property
    def means(self) -> tuple[float, ...]:
        return self.frequencies

    @property
    def scales(self) -> tuple[float, ...]:
        """One for all entries: together they have the variance of one number, however many classes there are."""
        return (math.sqrt(1.0 - sum(f * f for f in self.frequencies)),) * len(self.frequencies)

    def raw(self, cells: pa.Array) -> Floats:
        classes = self.indices(cells)
        entries: Floats = (np.arange(len(self.frequencies))[:, None] == classes).astype(np.float64)
        entries[:, classes < 0] = np.nan
        return entries

    def indices(self, cells: pa.Array) -> NDArray[np.int64]:
        """The class of each cell, the last for one that is unknown, and −1 for none: ``[rows]``."""
        told = texts(cells, self.type)
        found = pc.fill_null(pc.index_in(told, self._classes), len(self.classes)).to_numpy(zero_copy_only=False)
        there = told.is_valid().to_numpy(zero_copy_only=False)
        result: NDArray[np.int64] = np.where(there, found, -1).astype(np.int64)
        return result

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        chosen = np.where(raw[:-1].max(0, initial=-np.inf) > raw[-1], raw[:-1].argmax(0), len(self.classes))
        known = pa.array([*self.classes, self.rest], pa.string())
        made = known.take(pa.array(chosen, mask=~there))
        return made.cast(pa.type_for_alias(self.type))

    @cached_property
    def _classes(self) -> pa.Array:
        return pa.array(self.classes, pa.string())


@dataclass(frozen=True)
class Ordinal(Standardized):
    """A column of levels in an order, as a number: the first is 0.

    Arguments:
        levels: as text, from the lowest to the highest.
        type: arrow's name of the cells' type.
    """

    levels: tuple[str, ...]
    type: str = "string"
    kind: ClassVar[str] = "ordinal"

    @classmethod
    def fit(cls, name: str, cells: pa.Array, levels: Sequence[str]) -> Ordinal:
        made = cls(name, 0.0, 1.0, tuple(levels), category_type(cells.type))
        found = made.raw(cells)[0]
        mean, scale = mean_and_scale(found[np.isfinite(found)])
        return replace(made, mean=mean, scale=scale)

    @property
    def expects(self) -> str:
        return f"one of {', '.join(self.levels)}"

    def raw(self, cells: pa.Array) -> Floats:
        told = texts(cells, self.type)
        found = pc.index_in(told, self._levels).cast(pa.float64()).to_numpy(zero_copy_only=False)
        there = told.is_valid().to_numpy(zero_copy_only=False)
        entries: Floats = np.where(there & np.isnan(found), np.inf, found)
        return entries[None]

    def cells(self, raw: Floats, there: NDArray[np.bool_]) -> pa.Array:
        chosen = np.clip(np.rint(raw[0]), 0, len(self.levels) - 1).astype(np.int64)
        return self._levels.take(pa.array(chosen, mask=~there)).cast(pa.type_for_alias(self.type))

    @cached_property
    def _levels(self) -> pa.Array:
        return pa.array(self.levels, pa.string())
