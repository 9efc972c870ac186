"""How odd items are: what scoring gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from suffuse.errors import DomainInputError
from suffuse.files import write_rows


@dataclass(frozen=True, eq=False)
class Scores:
    """How odd items are. The tensors are what is held; lists of them are made when they are asked for.

    Arguments:
        value: float64 ``[count]``, higher is odder; in the order of the items.
        figure: float64 ``[count, labels]``, what the statistic combined.
        p: float64 ``[count]``, the share of reference items that are at least as odd; ``None`` without a reference.
        called: what each item is called, a text or its number.
        labels: of the figures.
        statistic: its name.
        units: of the values.
        highest: float64 ``[count]``, where items have windows the highest value of one of them, of which ``value`` is
            the mean; else ``None``.
        at: float64 ``[count]``, where this window begins; of windows that are scored apart, where each of them does.
    """

    value: Tensor
    figure: Tensor
    p: Tensor | None
    called: Sequence[str | int]
    labels: tuple[str, ...]
    statistic: str
    units: str
    highest: Tensor | None = None
    at: Tensor | None = None

    def __len__(self) -> int:
        return len(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scores) and self._told() == other._told()

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def values(self) -> list[float]:
        """Higher is odder; in the order of the items."""
        listed: list[float] = self.value.tolist()
        return listed

    @cached_property
    def figures(self) -> list[list[float]]:
        """What the statistic combined: for each item, a number for each of ``labels``."""
        listed: list[list[float]] = self.figure.tolist()
        return listed

    @cached_property
    def p_values(self) -> list[float] | None:
        """The share of reference items that are at least as odd; ``None`` without a reference."""
        return None if self.p is None else self.p.tolist()

    @cached_property
    def names(self) -> list[str]:
        """What each item is called; its number, unless told otherwise."""
        return [str(name) for name in self.called]

    @property
    def oddest_first(self) -> list[int]:
        """The items' numbers, the oddest first."""
        order: list[int] = self.value.argsort(descending=True, stable=True).tolist()
        return order

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each item, in their order: name, score, p-value where known, the oddest window, the figures."""
        told = {"score": self.value, "p": self.p, "highest": self.highest, "at": self.at}
        columns = {name: cells.tolist() for name, cells in told.items() if cells is not None}
        for i, name in enumerate(self.names):
            figures = dict(zip(self.labels, self.figures[i], strict=True))
            yield {"item": name, **{key: cells[i] for key, cells in columns.items()}, **figures}

    def _told(self) -> tuple[Any, ...]:
        peaks = None if self.highest is None or self.at is None else (self.highest.tolist(), self.at.tolist())
        return self.values, self.figures, self.p_values, self.names, self.labels, self.statistic, self.units, peaks


def joined(parts: Iterable[Scores], names: Sequence[str] | None = None) -> Scores:
    """The scores of all batches.

    Arguments:
        parts: as :func:`suffuse.tasks.score.stream` gives them.
        names: what to call the items.

    Raises:
        DomainInputError: there is no item, or there are more or fewer names than items.
    """
    batches = list(parts)
    if not batches:
        raise DomainInputError("is empty", field="items", expected="at least one item")
    first, count = batches[0], sum(map(len, batches))
    if names is not None and len(names) != count:
        raise DomainInputError("has another length", field="names", expected=count, got=len(names))
    return Scores(
        torch.cat([batch.value for batch in batches]),
        torch.cat([batch.figure for batch in batches]),
        _whole([batch.p for batch in batches]),
        [name for batch in batches for name in batch.called] if names is None else list(names),
        first.labels,
        first.statistic,
        first.units,
        _whole([batch.highest for batch in batches]),
        _whole([batch.at for batch in batches]),
    )


def _whole(parts: Sequence[Tensor | None]) -> Tensor | None:
    told = [part for part in parts if part is not None]
    return torch.cat(told) if told else None


def write_csv(scores: Scores, path: str | Path) -> None:
    """Write scores to a CSV file, the oddest first; it appears whole or not at all."""
    rows = list(scores.rows())
    write_rows(path, [rows[i] for i in scores.oddest_first], list(rows[0]))
