"""What items are worth to a user, by a function of their own; larger is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from suffuse.domain import Item
from suffuse.errors import RecipeError
from suffuse.files import digest
from suffuse.rng import Rng
from suffuse.sampling import Steering, Step, Steps
from suffuse.scripts import function_of, split_place
from suffuse.state import State
from suffuse.tasks.making import Run
from suffuse.tasks.plan import Plan
from suffuse.trained import Trained

STEERING = ("reward", "reward_weight", "reward_every", "particles")
"""The keywords of verbs that can be steered so."""

Function = Callable[[list[Item]], Iterable[float | None]]
"""``items -> scores``: a number for each, larger being better; ``None`` or NaN for one that cannot be scored."""


@dataclass(frozen=True)
class Scorer:
    """A function of a user's, held to what it promises.

    Arguments:
        function: scores items.
        name: what it is called.
        version: tells it from others of that name.
    """

    function: Function
    name: str
    version: str = ""

    def __call__(self, items: Sequence[Item]) -> list[float]:
        """The score of each item; NaN where there is none, which is the worst.

        Raises:
            RecipeError: the function fails, or gives something else than a number for each.
        """
        if not items:
            return []
        try:
            given = self.function(list(items))
            several = isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)
            values = list(given) if several else []
        except Exception as error:
            raise RecipeError(
                f"failed: {type(error).__name__}: {error}", field=self.name,
                fix="items that are broken may be among those to score; give None for one that cannot be scored",
            ) from error  # fmt: skip
        if not several:
            raise self._wrong("gave no list", "a number for each item", repr(given)[:80])
        scores = [self._number(value, i) for i, value in enumerate(values)]
        if len(scores) != len(items):
            raise self._wrong("gave another number of scores than it got items", len(items), len(scores))
        return scores

    def __str__(self) -> str:
        return f"{self.name} ({self.version})" if self.version else self.name

    def _number(self, value: Any, index: int) -> float:
        if value is None:
            return math.nan
        expected, got = "a finite number, or None", f"{value!r:.80} for item {index}"
        if isinstance(value, str | bytes):
            raise self._wrong("gave no number", expected, got)
        try:
            score = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise self._wrong("gave no number", expected, got) from error
        if score == math.inf:
            raise self._wrong("gave no number", expected, got)
        return math.nan if score == -math.inf else score

    def _wrong(self, what: str, expected: object, got: object) -> RecipeError:
        return RecipeError(what, field=self.name, expected=expected, got=got)


Asked = str | Function | Scorer
"""A function of items, or where it is: ``FILE.py:FUNCTION``."""


def scorer_of(asked: Asked, field: str = "reward") -> Scorer:
    """The scorer that is asked for.

    Raises:
        RecipeError: there is none, or what is asked for is none; the message names ``field``.
    """
    if isinstance(asked, Scorer):
        return asked
    if isinstance(asked, str):
        return Scorer(function_of(asked, field), asked, digest(split_place(asked, field)[0]))
    if not callable(asked):
        expected = "a function of items, or FILE.py:FUNCTION"
        raise RecipeError("is no function", field=field, expected=expected, got=repr(asked)[:80])
    return Scorer(asked, getattr(asked, "__name__", type(asked).__name__))


@dataclass(frozen=True)
class Rewarded:
    """Items that are steered by what they are worth; see :class:`suffuse.sampling.Steering`.

    Arguments:
        scorer: tells what they are worth.
        weight: λ, in nats for one unit of the score.
        every: steps from one scoring to the next.
        particles: sampled for each item.
    """

    scorer: Scorer
    weight: float
    every: int
    particles: int

    def steered(self, model: Trained, plan: Plan, run: Callable[[Sequence[int], Rng], Steps]) -> tuple[Plan, Run]:
        """How items are sampled and made, steered: fewer share a batch, as several particles are made for each.

        Raises:
            RecipeError: an option is out of its range.
        """

        def reward(state: State) -> Tensor:
            return torch.tensor(self.scorer(model.codec.decode(state)), dtype=torch.float64)

        steering = Steering(reward, self.particles, self.weight, self.every, self.scorer.name)

        def steer(places: Sequence[int], rng: Rng) -> Iterator[Step]:
            each = [place for place in places for _ in range(self.particles)]
            return steering(run(each, rng.split(self.particles)), plan.process.schedule, rng.at("steering"))

        return replace(plan, batch=max(1, plan.batch // self.particles)), steer

    def to_json(self) -> dict[str, Any]:
        """What steered, as JSON-able data."""
        told = {"weight": self.weight, "every": self.every, "particles": self.particles}
        return {"scorer": self.scorer.name, "version": self.scorer.version, **told}
