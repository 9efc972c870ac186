"""``generate``: make items out of noise, freely or under conditions, until as many as asked for have passed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.rng import Rng
from suffuse.sampling import Step
from suffuse.state import State, to
from suffuse.tasks.embed import fingerprint
from suffuse.tasks.filtering import Asked
from suffuse.tasks.making import make
from suffuse.tasks.memory import Memory, open_memory
from suffuse.tasks.plan import SAMPLING, OnStep, Sampling, at_places, deal, encode_part, make_plan
from suffuse.tasks.samples import Samples
from suffuse.trained import Trained

OPTIONS = (*SAMPLING, "on_step", "trajectory", "seeds", "filters", "tries", "memory")
"""The keywords of :func:`generate` that are no conditions."""


def generate(
    model: Trained,
    count: int = 1,
    *,
    seed: int = 0,
    seeds: Sequence[int] | None = None,
    conditions: Mapping[str, Any] | None = None,
    filters: Sequence[Asked] = (),
    tries: int | None = None,
    memory: Memory | None = None,
    on_step: OnStep | None = None,
    trajectory: bool = False,
    **options: Any,
) -> Samples:
    """Make items.

    Arguments:
        model: a trained model.
        count: how many.
        seed: item i has seed ``seed + i``, and is the same alone or among others; or
        seeds: the items' seeds themselves.
        conditions: a value for all items, or a list that is dealt out in turn, by the condition's name.
        filters: what an item has to pass. One that does not is dropped and counted, and another is made in its place,
            under the same conditions, from the next seed that was not used; see :func:`suffuse.tasks.filtering.fill`.
        tries: items made at most; ten for each that is asked for by default. Where they are used up, fewer come out,
            and a warning says why.
        memory: see :func:`remember`.
        on_step: called with (steps done, steps in all) over all batches, as far as these are known: with filters more
            may follow.
        trajectory: keep the belief after each step.
        options: those of :class:`~suffuse.tasks.plan.Sampling`.

    Raises:
        DomainInputError: ``count`` is not positive, ``tries`` is less, or a condition does not fit the model.
        PluginError: there is no such filter.
        RecipeError: an option that a filter does not have, or cannot do without.
        UnsupportedError: the sampler cannot work with the model's process.
    """
    seeds = list(range(seed, seed + count)) if seeds is None else list(seeds)
    if not seeds:
        raise DomainInputError("must be at least 1", field="count", got=count)
    plan = make_plan(model, Sampling(**options))
    asked = deal(conditions or {}, len(seeds))

    def run(places: Sequence[int], rng: Rng) -> Iterator[Step]:
        wanted = at_places(asked, places)
        like: State = to(model.codec.like_under(wanted, len(rng), rng.at("like")), model.device)
        return plan.run(rng, encode_part(model, wanted, slice(None), len(rng)), like=like)

    kept, account = make(
        model, plan, seeds, run, filters=filters, tries=tries, memory=memory, on_step=on_step, trajectory=trajectory
    )
    frames: list[list[Item]] = [list(seen) for seen in zip(*(one.trail for one in kept.made), strict=True)]
    return Samples(
        [one.item for one in kept.made], kept.seeds, at_places(asked, kept.places), frames if trajectory else None,
        account=account,
    )  # fmt: skip


def remember(folder: Path, model: Trained, resume: bool = True, **call: Any) -> Memory:
    """The memory of a call of :func:`generate`, so that the same call after an interruption goes on from there.

    Use it as a context; whoever has saved the samples has it :meth:`~suffuse.tasks.memory.Memory.forget` them.

    Arguments:
        folder: where it is kept.
        model: the call's.
        resume: whether to go on; else what the folder remembers is removed.
        call: all other arguments of the call that tell which items are made.

    Raises:
        DataError: what is remembered is of another call.
    """
    return open_memory(folder, {"model": fingerprint(model), **call}, resume)
