"""How variations of items are made, each item's by a strength of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suffuse.domain import Item
from suffuse.process import Process, time_of_ratio
from suffuse.rng import Rng
from suffuse.sampling import Step, part_of
from suffuse.tasks.items import encode_items
from suffuse.tasks.plan import Plan, at_places, encode_part
from suffuse.trained import Trained


@dataclass(frozen=True, eq=False)
class Variations:
    """What makes variations.

    Arguments:
        model, plan: by which they are made.
        items: of which they are made.
        numbers: of which item each is.
        asked: the conditions of each, by name.
        strengths: the share of noise that the item of each is mixed with.
    """

    model: Trained
    plan: Plan
    items: Sequence[Item]
    numbers: Sequence[int]
    asked: Mapping[str, Sequence[Any]]
    strengths: Sequence[float]

    def strength(self, place: int) -> float:
        """That of one variation. Only those of one strength are made together: they begin at one time."""
        return self.strengths[place]

    def run(self, places: Sequence[int], rng: Rng) -> Iterator[Step]:
        """Make some of them, all of one strength."""
        own = [self.numbers[place] for place in places]
        x = encode_items(self.model, [self.items[i] for i in own], own)
        start = start_time(self.plan.process, self.strength(places[0]))
        times = self.plan.times if start >= 1.0 else part_of(self.plan.times, start) if start > 0.0 else []
        if not times:
            return iter([Step(x, 0.0)])
        noised = None if start >= 1.0 else self.plan.process.corrupt(x, start, rng.at("vary"))
        given = encode_part(self.model, at_places(self.asked, places), slice(None), len(rng))
        return self.plan.run(rng, given, like=x, x=noised, times=times)


def start_time(process: Process, strength: float) -> float:
    """The time at which the share of noise σ/(α + σ) is ``strength``; 1 where the process never has so much."""
    if strength <= 0.0:
        return 0.0
    return 1.0 if strength >= 1.0 else min(1.0, time_of_ratio(process.schedule, strength / (1.0 - strength)))
