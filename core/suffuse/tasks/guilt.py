"""Which part of an item is to blame for its score: what is suspected, and what trials leave of it.

What a part adds to the score is not yet its guilt: a wrong number makes those that go with it look wrong too. So of
the parts that add most each is made anew by itself, and the one without which the item is least odd is to blame. If it
still is odd, another part is sought that is to blame with it, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from suffuse.domain import Codec, Item, items_at
from suffuse.inverse import Method
from suffuse.parts import Parts
from suffuse.state import State, concat, fields, mask_of, refill, take
from suffuse.tasks.inpaint import inpaint
from suffuse.tasks.inverse import Named
from suffuse.tasks.items import encode_items
from suffuse.tasks.known import of_one
from suffuse.tasks.scoring.scorer import Scorer

SUSPECTS = 5
"""Parts of an item that are suspected: those that add most to its score."""
USUAL = 0.05
"""An item is no longer odd if more than this share of the reference items are as odd, where no threshold is set."""
HALF = 0.5
"""Where nothing says what is odd, enough is made anew when it added this share of the score."""

Blamed = tuple[int, ...]
"""What of an item is blamed: numbers whose meaning is its :class:`Suspicion`'s, the first to be blamed first."""


class Suspicion(Protocol):
    """What of some items may be to blame."""

    def more(self, item: int, blamed: Blamed) -> list[Blamed]:
        """What may be blamed if that was not enough."""
        ...

    def inside(self, item: int, blamed: Blamed) -> State:
        """Which entries of an item's state it is: bool, a batch of one; of classes the axis is 1 long."""
        ...

    def share(self, item: int, blamed: Blamed) -> float:
        """What it adds to the item's score, from 0 to 1."""
        ...

    def names(self, blamed: Blamed) -> tuple[str, ...]:
        """What it is called; nothing where it has no name."""
        ...


def suspicion(codec: Codec, states: State, entries: State) -> Suspicion:
    """Of items whose entries add so much to their scores.

    Arguments:
        codec: theirs, which may name parts.
        states: of the items.
        entries: what each entry adds, 1 in sum; of an entry that is a class ``[batch, *positions, 1]``.
    """
    parts = codec.parts()
    if parts is None:
        return OfRegions(entries)
    summed = parts.summed(entries, codec.categorical())
    return OfParts(codec, parts, states, summed, summed.argsort(dim=1, descending=True, stable=True)[:, :SUSPECTS])


@dataclass(frozen=True, eq=False)
class OfParts:
    """Named parts; a number is a part's.

    Arguments:
        codec, parts, states: of the items.
        summed: what each part adds, float64 ``[batch, parts]``.
        order: those suspected, int64 ``[batch, suspects]``; those that add nothing are not.
    """

    codec: Codec
    parts: Parts
    states: State
    summed: Tensor
    order: Tensor

    def more(self, item: int, blamed: Blamed) -> list[Blamed]:
        order = self.order[item].tolist()
        adding = [part for part in order if self.summed[item, part] > 0.0] or order[:1]
        return [(*blamed, part) for part in adding if part not in blamed]

    def inside(self, item: int, blamed: Blamed) -> State:
        state, categorical = take(self.states, slice(item, item + 1)), self.codec.categorical()
        held = [self.parts.held(part, state, categorical) for part in blamed]

        def mine(name: str, value: Tensor) -> Tensor:
            any_of = torch.stack([h[name].expand_as(value) for h in held]).any(0)
            mask = mask_of(state, name)
            return any_of if mask is None else any_of & mask

        shaped = {name: v[..., :1] if name in categorical else v for name, v in fields(state)}
        return refill(state, {name: mine(name, value) for name, value in shaped.items()})

    def share(self, item: int, blamed: Blamed) -> float:
        return float(self.summed[item, list(blamed)].sum())

    def names(self, blamed: Blamed) -> tuple[str, ...]:
        return tuple(self.parts.names[part] for part in blamed)


