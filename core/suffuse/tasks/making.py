"""What verbs share that make items: batch by batch from seeds to items, until as many as asked for have passed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from suffuse.domain import Item
from suffuse.rng import Rng
from suffuse.sampling import Step
from suffuse.state import State, to
from suffuse.tasks.account import Account
from suffuse.tasks.embed import fingerprint
from suffuse.tasks.evaluations import counted
from suffuse.tasks.filtering import Asked, Kept, Made, Misfit, fill, make_filters
from suffuse.tasks.memory import Memory, open_memory
from suffuse.tasks.plan import OnStep, Plan, parts
from suffuse.trained import Trained

logger = logging.getLogger(__name__)

Run = Callable[[Sequence[int], Rng], Iterator[Step]]
"""``(places, rng) -> steps``: how the items of these places are made together; at least one step, the last at t = 0."""

Finish = Callable[[Sequence[int], Rng, State], Sequence[Item]]
"""``(places, rng, x) -> items``: the items of a batch's last state; must give the same whenever it is asked."""

Together = Callable[[int], float]
"""``(place) -> number``: only items of places with the same number can be made in one batch."""


@dataclass
class Workshop:
    """Makes items, batch by batch, and keeps count.

    Arguments:
        model: a trained model.
        plan: how to sample.
        run: makes a batch.
        memory: what was made before, and where it is kept; ``None``: nothing is remembered.
        on_step: called with (steps done, steps in all) over all batches that are known of.
        trajectory: keep what the denoiser believes after each step.
        together: which items can be made in one batch; any, where nothing is told.
        finish: makes items of the last states; decodes them, where nothing is told.
        known: batches that are known of.
        done: batches that are done.
        sampled: items that were made, and not recalled.
        evaluations: of the network, in making these.
    """

    model: Trained
    plan: Plan
    run: Run
    memory: Memory | None
    on_step: OnStep | None
    trajectory: bool
    together: Together | None = None
    finish: Finish | None = None
    known: int = 0
    done: int = 0
    sampled: int = 0
    evaluations: int = 0

    def __call__(self, places: Sequence[int], seeds: Sequence[int]) -> list[Made]:
        """An item for each of these places, from the seed beside it."""
        batches = list(self._batches(places))
        self.known += len(batches)
        made = [self._batch([places[i] for i in batch], [seeds[i] for i in batch]) for batch in batches]
        found = dict(zip(chain.from_iterable(batches), chain.from_iterable(made), strict=True))
        return [found[i] for i in range(len(places))]

    def _batches(self, places: Sequence[int]) -> Iterator[list[int]]:
        """Which of the places, by their numbers here, make up each batch."""
        numbers: list[list[int]] = [list(range(len(places)))]
        if self.together is not None:
            keys = [self.together(place) for place in places]
            numbers = [list(group) for _, group in groupby(sorted(numbers[0], key=keys.__getitem__), keys.__getitem__)]
        for alike in numbers:
            yield from (alike[cut] for cut in parts(len(alike), self.plan.batch))

    def _batch(self, places: Sequence[int], seeds: Sequence[int]) -> list[Made]:
        recalled = None if self.memory is None else self.memory.recall(seeds)
        x, trail = self._sample(places, seeds) if recalled is None else (to(recalled, self.model.device), [])
        self.done += 1
        items = self.model.codec.decode(x) if self.finish is None else self.finish(places, Rng.of(seeds), x)
        return [Made(item, [seen[i] for seen in trail]) for i, item in enumerate(items)]

    def stream(self, seeds: Sequence[int]) -> Iterator[Item]:
        """An item from each of these seeds, in their order; no more than a batch of items is held."""
        batches = list(self._batches(range(len(seeds))))
        self.known += len(batches)
        for batch in batches:
            yield from (made.item for made in self._batch(batch, [seeds[i] for i in batch]))

    @property
    def each(self) -> float:
        """Evaluations for each item, those included that made what was recalled."""
        items, evaluations = self.sampled, self.evaluations
        if self.memory is not None:
            items, evaluations = items + self.memory.recalled, evaluations + self.memory.evaluations
        return evaluations / items if items else 0.0

    def _sample(self, places: Sequence[int], seeds: Sequence[int]) -> tuple[State, list[list[Item]]]:
        """The last states of a batch, and what was believed on the way."""
        trail: list[list[Item]] = []
        with counted(self.model.denoiser.network) as evaluations:
            for now in self.run(places, Rng.of(seeds)):
                if now.index and self.on_step is not None:
                    self.on_step(self.done * now.total + now.index, self.known * now.total)
                if self.trajectory and now.posterior is not None:
                    trail.append(self.model.codec.decode(now.posterior.mean))
        self.sampled += len(places)
        self.evaluations += evaluations.count
        if self.memory is not None:
            self.memory.keep(seeds, now.x, evaluations.count)
        return now.x, trail


