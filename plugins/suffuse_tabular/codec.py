"""Rows to states and back, column by column but never row by row."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from suffuse.domain import Categories, Codec, Item
from suffuse.errors import DomainInputError
from suffuse.parts import Parts
from suffuse.rng import Rng
from suffuse.state import MASK, State
from suffuse_tabular.cells import Floats
from suffuse_tabular.columns import Boolean, Category, Column, Number, from_json, to_json
from suffuse_tabular.emptiness import WHOLE, Emptiness, Truths
from suffuse_tabular.entrance import NumbersEntrance
from suffuse_tabular.packed import Packed
from suffuse_tabular.rows import Rows

logger = logging.getLogger(__name__)

Layout = Literal["vector", "fields"]

VALUES = "values"
"""The field of vectors that may lack entries."""

NUMBERS = "numbers"
"""The field of all columns that are no categories, where these are fields of their own."""


@dataclass(frozen=True)
class RowsCodec(Codec):
    """States in one of two layouts.

    ``vector``: the entries of all columns side by side, ``[batch, entries]``; where cells may be empty the field
    ``values`` and its mask of the same shape. Categories are one-hot, and all noise is Gaussian.

    ``fields``: the field ``numbers`` with a mask of its shape, of all columns but the categories; these are fields of
    their own, one-hot ``[batch, classes]`` with a mask ``[batch, 1]``, whose noise is categorical.

    Every entry of a number has mean zero and variance one over the training data. A category's entries have the
    variance one together, so that a column weighs as much as any other, however many classes it has.

    Arguments:
        columns: fitted, in the order of the training table.
        layout: see above.
        gaps: whether cells may be empty; with ``fields`` they may always be.
        left_out: columns of the training table that are no part of states; rows may have them or not.
        emptiness: which cells of made rows are empty.
    """

    columns: tuple[Column, ...]
    layout: Layout = "vector"
    gaps: bool = False
    left_out: tuple[str, ...] = ()
    emptiness: Emptiness = WHOLE

    # --- what it consists of ----------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def packed(self) -> Packed:
        """The columns that lie side by side in one tensor."""
        return Packed(tuple(c for c in self.columns if c.name not in self.fields))

    @cached_property
    def fields(self) -> Mapping[str, tuple[str, Category]]:
        """By column, the categories that are fields of their own, each with the field's name."""
        if self.layout == "vector":
            return {}
        taken = {NUMBERS, MASK, *self.names}
        return {c.name: (_field(c.name, i, taken), c) for i, c in enumerate(self.columns) if isinstance(c, Category)}

    # --- the contract of a codec ------------------------------------------------------------------------------------

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        rows = self.rows(items)
        cells = rows.columns()
        raw = self.packed.raw(cells)
        there = np.isfinite(raw)
        if not there.all():
            there = ~np.isnan(raw)
            self._refuse(cells, raw)
        values = torch.from_numpy(self.packed.standardized(raw, there))
        if self.layout == "vector":
            return {VALUES: values, MASK: torch.from_numpy(np.ascontiguousarray(there.T))} if self.gaps else values
        state: dict[str, Tensor] = {}
        if self.packed.columns:
            state |= {NUMBERS: values, f"{NUMBERS}.{MASK}": torch.from_numpy(np.ascontiguousarray(there.T))}
        for name, (field, column) in self.fields.items():
            classes = column.indices(cells[name])
            one_hot = (classes[:, None] == np.arange(len(column.frequencies))).astype(np.float32)
            state |= {field: torch.from_numpy(one_hot), f"{field}.{MASK}": torch.from_numpy(classes[:, None] >= 0)}
        return state

    def faults(self, items: Sequence[Item]) -> dict[int, DomainInputError]:
        """Which rows cannot be encoded, by place, and why.

        Raises:
            DomainInputError: none can, for a column is missing.
        """
        cells = self.rows(items).columns()
        wrong = self._wrong(self.packed.raw(cells))
        places = np.flatnonzero(wrong.any(0)).tolist()
        return {place: self._fault(cells, int(wrong[:, place].argmax()), place) for place in places}

    def decode(self, state: State) -> list[Item]:
        return list(self.decode_rows(state))

    def decode_rows(self, state: State) -> Rows:
        """As :meth:`decode`, in columns."""
        arrays: dict[str, pa.Array] = {}
        if self.packed.columns:
            values, mask = (
                (state, None)
                if isinstance(state, Tensor)
                else (state[VALUES], state[MASK])
                if self.layout == "vector"
                else (state[NUMBERS], state[f"{NUMBERS}.{MASK}"])
            )
            arrays |= self.packed.cells(_numpy(values), None if mask is None else mask.cpu().numpy().T)
        for name, (field, column) in self.fields.items():
            assert isinstance(state, dict)
            arrays[name] = column.cells(_numpy(state[field]), state[f"{field}.{MASK}"][:, 0].cpu().numpy())
        return Rows(pa.table({name: arrays[name] for name in self.names}))

    def like(self, count: int, rng: Rng | None = None) -> State:
        return self.like_under({}, count, rng)

    def like_under(self, conditions: Mapping[str, Sequence[Any]], count: int, rng: Rng | None = None) -> State:
        """Zeros, and which cells are there: all without streams, else as in training rows that have what is asked."""
        there = np.zeros((count, len(self.columns)), dtype=bool)
        for place, name in enumerate(self.names):
            there[:, place] = [value is not None for value in conditions.get(name, ())] or False
        if rng is None:
            there[:] = True
        elif self.layout == "fields" or self.gaps:
            there = self.emptiness.drawn(rng.at("empty").uniform(shape=()).numpy(), there)
        return self._blank(there)

    def _blank(self, there: Truths) -> State:
        """Zeros, masked where a cell is not there: bool ``[rows, columns]``."""
        by_name = dict(zip(self.names, torch.from_numpy(there).unbind(1), strict=True))
        values = torch.zeros(len(there), self.packed.size)
        masks = [by_name[c.name] for c, part in self.packed.parts for _ in range(part.start, part.stop)]
        mask = torch.stack(masks, dim=1) if masks else values.bool()
        if self.layout == "vector":
            return {VALUES: values, MASK: mask} if self.gaps else values
        state: dict[str, Tensor] = {NUMBERS: values, f"{NUMBERS}.{MASK}": mask} if self.packed.columns else {}
        for name, (alone, column) in self.fields.items():
            state[alone] = torch.zeros(len(there), len(column.frequencies))
            state[f"{alone}.{MASK}"] = by_name[name][:, None]
        return state

    def categorical(self) -> Mapping[str, Categories]:
        return {field: Categories(column.frequencies) for field, column in self.fields.values()}

    def parts(self) -> Parts:
        """The columns."""
        order = {name: place for place, name in enumerate(self.names)}
        packed = torch.tensor([order[c.name] for c, part in self.packed.parts for _ in range(part.start, part.stop)])
        classes = {c.name: (*c.classes, None) for c in self.columns if isinstance(c, Category)}
        if self.layout == "vector":
            return Parts(self.names, {VALUES: packed[None]} if self.gaps else packed[None], classes)
        numbers: dict[str, Tensor] = {NUMBERS: packed[None]} if self.packed.columns else {}
        ids = numbers | {f: torch.tensor([order[name]]) for name, (f, _) in self.fields.items()}
        return Parts(self.names, ids, classes)

    def known(self, items: Sequence[Item]) -> State | None:
        if self.layout == "vector" and not self.gaps:
            return None
        state = self.encode(items)
        assert isinstance(state, dict)
        if self.layout == "vector":
            return {VALUES: state[MASK]}
        numbers = {NUMBERS: state[f"{NUMBERS}.{MASK}"]} if self.packed.columns else {}
        return numbers | {field: state[f"{field}.{MASK}"][:, 0] for field, _ in self.fields.values()}

    def merge(self, original: Item, made: Item, known: State) -> Item:
        told = {VALUES: known} if isinstance(known, Tensor) else known
        kept = told.get(VALUES, told.get(NUMBERS, torch.ones(1, 0)))
        entire = {column.name: bool(kept[0, part].all()) for column, part in self.packed.parts}
        entire |= {name: bool(told[field].all()) for name, (field, _) in self.fields.items()}
        return {**original, **{name: made[name] for name in self.names if not entire[name]}}

    def as_module(self) -> NumbersEntrance | None:
        """Where all columns are numbers, told as they are, or yes (1) and no (0)."""
        plain = [column for column in self.columns if isinstance(column, Number | Boolean)]
        if self.layout != "vector" or len(plain) < len(self.columns):
            return None
        return NumbersEntrance(plain, VALUES if self.gaps else None)

    def to_json(self) -> dict[str, Any]:
        columns = [to_json(column) for column in self.columns]
        told = {"columns": columns, "layout": self.layout, "gaps": self.gaps, "left_out": list(self.left_out)}
        return {**told, "emptiness": self.emptiness.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RowsCodec:
        """The inverse of :meth:`to_json`."""
        columns = tuple(from_json(column) for column in data["columns"])
        emptiness = Emptiness.from_json(data["emptiness"]) if "emptiness" in data else WHOLE
        return cls(columns, data["layout"], data["gaps"], tuple(data["left_out"]), emptiness)

    # --- what it takes ----------------------------------------------------------------------------------------------

    def rows(self, items: Sequence[Item]) -> Rows:
        """Items as rows that have all columns; those that no column of the model's is are passed over.

        Raises:
            DomainInputError: they are no rows, or a column is missing.
        """
        rows = Rows.of(items)
        names = set(rows.names)
        missing = [name for name in self.names if name not in names]
        extra = tuple(name for name in rows.names if name not in self._known_names)
        if missing:
            raise DomainInputError(
                f"{'lack the column' if len(missing) == 1 else 'lack the columns'} {_listed(missing)}", field="items",
                expected=_listed(self.names), got=_listed(rows.names),
                fix=f"among the others may be the same by another name: {_listed(extra)}" if extra else None,
            )  # fmt: skip
        if extra:
            _tell_extra(extra)
        return rows

    @cached_property
    def _known_names(self) -> frozenset[str]:
        return frozenset((*self.names, *self.left_out))

    def _refuse(self, cells: Mapping[str, pa.Array], raw: Floats) -> None:
        """Raise the first fault, if there is one."""
        wrong = self._wrong(raw)
        if wrong.any():
            place = int(wrong.any(0).argmax())
            raise self._fault(cells, int(wrong[:, place].argmax()), place)

    def _wrong(self, raw: Floats) -> NDArray[np.bool_]:
        """Which entries cannot be taken ``[entries, rows]``: no numbers, and where no cell may be empty, empty ones."""
        empty_too = self.layout == "vector" and not self.gaps
        return ~np.isfinite(raw) if empty_too else np.isinf(raw)

    def _fault(self, cells: Mapping[str, pa.Array], entry: int, place: int) -> DomainInputError:
        column = self.packed.owner(entry)
        got = cells[column.name][place].as_py()
        if got is None or got != got:
            return DomainInputError(
                f"has nothing in the column {column.name!r}", field=f"items[{place}]", expected=column.expects,
                got="an empty cell", fix="fill it in, or train with codec.gaps=true",
            )  # fmt: skip
        return DomainInputError(
            f"has something else in the column {column.name!r}", field=f"items[{place}]", expected=column.expects,
            got=repr(got)[:80],
        )  # fmt: skip


def _numpy(values: Tensor) -> Floats:
    """Entries ``[entries, rows]``, float64."""
    turned: Floats = values.detach().cpu().double().numpy().T
    return turned


def _field(name: str, place: int, taken: set[str]) -> str:
    """What the field of a column is called: as the column, where that can be a field's name."""
    if name.isidentifier() and name not in (NUMBERS, MASK):
        return name
    field = f"column_{place}"
    while field in taken:
        field += "_"
    return field


def _listed(names: Sequence[str], most: int = 12) -> str:
    told = ", ".join(map(repr, names[:most]))
    return f"{told} and {len(names) - most} more" if len(names) > most else told or "none"


@lru_cache(maxsize=64)
def _tell_extra(names: tuple[str, ...]) -> None:
    """Tell once what is passed over."""
    logger.warning("the model knows nothing of the columns %s, and passes over them", _listed(names))
