"""``score``: how odd items are to a model, against items that are known to be usual if there are any."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from suffuse.conditions import Conditions, encode_conditions, move_conditions
from suffuse.domain import Item
from suffuse.errors import DomainInputError, RecipeError
from suffuse.files import write_text
from suffuse.order import listed
from suffuse.rng import permutation
from suffuse.tasks.evaluate import open_splits
from suffuse.tasks.items import encode_items
from suffuse.tasks.plan import OnStep
from suffuse.tasks.statistics import Statistic, make_statistic
from suffuse.trained import Trained

REFERENCES = 500
"""Items of the data set's validation part that serve as a reference."""


@dataclass(frozen=True)
class Calibration:
    """What a statistic says of items that are known to be usual; made once, used for any number of scores.

    Arguments:
        statistic: with its options.
        figures: float64 ``[count, columns]``.
        values: float64 ``[count]``, in rising order.
    """

    statistic: Statistic
    figures: Tensor
    values: Tensor

    def p_values(self, values: Tensor) -> Tensor:
        """The share of usual items, the item itself counted, that are at least as odd: float64, in (0, 1].

        Were the item drawn as the reference items are, this would be at most p with probability p.
        """
        count = len(self.values)
        below = torch.searchsorted(self.values, values.contiguous(), right=False)
        return (count - below + 1).double() / (count + 1)


@dataclass(frozen=True)
class Scores:
    """How odd items are.

    Arguments:
        values: higher is odder; in the order of the items.
        names: what each item is called; its number, unless told otherwise.
        figures: what the statistic combined: for each item, a number for each of ``labels``.
        labels: of the figures.
        p_values: the share of reference items that are at least as odd; ``None`` without a reference.
        statistic: its name.
        units: of the values.
    """

    values: list[float]
    names: list[str]
    figures: list[list[float]]
    labels: tuple[str, ...]
    p_values: list[float] | None
    statistic: str
    units: str

    def __len__(self) -> int:
        return len(self.values)

    @property
    def oddest_first(self) -> list[int]:
        """The items' numbers, the oddest first."""
        return sorted(range(len(self)), key=lambda i: -self.values[i])

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each item, in their order: name, score, p-value where known, and the figures."""
        for i, (name, value) in enumerate(zip(self.names, self.values, strict=True)):
            p = {} if self.p_values is None else {"p": self.p_values[i]}
            yield {"item": name, "score": value, **p, **dict(zip(self.labels, self.figures[i], strict=True))}


def write_csv(scores: Scores, path: str | Path) -> None:
    """Write scores to a CSV file, the oddest first; it appears whole or not at all."""
    rows = list(scores.rows())
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows[i] for i in scores.oddest_first)
    write_text(path, text.getvalue())


Reference = Literal["data"] | Calibration | Sequence[Item]


def score(
    model: Trained,
    items: Iterable[Item],
    *,
    statistic: str | Statistic = "profile",
    names: Sequence[str] | None = None,
    reference: Reference | None = None,
    **options: Any,
) -> Scores:
    """Score items; see :func:`stream`, which does it without holding more than a batch of them.

    Arguments:
        model: a trained model.
        items: of its domain; any iterable.
        statistic: ``profile``, ``elbo``, ``likelihood``, ``typicality``, or one of your own.
        names: what to call the items.
        reference: items that are known to be usual; ``"data"``: those of the validation part of the model's data; or
            what :func:`calibrate` made of some.
        options: ``conditions``, ``levels``, ``draws``, ``seed``, ``batch`` and ``on_step``, as for :func:`stream`.

    Raises:
        DomainInputError: there is no item, or the domain cannot take one.
        RecipeError: an unknown statistic, one that needs a reference and has none, or a wrong option.
        UnsupportedError: the statistic does not work with the model's process.
    """
    return joined(stream(model, items, statistic=statistic, reference=reference, **options), names)


def joined(parts: Iterable[Scores], names: Sequence[str] | None = None) -> Scores:
    """The scores of all batches.

    Arguments:
        parts: as :func:`stream` gives them.
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
        [value for batch in batches for value in batch.values],
        [name for batch in batches for name in batch.names] if names is None else list(names),
        [row for batch in batches for row in batch.figures],
        first.labels,
        None if first.p_values is None else [p for batch in batches for p in batch.p_values or []],
        first.statistic,
        first.units,
    )