def make(
    model: Trained,
    plan: Plan,
    seeds: Sequence[int],
    run: Run,
    *,
    filters: Sequence[Asked] = (),
    tries: int | None = None,
    memory: Memory | None = None,
    on_step: OnStep | None = None,
    trajectory: bool = False,
    together: Together | None = None,
    finish: Finish | None = None,
    misfit: Misfit | None = None,
) -> tuple[Kept, Account]:
    """Make an item for each place.

    Arguments:
        model, plan, run, on_step, together, finish: see :class:`Workshop`.
        seeds: of each place's first item.
        filters, tries, misfit: see :func:`suffuse.tasks.filtering.fill`.
        memory: see :class:`Workshop`; with a trajectory, which it does not hold, nothing is remembered.
        trajectory: keep what the denoiser believes after each step.

    Returns:
        what passed, and how it came about; a warning tells where fewer passed than were asked for.
    """
    workshop = Workshop(model, plan, run, None if trajectory else memory, on_step, trajectory, together, finish)
    kept = fill(workshop, seeds, make_filters(model, filters), tries, misfit)
    return kept, _account(kept, len(seeds), plan, filters, workshop.each)


def remember(folder: Path, model: Trained, resume: bool = True, **call: Any) -> Memory:
    """The memory of a call of a verb that makes items, so that the same call after an interruption goes on from there.

    Use it as a context; whoever has saved the samples has it :meth:`~suffuse.tasks.memory.Memory.forget` them.

    Arguments:
        folder: where it is kept.
        model: the call's.
        resume: whether to go on; else what the folder remembers is removed.
        call: all other arguments of the call that tell which items are made. Others are told by their text, so that of
            items, or of a mask, a digest has to stand here: :func:`suffuse.files.digest`.

    Raises:
        ResumeError: what is remembered is of another call.
    """
    return open_memory(folder, {"model": fingerprint(model), **call}, resume)


def account_of(workshop: Workshop, count: int) -> Account:
    """How it came about that so many items were streamed."""
    plan = workshop.plan
    return Account(count, count, count, {}, (), workshop.each, len(plan.times) - 1, repr(plan.sampler))


def _account(kept: Kept, count: int, plan: Plan, filters: Sequence[Asked], each: float) -> Account:
    """How it came about that these were kept of so many; a warning tells where fewer passed.

    Arguments:
        kept: what passed.
        count: how many were asked for.
        plan: how they were sampled.
        filters: what they had to pass.
        each: evaluations for each item made.
    """
    account = Account(
        count, kept.tried, len(kept.places), kept.drops, tuple(map(_written, filters)), each, len(plan.times) - 1,
        repr(plan.sampler),
    )  # fmt: skip
    if account.lacking:
        logger.warning("%s", account)
    return account


def _written(asked: Asked) -> str:
    """A filter as a person wrote it, for a manifest."""
    if isinstance(asked, Mapping):
        options = ",".join(f"{key}={value}" for key, value in asked.items() if key != "name")
        return f"{asked['name']}:{options}" if options else str(asked["name"])
    return asked if isinstance(asked, str) else getattr(asked, "__name__", type(asked).__name__)
