"""Which kind each column is, and the codec of a training table."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from suffuse.domain import Section
from suffuse.errors import DataError, DomainInputError, RecipeError, unknown_name
from suffuse_tabular.cells import DAY, is_number, is_text, is_time, numbers, plain, seconds
from suffuse_tabular.codec import RowsCodec
from suffuse_tabular.columns import Boolean, Category, Column, Datetime, LogTails, Number, Ordinal, Ranked
from suffuse_tabular.emptiness import WHOLE, Emptiness
from suffuse_tabular.rows import Rows

logger = logging.getLogger(__name__)

FEW = 20
"""A column of texts with more different ones than this may be one of identifiers."""

CYCLES = {"day": DAY, "week": 7 * DAY, "year": round(365.2425 * DAY)}
"""Periods of times, in seconds."""

NUMBERS: dict[str, type[Number] | type[Ranked]] = {"standard": Number, "logtails": LogTails, "quantile": Ranked}
"""How numbers are brought to mean zero and variance one."""


class Options(Section):
    """The ``codec`` section of a recipe.

    Arguments:
        layout: ``vector``, ``fields``, or ``auto``: fields where a column is of categories, else a vector. See
            :class:`suffuse_tabular.codec.RowsCodec`.
        numbers: how numbers are brought to mean zero and variance one: ``standard`` subtracts and divides,
            ``logtails`` does so and takes the logarithm of what is more than three deviations off, ``quantile`` takes
            their ranks, and those of times. For one column, ``quantile: [income]`` names it.
        quantile: columns whose ranks are taken, whatever ``numbers`` says.
        category: columns of numbers that are names of something, as postcodes.
        ordinal: columns of levels, each with these in their order: ``{size: [S, M, L]}``.
        ignore: columns that are left out.
        classes: of each category so many are kept, the most frequent; others are of one class together.
        cycles: periods of times that are entries of their own: ``[day, week, year]``.
        gaps: whether cells may be empty; left out, they may if training cells are.
        patterns: which cells of training rows are empty together, remembered for so many patterns, the most frequent:
            generated rows have these as often. 0: generated rows have no empty cells.
    """

    layout: Literal["vector", "fields", "auto"] = "auto"
    numbers: Literal["standard", "logtails", "quantile"] = "standard"
    quantile: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    ordinal: Mapping[str, tuple[str | int | float | bool, ...]] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    classes: int = Field(100, ge=1)
    cycles: tuple[Literal["day", "week", "year"], ...] = ()
    gaps: bool | None = None
    patterns: int = Field(1000, ge=0)


@dataclass(frozen=True)
class LeftOut:
    """A column that is no part of states, and why."""

    name: str
    why: str


def fit_codec(options: Options, rows: Rows) -> RowsCodec:
    """The codec of a training table.

    Raises:
        RecipeError: an option names a column that the table lacks.
        DataError: no column is left.
        DomainInputError: a column is of a type that has no place in a row of numbers and names, or holds a number that
            is not finite.
    """
    cells, fitted = rows.columns(), _fit_columns(options, rows)
    kept = [column for column in fitted if not isinstance(column, LeftOut)]
    if not kept:
        raise DataError("has no column that can be learnt from", field="the training part", got=", ".join(rows.names))
    layout = options.layout
    if layout == "auto":
        layout = "fields" if any(isinstance(column, Category) for column in kept) else "vector"
    if layout == "fields":
        kept = [_as_category(c, cells[c.name], options) if isinstance(c, Boolean) else c for c in kept]
    gaps = layout == "fields" or any(has_empty(cells[column.name]) for column in kept)
    if options.gaps is not None and layout == "vector":
        gaps = options.gaps
    left_out = tuple(c.name for c in fitted if isinstance(c, LeftOut))
    emptiness = WHOLE
    if gaps:
        empty = np.stack([is_empty(cells[column.name]) for column in kept], axis=1)
        emptiness = Emptiness.fit(empty, options.patterns)
    return RowsCodec(tuple(kept), layout, gaps, left_out, emptiness)


def left_out(options: Options, rows: Rows) -> tuple[str, ...]:
    """The columns that :func:`fit_codec` would leave out; why, the log tells.

    Raises:
        RecipeError, DomainInputError: as of :func:`fit_codec`.
    """
    return tuple(column.name for column in _fit_columns(options, rows) if isinstance(column, LeftOut))


def _fit_columns(options: Options, rows: Rows) -> list[Column | LeftOut]:
    _check_names(options, rows.names)
    fitted = [
        LeftOut(name, "") if name in options.ignore else fit_column(name, column, options)
        for name, column in rows.columns().items()
    ]
    for out in fitted:
        if isinstance(out, LeftOut) and out.why:
            logger.warning("the column %r is left out: %s", out.name, out.why)
    return fitted


def fit_column(name: str, cells: pa.Array, options: Options) -> Column | LeftOut:
    """One column, of the kind that the options or its cells tell."""
    cells = plain(cells)
    if cells.null_count == len(cells) or _all_nan(cells):
        return LeftOut(name, "it is empty")
    if name in options.ordinal:
        levels = tuple(_text(level) for level in options.ordinal[name])
        return _checked(Ordinal.fit(name, cells, levels), cells)
    if name in options.category:
        return _as_category(name, cells, options)
    if pa.types.is_boolean(cells.type):
        return Boolean.fit(name, cells)
    if is_number(cells.type):
        _require_finite(name, cells)
        kind = NUMBERS["quantile" if name in options.quantile else options.numbers]
        fitted: Column = kind.fit(name, cells)
        return fitted
    if is_time(cells.type):
        return _datetime(name, cells, options)
    if is_text(cells.type):
        return _of_texts(name, cells, options)
    raise DomainInputError(
        "is of a type that has no place in a row of numbers and names", field=f"column {name!r}", got=cells.type,
        expected="numbers, texts, truths, dates or times",
        fix=f"make columns of its parts, or leave it out: codec.ignore=[{name}]",
    )  # fmt: skip


def _datetime(name: str, cells: pa.Array, options: Options) -> Datetime:
    by_ranks = options.numbers == "quantile" or name in options.quantile
    return Datetime.fit(name, cells, [CYCLES[cycle] for cycle in options.cycles], by_ranks)


def _of_texts(name: str, cells: pa.Array, options: Options) -> Column | LeftOut:
    """Dates in ISO form, categories, or identifiers: where more than half of the cells are texts of their own."""
    if _are_dates(cells):
        return _datetime(name, cells, options)
    different = len(cells.drop_null().unique())
    if different > max(FEW, (len(cells) - cells.null_count) // 2):
        return LeftOut(
            name,
            f"{different} of its {len(cells) - cells.null_count} texts are different, as those of identifiers are"
            f" (codec.category=[{name}] keeps it, codec.ignore=[{name}] says so)",
        )
    return _as_category(name, cells, options)


def _as_category(column: Any, cells: pa.Array, options: Options) -> Category:
    name = column if isinstance(column, str) else column.name
    return Category.fit(name, cells, options.classes)


def _are_dates(cells: pa.Array) -> bool:
    """Whether all texts are dates or times in ISO form; the first few tell most columns that are not."""
    present = cells.drop_null()
    if not all(_is_date(cell) for cell in present[:10].to_pylist()):
        return False
    found = seconds(cells)
    return not bool(np.isinf(found).any())


def _is_date(text: str) -> bool:
    return len(text) >= 8 and text[:4].isdigit() and "-" in text[4:8]


def has_empty(cells: pa.Array) -> bool:
    """Whether a column has cells that are empty."""
    if cells.null_count:
        return True
    return pa.types.is_floating(cells.type) and bool(pc.any(pc.is_nan(cells)).as_py())


def is_empty(cells: pa.Array) -> NDArray[np.bool_]:
    """Which cells of a column are empty, ``[rows]``."""
    cells = plain(cells)
    found: NDArray[np.bool_] = cells.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    return found


def _all_nan(cells: pa.Array) -> bool:
    return pa.types.is_floating(cells.type) and bool(np.isnan(numbers(cells)).all())


def _require_finite(name: str, cells: pa.Array) -> None:
    wrong = np.flatnonzero(np.isinf(numbers(cells)))
    if len(wrong):
        raise DomainInputError(
            "holds a number that is not finite", field=f"column {name!r}", expected="finite numbers, or empty cells",
            got=f"{cells[int(wrong[0])].as_py()} in row {wrong[0]}", fix="take such rows out, or empty the cell",
        )  # fmt: skip


def _checked(column: Ordinal, cells: pa.Array) -> Ordinal:
    wrong = np.flatnonzero(np.isinf(column.raw(cells)[0]))
    if len(wrong):
        raise DomainInputError(
            "holds another level than those told", field=f"codec.ordinal.{column.name}", expected=column.expects,
            got=f"{cells[int(wrong[0])].as_py()!r} in row {wrong[0]}", fix="tell all levels, the lowest first",
        )  # fmt: skip
    return column


def _text(level: Any) -> str:
    return str(level).lower() if isinstance(level, bool) else str(level)


def _check_names(options: Options, names: list[str]) -> None:
    for field in ("quantile", "category", "ordinal", "ignore"):
        for name in getattr(options, field):
            if name not in names:
                raise unknown_name("column", name, names, RecipeError, field=f"codec.{field}")
