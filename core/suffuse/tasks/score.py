"""``score``: how odd items are to a model, against items that are known to be usual if there are any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch

from suffuse.calibration import Calibration
from suffuse.domain import Item, examples_at
from suffuse.errors import DomainInputError, RecipeError
from suffuse.portrait import Portrait
from suffuse.rng import permutation
from suffuse.tasks.data import open_splits
from suffuse.tasks.plan import OnStep
from suffuse.tasks.scoring.cutting import apart, make_cutting, slices
from suffuse.tasks.scoring.scorer import Looked, Scorer, items_at_a_time, together
from suffuse.tasks.scoring.scores import Scores, joined, write_csv
from suffuse.tasks.statistics import Statistic, make_statistic, named, stored
from suffuse.trained import Trained

__all__ = [
    "Calibration", "Reference", "Scorer", "Scores", "calibrate", "joined", "make_scorer", "score", "slices", "stream",
    "stream_batches", "usual_items", "write_csv",
]  # fmt: skip

REFERENCES = 500
"""Items of the data set's validation part that serve as a reference."""


Reference = Literal["data"] | Calibration | Sequence[Item]


def score(
    model: Trained,
    items: Iterable[Item],
    *,
    statistic: str | Statistic | None = None,
    names: Sequence[str] | None = None,
    reference: Reference | None = None,
    **options: Any,
) -> Scores:
    """Score items; see :func:`stream`, which does it without holding more than a batch of them.

    Arguments:
        model: a trained model.
        items: of its domain; any iterable.
        statistic: ``profile``, ``residual``, ``elbo``, ``likelihood``, ``typicality``, or one of your own. Left out:
            the model's own, with its own reference, if it is calibrated; else ``profile``.
        names: what to call the items.
        reference: items that are known to be usual; ``"data"``: those of the validation part of the model's data; or
            what :func:`calibrate` made of some.
        options: ``conditions``, ``levels``, ``draws``, ``seed``, ``windows``, ``every``, ``batch`` and ``on_step``, as
            for :func:`stream`.

    Raises:
        DomainInputError: there is no item, or the domain cannot take one.
        RecipeError: an unknown statistic, one that needs a reference and has none, or a wrong option.
        UnsupportedError: the statistic does not work with the model's process.
    """
    return joined(stream(model, items, statistic=statistic, reference=reference, **options), names)


def stream(
    model: Trained,
    items: Iterable[Item],
    *,
    statistic: str | Statistic | None = None,
    reference: Reference | None = None,
    conditions: Mapping[str, Any] | None = None,
    levels: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    windows: bool = False,
    every: str | None = None,
    batch: int | None = None,
    on_step: OnStep | None = None,
) -> Iterator[Scores]:
    """Score items batch by batch, in constant memory: an iterable is read as it is scored, a sequence is sliced.

    Every item meets the same noise, so that its score depends on nothing but itself (and the reference). The score of
    one that is larger than states is the mean of its windows', where its codec has windows.

    Arguments:
        model, items, statistic, reference: as for :func:`score`.
        conditions: under which the items are scored: a value for all, or a list that is dealt out in turn, by the
            condition's name. Left out: under none.
        levels: noise levels; for ``likelihood`` and ``typicality``, steps of the solver.
        draws: of noise at each level; for ``likelihood`` and ``typicality``, probes of the divergence.
        seed: of the noise.
        windows: score each window by itself, as an item of its own, named by where it begins.
        every: how far windows begin from each other, as ``0.5s``; side by side, unless told.
        batch: items scored at a time; changes the speed, not the scores. Left out: the more, the smaller they are.
        on_step: called with (items done, items in all), the reference's included, where their number is known.

    Yields:
        the scores of each batch, named by the items' numbers.
    """
    count = len(items) if isinstance(items, Sequence) and not windows else None
    usual = 0

    def tell(done: int, calibrated: int) -> None:
        nonlocal usual
        usual = calibrated
        if on_step is not None and count is not None:
            on_step(done, count + usual)

    scorer = make_scorer(
        model, statistic=statistic, reference=reference, conditions=conditions, levels=levels, draws=draws, seed=seed,
        windows=windows, every=every, batch=batch, on_step=tell,
    )  # fmt: skip
    done, size = 0, batch or items_at_a_time(model)
    for scores in _stream_windows(scorer, items, size) if windows else stream_batches(scorer, slices(items, size)):
        yield scores
        done += len(scores)
        tell(usual + done, usual)