@dataclass(frozen=True, eq=False)
class OfRegions:
    """The entries that add most, all channels of a place together; k is as many as add 1 - ½ᵏ⁺¹ of the score.

    Arguments:
        entries: what each entry adds.
    """

    entries: State

    def more(self, item: int, blamed: Blamed) -> list[Blamed]:
        return [(blamed[-1] + 1,)] if blamed else [(0,)]

    def inside(self, item: int, blamed: Blamed) -> State:
        own = take(self.entries, slice(item, item + 1))
        placed = {name: self._placed(value) for name, value in fields(own)}
        flat = torch.cat([value.flatten() for value in placed.values()])
        ordered, order = flat.sort(descending=True, stable=True)
        needed = (ordered.cumsum(0) - ordered < 1.0 - 0.5 ** (blamed[-1] + 1)) & (ordered > 0.0)
        chosen = torch.zeros_like(needed).scatter(0, order, needed)
        pieces = torch.split(chosen, [value.numel() for value in placed.values()])
        return refill(
            own,
            {
                name: piece.reshape(placed[name].shape).expand_as(value)
                for (name, value), piece in zip(fields(own), pieces, strict=True)
            },
        )

    def share(self, item: int, blamed: Blamed) -> float:
        own, chosen = take(self.entries, slice(item, item + 1)), dict(fields(self.inside(item, blamed)))
        return sum(float((value * chosen[name]).sum()) for name, value in fields(own))

    def names(self, blamed: Blamed) -> tuple[str, ...]:
        return ()

    def _placed(self, value: Tensor) -> Tensor:
        """Summed over the channels of a grid; what is no grid as it is."""
        return value.sum(1, keepdim=True) if isinstance(self.entries, Tensor) and value.ndim > 2 else value


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is left of an item's oddness without what is blamed.

    Arguments:
        blamed: that.
        usual: the item with it made anew.
        score, p: its.
    """

    blamed: Blamed
    usual: Item
    score: float
    p: float | None


@dataclass(frozen=True, eq=False)
class Trial:
    """How what is suspected is made anew, and the item looked at again.

    Arguments:
        scorer: of the items.
        items, states: those that are explained.
        asked: the conditions of each, by name.
        suspicion: of what.
        tries: completions, of which the most usual counts.
        seed: of the completions.
        method, options: of :func:`suffuse.tasks.inpaint.inpaint`.
    """

    scorer: Scorer
    items: Sequence[Item]
    states: State
    asked: Mapping[str, Sequence[Any]]
    suspicion: Suspicion
    tries: int
    seed: int
    method: Method | Named | None
    options: Mapping[str, Any]

    def judge(self, rounds: int, on_settled: Callable[[int], None]) -> list[Verdict]:
        """What is to blame in each item: no more than it takes for it to be no longer odd.

        Arguments:
            rounds: how often more may be blamed.
            on_settled: called with how many items are settled.
        """
        found: dict[int, Verdict] = {}
        open_still = list(range(len(self.items)))
        for _ in range(rounds):
            best = self._round(open_still, found)
            open_still = [i for i, v in best.items() if i not in found or v.score < found[i].score]
            found |= {i: best[i] for i in open_still}
            open_still = [i for i in open_still if not self._is_usual(i, found[i])]
            on_settled(len(self.items) - len(open_still))
            if not open_still:
                break
        on_settled(len(self.items))
        return [found[i] for i in range(len(self.items))]

    def _round(self, items: Sequence[int], found: Mapping[int, Verdict]) -> dict[int, Verdict]:
        """The best of all that may be blamed next in each item that has more."""
        blamed = {i: found[i].blamed if i in found else () for i in items}
        trials = [(i, more) for i in items for more in self.suspicion.more(i, blamed[i])]
        best: dict[int, Verdict] = {}
        for (i, _), verdict in zip(trials, self._without(trials) if trials else (), strict=True):
            if i not in best or verdict.score < best[i].score:
                best[i] = verdict
        return best

    def _without(self, trials: Sequence[tuple[int, Blamed]]) -> list[Verdict]:
        """What each trial leaves: of its completions the most usual one."""
        model, numbers = self.scorer.model, [i for i, _ in trials]
        inside = concat([self.suspicion.inside(i, blamed) for i, blamed in trials])
        made = inpaint(
            model, items_at(self.items, numbers), _known(model.codec, inside), method=self.method, count=self.tries,
            seed=self.seed, conditions={k: [v[i] for i in numbers] for k, v in self.asked.items()}, **self.options,
        )  # fmt: skip
        own = [i for i in numbers for _ in range(self.tries)]
        usual = self._but_blamed(made.items, own, take(inside, torch.arange(len(own)) // self.tries))
        scores = self.scorer(usual, own)
        best = scores.value.reshape(-1, self.tries).argmin(1) + self.tries * torch.arange(len(trials))
        p = scores.p_values
        return [
            Verdict(blamed, usual[k], scores.values[k], None if p is None else p[k])
            for (_, blamed), k in zip(trials, best.tolist(), strict=True)
        ]

    def _but_blamed(self, made: Sequence[Item], own: list[int], inside: State) -> list[Item]:
        """Items that differ from their originals in what is blamed alone: what these lack, they lack too."""
        model, states = self.scorer.model, take(self.states, torch.tensor(own))
        new, held = dict(fields(encode_items(model, made))), dict(fields(inside))
        mixed = refill(states, {name: torch.where(held[name], new[name], old) for name, old in fields(states)})
        kept = refill(states, {name: ~value for name, value in held.items()})
        decoded = model.codec.decode(mixed)
        return [
            model.codec.merge(self.items[i], item, of_one(kept, states, k))
            for k, (i, item) in enumerate(zip(own, decoded, strict=True))
        ]

    def _is_usual(self, item: int, verdict: Verdict) -> bool:
        usual = self.scorer.calibration
        if usual is None or verdict.p is None:
            return self.suspicion.share(item, verdict.blamed) >= HALF
        return verdict.score <= usual.threshold if usual.threshold is not None else verdict.p > USUAL


def _known(codec: Codec, inside: State) -> State:
    """What is kept, as ``inpaint`` is told: without the axis of classes."""
    categorical = codec.categorical()
    return refill(inside, {n: ~(v[..., 0] if n in categorical else v) for n, v in fields(inside)})