def stream(
    model: Trained,
    items: Iterable[Item],
    *,
    statistic: str | Statistic = "profile",
    reference: Reference | None = None,
    conditions: Mapping[str, Any] | None = None,
    levels: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    batch: int = 64,
    on_step: OnStep | None = None,
) -> Iterator[Scores]:
    """Score items batch by batch, in constant memory: an iterable is read as it is scored.

    Every item meets the same noise, so that its score depends on nothing but itself (and the reference).

    Arguments:
        model, items, statistic, reference: as for :func:`score`.
        conditions: under which the items are scored: a value for all, or a list that is dealt out in turn, by the
            condition's name. Left out: under none.
        levels: noise levels; for ``likelihood`` and ``typicality``, steps of the solver.
        draws: of noise at each level; for ``likelihood`` and ``typicality``, probes of the divergence.
        seed: of the noise.
        batch: items scored at a time; changes the speed, not the scores.
        on_step: called with (items done, items in all), the reference's included, where their number is known.

    Yields:
        the scores of each batch, named by the items' numbers.
    """
    if batch < 1:
        raise DomainInputError("must be at least 1", field="batch", got=batch)
    chosen = make_statistic(statistic, levels=levels, draws=draws, seed=seed)
    if chosen.needs_reference and reference is None:
        raise RecipeError(
            "needs items that are known to be usual", field="reference", expected="'data', items, or a calibration",
            fix="reference='data' takes the validation part of the model's data (--reference data)",
        )  # fmt: skip
    asked = {name: _values(name, value) for name, value in (conditions or {}).items()}
    usual = (
        None
        if reference is None or isinstance(reference, Calibration)
        else usual_items(model, reference, conditions or {})
    )
    more = 0 if usual is None else len(usual[0])
    count = len(items) if isinstance(items, Sequence) else None

    def tell(done: int) -> None:
        if on_step is not None and count is not None:
            on_step(done, count + more)

    if usual is not None:
        reference = calibrate(
            model, usual[0], statistic=chosen, conditions=usual[1], batch=batch, on_step=lambda done, _: tell(done)
        )
    assert reference is None or isinstance(reference, Calibration)
    if reference is not None and reference.statistic != chosen:
        raise RecipeError(
            "was made for another statistic", field="reference", expected=chosen, got=reference.statistic,
            fix="calibrate with the same statistic and options",
        )  # fmt: skip
    done = 0
    for figures in _figures(model, items, chosen, asked, batch):
        yield _scores(chosen, chosen.labels(model), figures, reference, done)
        done += len(figures)
        tell(more + done)


def calibrate(
    model: Trained,
    items: Sequence[Item],
    *,
    statistic: str | Statistic = "profile",
    conditions: Mapping[str, Any] | None = None,
    levels: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    batch: int = 64,
    on_step: OnStep | None = None,
) -> Calibration:
    """What a statistic says of usual items, to hand to :func:`score` or :func:`stream` as their reference.

    Arguments:
        items: usual ones, which the model has not been trained on: two at least, some hundreds at best.
        statistic, conditions, levels, draws, seed, batch, on_step: as for :func:`stream`.
    """
    chosen = make_statistic(statistic, levels=levels, draws=draws, seed=seed)
    asked = {name: _values(name, value) for name, value in (conditions or {}).items()}
    if len(items) < 2:
        raise DomainInputError("has too few items", field="reference", expected="at least 2", got=len(items))
    parts: list[Tensor] = []
    for part in _figures(model, items, chosen, asked, batch):
        parts.append(part)
        if on_step is not None:
            on_step(sum(map(len, parts)), len(items))
    figures = torch.cat(parts)
    return Calibration(chosen, figures, chosen.combine(figures, figures).sort().values)


def usual_items(
    model: Trained, reference: Literal["data"] | Sequence[Item], conditions: Mapping[str, Any]
) -> tuple[Sequence[Item], Mapping[str, Any]]:
    """The reference items and, of those conditions that are asked of the items to be scored, what holds for them.

    Raises:
        DataError: the model's data set is missing.
        RecipeError: items with a condition each are compared with reference items whose conditions are not known.
    """
    if not isinstance(reference, str):
        for name, value in conditions.items():
            if len(_values(name, value)) > 1:
                raise RecipeError(
                    "has a value for each item, but none for the reference items", field=name, expected="one value",
                    got=f"{len(value)} values", fix="calibrate the reference with conditions of its own",
                )  # fmt: skip
        return reference, conditions
    if reference != "data":
        raise RecipeError("is unknown", field="reference", expected="'data', items, or a calibration", got=reference)
    held = open_splits(model.recipe).validation
    order = permutation(len(held), "score", "reference")[:REFERENCES].sort().values.tolist()
    examples = [held[i] for i in order]
    return [e.item for e in examples], {name: [e.conditions.get(name) for e in examples] for name in conditions}


def _figures(
    model: Trained, items: Iterable[Item], statistic: Statistic, asked: Mapping[str, Sequence[Any]], batch: int
) -> Iterator[Tensor]:
    """The statistic's figures, batch by batch."""
    source, first = iter(items), 0
    while part := list(islice(source, batch)):
        given = _given(model, asked, first, len(part))
        yield statistic.measure(model, listed(model, encode_items(model, part)), given)
        first += len(part)


def _scores(
    statistic: Statistic, labels: tuple[str, ...], figures: Tensor, reference: Calibration | None, first: int
) -> Scores:
    values = statistic.combine(figures, None if reference is None else reference.figures)
    return Scores(
        values.tolist(),
        [str(first + i) for i in range(len(values))],
        figures.tolist(),
        labels,
        None if reference is None else reference.p_values(values).tolist(),
        statistic.name,
        statistic.units(reference is not None),
    )


def _values(name: str, value: Any) -> Sequence[Any]:
    values = list(value) if isinstance(value, list | tuple | range) else [value]
    if not values:
        raise DomainInputError("is empty", field=name, expected="a value, or a list of values")
    return values


def _given(model: Trained, asked: Mapping[str, Sequence[Any]], first: int, count: int) -> Conditions:
    """The conditions of some items, dealt out in turn."""
    values = {name: [v[i % len(v)] for i in range(first, first + count)] for name, v in asked.items()}
    return move_conditions(encode_conditions(model.conditions, values, count), model.device)