def stream_batches(scorer: Scorer, batches: Iterable[Sequence[Item]]) -> Iterator[Scores]:
    """The scores of batches of items, one at a time."""
    first = 0
    for items in batches:
        yield scorer(items, range(first, first + len(items)))
        first += len(items)


def _stream_windows(scorer: Scorer, items: Iterable[Item], size: int) -> Iterator[Scores]:
    """The scores of all windows of items, those of an item under its conditions."""
    for numbered in apart(scorer.model.codec, ([item] for item in items), scorer.cutting.step, size):
        scores = scorer([one.window.item for one in numbered], [one.number for one in numbered])
        starts = torch.tensor([one.window.start for one in numbered], dtype=torch.float64)
        yield replace(scores, called=[f"{one.number}{one.place}" for one in numbered], at=starts)


def make_scorer(
    model: Trained,
    *,
    statistic: str | Statistic | None = None,
    reference: Reference | None = None,
    conditions: Mapping[str, Any] | None = None,
    levels: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    windows: bool = False,
    every: str | None = None,
    batch: int | None = None,
    on_step: OnStep | None = None,
) -> Scorer:
    """All that the scores of items depend on; reference items are scored here, once.

    Arguments:
        model, statistic, reference, conditions, levels, draws, seed, windows, every, batch: as for :func:`stream`.
        on_step: called with (reference items done, reference items in all).

    Raises:
        RecipeError, DomainInputError, UnsupportedError: as :func:`score` does.
    """
    if batch is not None and batch < 1:
        raise DomainInputError("must be at least 1", field="batch", got=batch)
    cutting = make_cutting(model.codec, windows, every)
    untold = all(option is None for option in (statistic, reference, levels, draws, seed))
    own = model.calibration if untold else None
    if own is not None:
        reference, statistic = own, stored(own.statistic)
    chosen = make_statistic(statistic or "profile", levels=levels, draws=draws, seed=seed)
    if chosen.needs_reference and reference is None:
        raise RecipeError(
            "needs items that are known to be usual", field="reference", expected="'data', items, or a calibration",
            fix="reference='data' takes the validation part of the model's data (--reference data)",
        )  # fmt: skip
    asked = _asked(conditions)
    if reference is not None and not isinstance(reference, Calibration):
        usual, given = usual_items(model, reference, conditions or {})
        reference = calibrate(model, usual, statistic=chosen, conditions=given, batch=batch, on_step=on_step)
    if reference is not None and reference.statistic != named(chosen):
        raise RecipeError(
            "was made for another statistic", field="reference", expected=named(chosen), got=reference.statistic,
            fix="calibrate with the same statistic and options",
        )  # fmt: skip
    if windows and reference is not None:
        reference = reference.of_windows(chosen)
    return Scorer(model, chosen, reference, asked, cutting, batch)


def calibrate(
    model: Trained,
    items: Sequence[Item],
    *,
    statistic: str | Statistic = "profile",
    conditions: Mapping[str, Any] | None = None,
    levels: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    batch: int | None = None,
    on_step: OnStep | None = None,
) -> Calibration:
    """What a statistic says of usual items, to hand to :func:`score` or :func:`stream` as their reference.

    Arguments:
        items: usual ones, which the model has not been trained on: two at least, some hundreds at best.
        statistic, conditions, levels, draws, seed, batch, on_step: as for :func:`stream`.
    """
    chosen = make_statistic(statistic, levels=levels, draws=draws, seed=seed)
    scorer = Scorer(model, chosen, None, _asked(conditions), batch=batch)
    if len(items) < 2:
        raise DomainInputError("has too few items", field="reference", expected="at least 2", got=len(items))
    parts: list[Looked] = []
    done = 0
    for part in slices(items, batch or items_at_a_time(model)):
        parts.append(scorer.look(part, range(done, done + len(part))))
        done += len(part)
        if on_step is not None:
            on_step(done, len(items))
    looked = together(parts)
    values = looked.means(chosen.combine(looked.figures, looked.figures)).sort().values
    return Calibration(named(chosen), looked.figures, values, usual=Portrait.of(model.codec, items))


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
    examples = examples_at(held, order)
    return examples.items, {name: examples.conditions.get(name, [None] * len(examples)) for name in conditions}


def _asked(conditions: Mapping[str, Any] | None) -> dict[str, Sequence[Any]]:
    return {name: _values(name, value) for name, value in (conditions or {}).items()}


def _values(name: str, value: Any) -> Sequence[Any]:
    values = list(value) if isinstance(value, list | tuple | range) else [value]
    if not values:
        raise DomainInputError("is empty", field=name, expected="a value, or a list of values")
    return values
