"""How far the parts of items are from what they were: distances of two samples, and how likely they are by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suffuse import state as states
from suffuse.domain import Codec
from suffuse.portrait import Portrait, Slot, Tally, slots
from suffuse.state import State
from suffuse.trained import Trained

FEWEST_EXPECTED = 5.0
"""Of a class, in either sample; rarer ones are tested together, as Pearson's test asks for."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PartDrift:
    """How far one part is from what it was.

    Arguments:
        name: of the part.
        distance: from 0 to 1. Of a number the largest distance of the two distribution functions (Kolmogorov–Smirnov);
            of classes half the sum of the changes of their shares (total variation). What is absent counts as a value
            below all others, or as one class more. Of a part with several numbers the largest.
        p: how likely as large a distance is while nothing has changed.
        moved: whether it is larger than chance explains, all parts considered.
        absent: the share of items that lack it, then and now.
        unseen: of a choice among classes, the share of items whose class the training data did not have, then and now.
        then, now: the mean of a number, in the item's own units where the domain has such; of classes the one whose
            share has changed most, and its share.
        shift: of a number, how far its mean has moved, in deviations of the training data; 0 of classes.
    """

    name: str
    distance: float
    p: float
    moved: bool
    absent: tuple[float, float]
    unseen: tuple[float, float] | None
    then: str
    now: str
    shift: float = 0.0


def compare(model: Trained, portrait: Portrait, tally: Tally) -> list[PartDrift]:
    """Each part, in order; none is said to have moved yet.

    Arguments:
        model: whose codec tells the parts.
        portrait: of what was.
        tally: of what is, by the portrait's knots.
    """
    parts = model.codec.parts()
    assert parts is not None
    asked, then = slots(model.codec), portrait.tally
    distance, p = _distances(asked, then, tally)
    absent = [(t.absent.double() / t.items).tolist() for t in (then, tally)]
    means = [_means(model, asked, t) for t in (then, tally)]
    shifts = (_mean(tally) - _mean(then)).tolist()
    begin = starts(asked)
    of_part: dict[int, list[int]] = {}
    for i, slot in enumerate(asked):
        of_part.setdefault(slot.part, []).append(i)
    found: list[PartDrift] = []
    for part, own in sorted(of_part.items()):
        name, most = parts.names[part], max(own, key=lambda i: distance[i])
        chance = min(1.0, len(own) * float(min(p[own])))
        lacking = (absent[0][most], absent[1][most])
        count = asked[most].classes
        if count:
            held = [shares(t, begin[most], count) for t in (then, tally)]
            names = parts.classes.get(name) or tuple(map(str, range(count)))
            told, unseen, shift = _classes_told(names, *held), _unseen(names, *held), 0.0
        else:
            told, unseen, shift = (means[0][name], means[1][name]), None, shifts[most]
        found.append(PartDrift(name, float(distance[most]), chance, False, lacking, unseen, *told, shift))
    return found


def _distances(asked: Sequence[Slot], then: Tally, now: Tally) -> tuple[Floats, Floats]:
    """Distance and p-value of each slot."""
    numbers = len([slot for slot in asked if not slot.classes])
    distance, p = np.zeros(len(asked)), np.ones(len(asked))
    distance[:numbers] = _smirnov(then, now, numbers)
    p[:numbers] = smirnov_p(distance[:numbers], int(then.items), int(now.items))
    for i, start in starts(asked).items():
        counts = [_counts(t, start, asked[i].classes, int(t.absent[i])) for t in (then, now)]
        distance[i] = 0.5 * np.abs(counts[0] / counts[0].sum() - counts[1] / counts[1].sum()).sum()
        p[i] = pearson_p(np.stack(counts))
    return distance, p


def _smirnov(then: Tally, now: Tally, numbers: int) -> Floats:
    """The largest distance of two distribution functions at the knots and just below them, of each number."""
    furthest = torch.zeros(numbers, dtype=torch.float64)
    lacking = [(t.absent[:numbers].double() / t.items)[:, None] for t in (then, now)]
    for name in ("at_most", "below"):
        held = [
            a + (1.0 - a) * getattr(t, name) / t.present[:, None].clamp_min(1)
            for a, t in zip(lacking, (then, now), strict=True)
        ]
        gaps = torch.cat([held[0] - held[1], lacking[0] - lacking[1]], dim=1).abs()
        furthest = torch.maximum(furthest, gaps.amax(1))
    return furthest.numpy()


