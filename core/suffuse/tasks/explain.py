"""``explain``: why items are odd, part by part, and what they would be if they were not.

What each entry adds to the score tells where to look. Whether that is why the item is odd is put to the test
(:mod:`suffuse.tasks.guilt`): parts are made anew from the rest of the item (``inpaint``), and the item is scored again.
The fewest parts after which it is no longer odd are the guilty ones, and what was made is the counterfactual: a usual
item that is like it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import torch
from torch import Tensor

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.inverse import Method
from suffuse.state import State, fields, take
from suffuse.tasks.guilt import Trial, Verdict, suspicion
from suffuse.tasks.inverse import Named
from suffuse.tasks.items import encode_items
from suffuse.tasks.plan import OnStep, deal
from suffuse.tasks.reach import beyond
from suffuse.tasks.score import Reference, Scorer, make_scorer
from suffuse.tasks.scoring.scores import Scores
from suffuse.tasks.statistics import Statistic, contributions
from suffuse.trained import Trained
from suffuse.windows import Windowing

TRIES = 4
"""Completions of which the most usual is the counterfactual."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why one item is odd.

    Arguments:
        name: what it is called.
        item: as it is.
        score: higher is odder.
        p: the share of reference items that are at least as odd; ``None`` without a reference.
        shares: what each part adds to the score, 1 in sum, the largest first; empty where parts have no names.
        entries: what each entry adds to the score, 1 in sum: a batch of one, shaped like the item's state; of an entry
            that is a class ``[1, *positions, 1]``; 0 beyond an item that is smaller than its state.
        guilty: the names of the parts that were made anew, the first to be blamed first; empty where they have none.
        made_anew: which entries were made anew: bool, shaped like ``entries``.
        usual: the counterfactual: the item with those made anew.
        usual_score, usual_p: its.
        reasons: a few words about each guilty part.
    """

    name: str
    item: Item
    score: float
    p: float | None
    shares: Mapping[str, float]
    entries: State
    guilty: tuple[str, ...]
    made_anew: State
    usual: Item
    usual_score: float
    usual_p: float | None
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why the item is odd, in one line."""
        return "; ".join(self.reasons)

    def row(self) -> dict[str, Any]:
        """What a table has of it."""
        p = {name: value for name, value in (("p", self.p), ("usual_p", self.usual_p)) if value is not None}
        told = {"item": self.name, "score": self.score, "usual_score": self.usual_score, **p}
        return {**told, "parts": list(self.guilty), "reason": self.reason, "shares": dict(self.shares)}


@dataclass(frozen=True, eq=False)
class Explanations(Sequence[Explanation]):
    """Why items are odd, in their order.

    Arguments:
        each: of the items.
        statistic: what oddness was measured by.
        units: of the scores.
    """

    each: tuple[Explanation, ...]
    statistic: str
    units: str

    def __len__(self) -> int:
        return len(self.each)

    @overload
    def __getitem__(self, index: int) -> Explanation: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Explanation, ...]: ...

    def __getitem__(self, index: int | slice) -> Explanation | tuple[Explanation, ...]:
        return self.each[index]

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each item: its name, score and p-value, the counterfactual's, the guilty parts, why, all shares."""
        return (one.row() for one in self.each)


