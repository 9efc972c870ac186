"""How well a model's own score finds items that are known to be odd."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from suffuse.conformal import contamination_threshold
from suffuse.domain import Dataset, Item, Splits, examples_at
from suffuse.errors import DataError
from suffuse.rng import permutation
from suffuse.tasks.explain import explain
from suffuse.tasks.score import REFERENCES, joined, make_scorer, slices, stream_batches
from suffuse.tasks.scoring.scorer import Scorer, items_at_a_time
from suffuse.tasks.statistics import tells
from suffuse.trained import Trained

MOST = 10_000
"""Items scored, usual and odd together; of more, the same share of either is drawn: figures depend on the mixture."""
ODD = "anomalies"
TOP = 10
"""The items with the highest scores, of which more is told."""


@dataclass(frozen=True)
class Top:
    """One of the items with the highest scores.

    Arguments:
        place: its number in the part of the data that it is from.
        odd: whether it is one of the known anomalies; else it is of the test part.
        score: higher is odder.
        p: its p-value, where there is one.
        reason: why it scores as high, in words; empty where nobody can tell.
    """

    place: int
    odd: bool
    score: float
    p: float | None
    reason: str = ""


@dataclass(frozen=True)
class Detection:
    """Scores of usual items and of items that are known to be odd.

    Arguments:
        scores: higher is odder; the usual ones first.
        odd: which items are odd, for each.
        p: p-values, for each; empty without a reference.
        reference: how many reference items they were made with; 0 where that is not known.
        threshold: above which the model calls an item odd, if it has one.
        statistic: what oddness is measured by.
        units: of the scores.
        data: where the items are from.
        of: how many items there are, of which these were drawn.
        top: the items with the highest scores, the oddest first.
    """

    scores: tuple[float, ...]
    odd: tuple[bool, ...]
    p: tuple[float, ...] = ()
    reference: int = 0
    threshold: float | None = None
    statistic: str = ""
    units: str = ""
    data: str = ""
    of: int = 0
    top: tuple[Top, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON-able data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_dict`."""
        lists = {name: tuple(data[name]) for name in ("scores", "odd", "p")}
        return cls(**{**data, **lists, "top": tuple(Top(**top) for top in data["top"])})

    def metrics(self) -> dict[str, float]:
        """Figures by name, as ``evaluate`` tells them.

        ``auroc``: the chance that an odd item scores above a usual one. ``auprc``: the mean precision over all odd
        items in the order of scores. ``f1_at_share``: F1 if as many items are called odd as are. ``anomalies_found``
        and ``false_alarms``: the shares of odd and of usual items above the model's threshold, if it has one.
        """
        from sklearn.metrics import average_precision_score, f1_score, roc_auc_score  # whoever scores needs none of it

        scores, odd = np.asarray(self.scores), np.asarray(self.odd)
        found = scores > contamination_threshold(scores, float(odd.mean()))
        figures = {
            "auroc": float(roc_auc_score(odd, scores)),
            "auprc": float(average_precision_score(odd, scores)),
            "f1_at_share": float(f1_score(odd, found)),
            "anomalies": float(odd.sum()),
            "usual": float((~odd).sum()),
        }
        if self.threshold is None:
            return figures
        above = scores > self.threshold
        return {**figures, "anomalies_found": float(above[odd].mean()), "false_alarms": float(above[~odd].mean())}


def detect(model: Trained, splits: Splits, *, most: int = MOST, batch: int | None = None) -> Detection:
    """Score the test part and the known anomalies of a data set by the model's own score.

    That is its calibrated statistic; of a model without one, ``profile`` against items of the validation part.

    Arguments:
        model: a trained model.
        splits: the data, with anomalies.
        most: items scored.
        batch: as for :func:`suffuse.tasks.score.score`.

    Raises:
        DataError: there are no anomalies, or no test part.
    """
    if splits.anomalies is None or not len(splits.anomalies) or not len(splits.test):
        raise DataError("has no anomalies, or no test part", field=splits.name, expected="labelled odd and usual items")
    of = len(splits.test) + len(splits.anomalies)
    share = min(1.0, most / of)
    places = [_drawn(len(part), math.ceil(share * len(part)), name) for part, name in _parts(splits)]
    scorer = make_scorer(model, reference=None if model.calibration is not None else _usual(splits))
    usual, odd = (
        joined(stream_batches(scorer, slices(examples_at(part, chosen).items, batch or items_at_a_time(model))))
        for (part, _), chosen in zip(_parts(splits), places, strict=True)
    )
    found = Detection(
        scores=(*usual.values, *odd.values),
        odd=(False,) * len(usual) + (True,) * len(odd),
        p=(*(usual.p_values or ()), *(odd.p_values or ())),
        reference=0 if scorer.calibration is None else len(scorer.calibration.values),
        threshold=None if model.calibration is None else model.calibration.threshold,
        statistic=usual.statistic,
        units=usual.units,
        data=splits.name,
        of=of,
    )
    return replace(found, top=_reasoned(scorer, splits, _top(found, [*places[0], *places[1]])))


def _parts(splits: Splits) -> tuple[tuple[Dataset, str], tuple[Dataset, str]]:
    assert splits.anomalies is not None
    return (splits.test, "test"), (splits.anomalies, ODD)


def _usual(splits: Splits) -> Sequence[Item]:
    """Items of the validation part, for a model that has no reference of its own."""
    return examples_at(splits.validation, _drawn(len(splits.validation), REFERENCES, "reference")).items


def _drawn(count: int, most: int, part: str) -> list[int]:
    """The places of at most so many items, in their order."""
    drawn: list[int] = permutation(count, "detection", part)[:most].sort().values.tolist()
    return drawn


def _top(found: Detection, places: Sequence[int]) -> tuple[Top, ...]:
    order = np.argsort(-np.asarray(found.scores), kind="stable")[:TOP].tolist()
    return tuple(Top(places[i], found.odd[i], found.scores[i], found.p[i] if found.p else None) for i in order)


def _reasoned(scorer: Scorer, splits: Splits, tops: Sequence[Top]) -> tuple[Top, ...]:
    """The same, with what ``explain`` says of each, if the statistic can tell."""
    if not tells(scorer.statistic):
        return tuple(tops)
    reasons: dict[Top, str] = {}
    for part, name in _parts(splits):
        mine = [top for top in tops if top.odd == (name == ODD)]
        if mine:
            items = examples_at(part, [top.place for top in mine]).items
            told = explain(scorer.model, items, statistic=scorer.statistic, reference=scorer.calibration)
            reasons |= {top: one.reason for top, one in zip(mine, told, strict=True)}
    return tuple(replace(top, reason=reasons[top]) for top in tops)