def smirnov_p(distance: Floats, first: int, second: int) -> Floats:
    """The chance of as large a distance of two samples of one distribution (Smirnov 1939), by their effective count."""
    from scipy.stats import kstwo

    return kstwo.sf(distance, max(1, round(first * second / (first + second))))


def pearson_p(counts: Floats) -> float:
    """Whether two rows of counts are of one distribution, by Pearson's χ²; rare classes are taken together."""
    from scipy.stats import chi2_contingency

    table = counts[:, counts.sum(0) > 0.0]
    expected = table.sum(1).min() * table.sum(0) / table.sum()
    rare = expected < FEWEST_EXPECTED
    table = np.concatenate([table[:, ~rare], table[:, rare].sum(1, keepdims=True)], axis=1)
    table = table[:, table.sum(0) > 0.0]
    return float(chi2_contingency(table, correction=False).pvalue) if table.shape[1] > 1 else 1.0


def starts(asked: Sequence[Slot]) -> dict[int, int]:
    """Where the classes of each choice begin in a tally."""
    found, start = {}, 0
    for i, slot in enumerate(asked):
        if slot.classes:
            found[i] = start
            start += slot.classes
    return found


def shares(tally: Tally, start: int, classes: int) -> Floats:
    """How often each class of a choice is, as a share of those that are there."""
    counts = tally.classes[start : start + classes].double()
    return (counts / counts.sum().clamp_min(1.0)).numpy()


def _counts(tally: Tally, start: int, classes: int, absent: int) -> Floats:
    """Items of each class, and those that have none."""
    held = int(tally.items) - absent
    return np.append(shares(tally, start, classes) * held, float(absent))


def _classes_told(names: Sequence[str | None], then: Floats, now: Floats) -> tuple[str, str]:
    most = int(np.abs(now - then).argmax())
    name = "others" if names[most] is None else names[most]
    return f"{name} {then[most]:.1%}", f"{name} {now[most]:.1%}"


def _unseen(names: Sequence[str | None], then: Floats, now: Floats) -> tuple[float, float] | None:
    if None not in names:
        return None
    place = names.index(None)
    return float(then[place]), float(now[place])


def _mean(tally: Tally) -> Tensor:
    return tally.sums / tally.present.clamp_min(1)


def _means(model: Trained, asked: Sequence[Slot], tally: Tally) -> Mapping[str, str]:
    """The means of parts that are numbers, as the domain tells of items; else in deviations of the training data."""
    parts = model.codec.parts()
    assert parts is not None
    means = _mean(tally)
    numbers = [slot for slot in asked if not slot.classes]
    told = {parts.names[slot.part]: f"{mean:.4g}" for slot, mean in zip(numbers, means.tolist(), strict=True)}
    columns = model.domain.columns(model.codec.decode(_filled(model.codec, numbers, means)))
    return {name: _cell(columns[name][0]) if name in columns else text for name, text in told.items()}


def _filled(codec: Codec, numbers: Sequence[Slot], values: Tensor) -> State:
    """A batch of one whose numbers are these."""
    like, parts = codec.like(1), codec.parts()
    assert parts is not None
    filled: dict[str, Tensor] = {}
    for name, value in states.fields(like):
        own = [i for i, slot in enumerate(numbers) if slot.field == name]
        if own:
            ids = dict(states.fields(parts.ids))[name]
            flat = torch.zeros(ids[0].numel(), dtype=value.dtype)
            flat[[numbers[i].entries[0] for i in own]] = values[own].to(value.dtype)
            value = flat.reshape(ids.shape).expand_as(value).clone()
        filled[name] = value
    return states.refill(like, filled)


def _cell(cell: object) -> str:
    plain = cell.as_py() if hasattr(cell, "as_py") else cell
    return f"{plain:.4g}" if isinstance(plain, float) else str(plain)