def explain(
    model: Trained,
    items: Sequence[Item],
    *,
    statistic: str | Statistic | None = None,
    reference: Reference | None = None,
    parts: int = 3,
    names: Sequence[str] | None = None,
    conditions: Mapping[str, Any] | None = None,
    method: Method | Named | None = None,
    tries: int = TRIES,
    seed: int = 0,
    on_step: OnStep | None = None,
    **options: Any,
) -> Explanations:
    """Tell why items are odd: which parts of them, and what these would be in items like them.

    Every item is explained, odd or not; :func:`suffuse.tasks.score.score` finds the odd ones. Of one that is larger
    than states it is the oddest window, where its codec has windows.

    Arguments:
        model: a trained model.
        items: of its domain.
        statistic: ``residual``, ``profile``, or one of your own that is :class:`~suffuse.tasks.statistics.Telling`.
            Left out: the model's own, with its own reference, if it is calibrated; else ``profile``.
        reference: items that are known to be usual, as for :func:`suffuse.tasks.score.score`. Without any, nothing says
            when an item is no longer odd, and enough is blamed that adds half of the score.
        parts: how many are guilty at most. Where parts have no names, it is how many regions are tried: the entries
            that add most, as many as add 1/2, 3/4, 7/8, … of the score.
        names: what the items are called; their numbers by default.
        conditions: a value for all items, or a list that is dealt out to them in turn, by the condition's name.
        method: how the rest of an item is met, as for :func:`suffuse.tasks.inpaint.inpaint`.
        tries: completions of which the most usual is the counterfactual.
        seed: of the completions.
        on_step: called with (items settled, items in all).
        options: those of :class:`~suffuse.tasks.plan.Sampling`, for the completions.

    Raises:
        DomainInputError: there is no item, the domain cannot take one, or ``parts`` or ``tries`` is less than 1.
        UnsupportedError: the statistic does not tell entries apart, or cannot work with the model's process.
    """
    for option, value in (("parts", parts), ("tries", tries)):
        if value < 1:
            raise DomainInputError("must be at least 1", field=option, got=value)
    if names is not None and len(names) != len(items):
        raise DomainInputError("has another length", field="names", expected=len(items), got=len(names))
    scorer = make_scorer(model, statistic=statistic, reference=reference, conditions=conditions)
    called = [str(i) for i in range(len(items))] if names is None else names
    if isinstance(model.codec, Windowing):
        found = scorer.oddest(items)
        items, called = (
            [item for item, _ in found],
            [f"{name}{at}" for name, (_, at) in zip(called, found, strict=True)],
        )
    asked = deal(conditions or {}, len(items))
    states = encode_items(model, items)
    entries = _contributions(scorer, items, asked)
    suspected = suspicion(model.codec, states, entries)
    trial = Trial(scorer, items, states, asked, suspected, tries, seed, method, options)
    tell = on_step or (lambda done, total: None)
    verdicts = trial.judge(parts, lambda done: tell(done, len(items)))
    scores = scorer(items)
    each = [_explanation(trial, entries, scores, i, called[i], verdict) for i, verdict in enumerate(verdicts)]
    return Explanations(tuple(each), scores.statistic, scores.units)


def _contributions(scorer: Scorer, items: Sequence[Item], asked: Mapping[str, Sequence[Any]]) -> State:
    """What each entry adds to the scores of some items, whose conditions are told one by one."""
    usual = None if scorer.calibration is None else scorer.calibration.figures
    entries = contributions(scorer.model, scorer.statistic, items, range(len(items)), asked, usual)
    after = beyond(scorer.model.codec, items, entries)
    return entries if after is None else _own(entries, after)


def _own(entries: State, after: Tensor) -> State:
    """What the entries of items themselves add, less what lies beyond these, 1 in sum; all, where they add nothing."""
    assert isinstance(entries, Tensor)
    kept = entries.masked_fill(after, 0.0)
    total = kept.flatten(1).sum(1).reshape(-1, *(1,) * (kept.ndim - 1))
    return torch.where(total > 0.0, kept / total.clamp_min(torch.finfo(kept.dtype).tiny), entries)


def _explanation(trial: Trial, entries: State, scores: Scores, number: int, name: str, verdict: Verdict) -> Explanation:
    model, item, suspected = trial.scorer.model, trial.items[number], trial.suspicion
    own, inside = take(entries, slice(number, number + 1)), suspected.inside(number, verdict.blamed)
    parts, guilty = model.codec.parts(), suspected.names(verdict.blamed)
    shares: dict[str, float] = {}
    if parts is None:
        reasons: tuple[str, ...] = (_where(inside, suspected.share(number, verdict.blamed)),)
    else:
        summed = parts.summed(own, model.codec.categorical())[0]
        order = summed.argsort(descending=True, stable=True).tolist()
        shares = {parts.names[k]: float(summed[k]) for k in order}
        reasons = tuple(model.domain.reason(item, verdict.usual, part, shares[part]) for part in guilty)
    p = scores.p_values
    return Explanation(
        name, item, scores.values[number], None if p is None else p[number], shares, own, guilty,
        inside, verdict.usual, verdict.score, verdict.p, reasons,
    )  # fmt: skip


def _where(inside: State, share: float) -> str:
    """How much of an item is to blame."""
    chosen = sum(int(value.sum()) for _, value in fields(inside))
    entries = sum(value.numel() for _, value in fields(inside))
    return f"{share:.0%} of the score is in {chosen / entries:.0%} of it"
