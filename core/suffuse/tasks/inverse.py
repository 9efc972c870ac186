"""What ``inpaint`` and ``restore`` share: sampling items of which something was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.inverse import Measured, Method, Run
from suffuse.registry import make
from suffuse.registry.parts import named
from suffuse.rng import Rng
from suffuse.sampling import DDPM, Steps
from suffuse.state import State
from suffuse.tasks.plan import Plan, Sampling, at_places, deal, encode_part, make_plan
from suffuse.trained import Trained

Named = str | Mapping[str, Any]
"""A component's name, or a mapping of ``name`` and options."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be made.

    Arguments:
        items: each is to be completed.
        count: how often.
        seed: completion c of item i has the seed ``seed + i·count + c``.
        names: what the items are called; their numbers by default.
        conditions: a value for all items, or a list that is dealt out to them in turn, by the condition's name.
    """

    items: Sequence[Item]
    count: int = 1
    seed: int = 0
    names: Sequence[str] | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.items:
            raise DomainInputError("is empty", field="items", expected="at least one item")
        if self.count < 1:
            raise DomainInputError("must be at least 1", field="count", got=self.count)
        if self.names is not None and len(self.names) != len(self.items):
            raise DomainInputError("has another length", field="names", expected=len(self.items), got=len(self.names))

    @property
    def numbers(self) -> list[int]:
        """Of which item each completion is."""
        return [i for i in range(len(self.items)) for _ in range(self.count)]

    @property
    def seeds(self) -> list[int]:
        """Of each completion."""
        return [self.seed + k for k in range(len(self.items) * self.count)]

    @property
    def sources(self) -> list[str]:
        """What the item of each completion is called."""
        return [str(i) if self.names is None else self.names[i] for i in self.numbers]

    @property
    def asked(self) -> dict[str, list[Any]]:
        """The conditions of each completion."""
        dealt = deal(self.conditions, len(self.items))
        return {name: [values[i] for i in self.numbers] for name, values in dealt.items()}


@dataclass(frozen=True, eq=False)
class Completions:
    """Some of what is to be made.

    Arguments:
        items: those that are completed, one for each completion.
        numbers: of them among all items: int64 ``[batch]``.
        conditions: the values of each, by name.
        rng: streams of the completions.
        shared: streams of their items: all completions of an item have the same.
    """

    items: Sequence[Item]
    numbers: Tensor
    conditions: Mapping[str, Sequence[Any]]
    rng: Rng
    shared: Rng


Measure = Callable[[Completions], tuple[State, Measured]]
"""From what is to be made to the states of its items, and what is known of these."""


def plan_of(model: Trained, options: Mapping[str, Any]) -> Plan:
    """How to sample. Where no sampler is named it is DDPM: every method makes errors that its fresh noise forgets."""
    sampling = Sampling(**options)
    return make_plan(model, sampling if sampling.sampler is not None else replace(sampling, sampler=DDPM()))


@dataclass(frozen=True, eq=False)
class Given:
    """What a batch of completions starts from.

    Arguments:
        asked: the completions.
        states: of their items.
        measured: what is known of these.
    """

    asked: Completions
    states: State
    measured: Measured


@dataclass(frozen=True, eq=False)
class Completing:
    """Makes states that agree with what is known, for :func:`suffuse.tasks.making.make`.

    Arguments:
        model: a trained model.
        plan: how to sample, see :func:`plan_of`.
        wanted: of what, and how many.
        measure: tells what is known; the same whenever it is asked.
        method: how it is met.
    """

    model: Trained
    plan: Plan
    wanted: Wanted
    measure: Measure
    method: Method

    def given(self, places: Sequence[int], rng: Rng) -> Given:
        """What the completions of these places start from, with a stream for each."""
        numbers, first = self.wanted.numbers, self.wanted.seed
        own = [numbers[place] for place in places]
        items, shared = [self.wanted.items[i] for i in own], Rng.of([first + i * self.wanted.count for i in own])
        asked = Completions(items, torch.tensor(own), at_places(self.wanted.asked, places), rng, shared)
        return Given(asked, *self.measure(asked))

    def run(self, places: Sequence[int], rng: Rng) -> Steps:
        """Make them."""
        given, plan = self.given(places, rng), self.plan
        run = self.method(Run(plan.guided, plan.process, plan.sampler, plan.times), given.measured)
        conditions = encode_part(self.model, given.asked.conditions, slice(None), len(rng))
        sampler = replace(plan, sampler=run.sampler)
        return sampler.run(rng, conditions, like=given.states, times=run.times, denoiser=run.denoiser)


def made(kind: str, asked: Any) -> Any:
    """A component that was asked for by its name, by a mapping of ``name`` and options, or as it is."""
    if not isinstance(asked, str | Mapping):
        return asked
    name, options = named(asked, kind)
    return make(kind, name, **options)
