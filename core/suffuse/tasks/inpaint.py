"""``inpaint``: keep a part of items, and make the rest anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.inverse import Measured, Method
from suffuse.inverse.repaint import compose
from suffuse.operators import Mask
from suffuse.process import Gaussian
from suffuse.rng import Rng
from suffuse.state import State, to
from suffuse.tasks.filtering import Asked
from suffuse.tasks.inverse import Completing, Completions, Given, Measure, Named, Wanted, made, plan_of
from suffuse.tasks.items import renumbered
from suffuse.tasks.known import Fill, KnownOf, fitted, known_of_items, of_one, with_gaps, without
from suffuse.tasks.making import make
from suffuse.tasks.memory import Memory
from suffuse.tasks.plan import SAMPLING, OnStep, at_places, warn_of_unseen
from suffuse.tasks.reach import require_reached
from suffuse.tasks.samples import Samples
from suffuse.trained import Trained

OPTIONS = (*SAMPLING, "fill", "keep", "method", "count", "seed", "names", "filters", "tries", "memory", "on_step")
"""The keywords of :func:`inpaint` that are no conditions."""


def inpaint(
    model: Trained,
    items: Sequence[Item],
    known: State | None = None,
    *,
    fill: Fill | None = None,
    keep: str | None = None,
    method: Method | Named | None = None,
    count: int = 1,
    seed: int = 0,
    names: Sequence[str] | None = None,
    conditions: Mapping[str, Any] | None = None,
    filters: Sequence[Asked] = (),
    tries: int | None = None,
    memory: Memory | None = None,
    on_step: OnStep | None = None,
    **options: Any,
) -> Samples:
    """Fill in a part of items, and what they lack. What is kept comes back exactly as it was, where the codec loses
    nothing.

    Arguments:
        model: a trained model.
        items: of its domain.
        known: bool, true where an item is kept: a tensor, or one for each field of the state, that broadcasts over the
            states of all items or of one (a categorical field's without the axis of its classes); or
        fill: the part that is *not* kept: a :class:`~suffuse.tasks.region.Region`, or text as ``"8:20,8:20"``;
            several tell several parts; or
        keep: the part that *is* kept, in the domain's own words, of items that become larger than they are: see
            :meth:`suffuse.domain.Codec.grow`. If nothing is told: what the items themselves lack, and nothing else.
        method: ``repaint``, ``mmps``, ``diffpir``, ``pigdm``, ``dps``, a mapping of ``name`` and options, or one of
            your own. By default ``mmps`` where all noise is Gaussian, else ``repaint``, which knows every noise.
        count: completions of each item, one after the other.
        seed: completion c of item i has the seed ``seed + i·count + c``.
        names: what the items are called; their numbers by default.
        conditions: a value for all items, or a list that is dealt out to them in turn, by the condition's name.
        filters, tries: what a completion has to pass, and how many are made at most; as for
            :func:`~suffuse.tasks.generate.generate`.
        memory: see :func:`suffuse.tasks.making.remember`.
        on_step: called with (steps done, steps in all) over all batches, as far as these are known.
        options: those of :class:`~suffuse.tasks.plan.Sampling`; the sampler is DDPM unless told otherwise.

    Raises:
        DomainInputError: the mask or the part does not fit, nothing is to be filled, or the domain cannot take an item.
        RecipeError: a text tells no part, or an option that the method does not have.
        UnsupportedError: the method or the sampler cannot work with the model's process.
    """
    wanted = Wanted(items=items, count=count, seed=seed, names=names, conditions=conditions or {})
    warn_of_unseen(model, wanted.conditions)
    if keep is not None and (known is not None or fill is not None):
        raise DomainInputError("is told besides what is filled", field="keep", expected="one of both", got=keep)
    if fill is not None:
        require_reached(model, items, fill)
    grows = known is None and fill is None and _grow(model, items, keep, wanted)
    measure = _growing(model, keep) if grows else _masking(model, known_of_items(model, known, fill, len(items)))
    plan, chosen = plan_of(model, options), made("method", method or default_method(model))
    completing = Completing(model, plan, wanted, measure, chosen)
    before: dict[int, tuple[Item, Item]] = {}

    def finish(places: Sequence[int], rng: Rng, x: State) -> list[Item]:
        given = completing.given(places, rng)
        found = _completed(model, given, x, grows)
        before.update(zip(given.asked.numbers.tolist(), (shown for _, shown in found), strict=True))
        return [item for item, _ in found]

    kept, account = make(
        model, plan, wanted.seeds, completing.run, filters=filters, tries=tries, memory=memory, on_step=on_step,
        finish=finish,
    )  # fmt: skip
    filled = [one.item for one in kept.made]
    whole = [[*before[i], *filled[i * count : (i + 1) * count]] for i in range(len(items))]
    return Samples(
        filled, kept.seeds, at_places(wanted.asked, kept.places), sources=[wanted.sources[p] for p in kept.places],
        rows=None if account.lacking else whole, account=account,
    )  # fmt: skip


def _completed(model: Trained, given: Given, x: State, grown: bool) -> list[tuple[Item, tuple[Item, Item]]]:
    """The completions of a batch; and of each what it was made of: the whole item, and what was kept of it."""
    assert isinstance(given.measured.operator, Mask)
    items, known = given.asked.items, given.measured.operator.known
    kept = [of_one(known, given.states, i) for i in range(len(items))]
    decoded = model.codec.decode(compose(x, given.states, known))
    return [
        (model.codec.merge(item, new, one), shown)
        for item, new, one, shown in zip(items, decoded, kept, _shown(model, given, kept, grown), strict=True)
    ]


def _shown(model: Trained, given: Given, kept: Sequence[State], grown: bool) -> list[tuple[Item, Item]]:
    """Each item, and what is kept of it: with gaps where its domain has such, else as their states are decoded."""
    assert isinstance(given.measured.operator, Mask)
    items = given.asked.items
    emptied = [] if grown else [model.codec.emptied(*pair) for pair in zip(items, kept, strict=True)]
    if emptied and all(item is not None for item in emptied):
        return list(zip(items, emptied, strict=True))
    whole = items if grown else model.codec.decode(model.codec.encode_gaps(items))
    alone = model.codec.decode(without(given.measured.value, given.measured.operator.known))
    return list(zip(whole, alone, strict=True))


def _masking(model: Trained, kept: KnownOf) -> Measure:
    """A part of the items as they are is known."""

    def measure(asked: Completions) -> tuple[State, Measured]:
        states = with_gaps(model, asked.items, asked.numbers.tolist())
        mask = Mask(kept(states, asked.items, asked.numbers))
        return states, Measured(mask, mask(states))

    return measure


def _growing(model: Trained, keep: str | None) -> Measure:
    """A part is known of items that become larger."""

    def measure(asked: Completions) -> tuple[State, Measured]:
        grown = model.codec.grow(asked.items, keep, asked.conditions, asked.rng.at("grow"))
        assert grown is not None, "all items grow, or none"
        states = to(grown.states, model.device)
        mask = Mask(fitted(model, grown.known, states, torch.arange(len(asked.items)), len(asked.items)))
        return states, Measured(mask, mask(states))

    return measure


def _grow(model: Trained, items: Sequence[Item], keep: str | None, wanted: Wanted) -> bool:
    """Whether items become larger: all do, or none.

    Each is looked at alone, before anything is made, so that what is wrong with one is told of it by its number.
    """
    asked = wanted.asked
    grows = []
    for i, item in enumerate(items):
        place = i * wanted.count
        try:
            grown = model.codec.grow([item], keep, at_places(asked, [place]), Rng.of([wanted.seeds[place]]).at("grow"))
        except DomainInputError as error:
            raise renumbered(error, [i]) from error
        grows.append(grown is not None)
    if any(grows) and not all(grows):
        raise DomainInputError(
            "are whole, others are not", field="items", expected="all of a kind",
            got=f"items[{grows.index(False)}], {wanted.sources[grows.index(False) * wanted.count]}",
            fix="give these alone, or tell of all what is kept",
        )  # fmt: skip
    return any(grows)


def default_method(model: Trained) -> str:
    """The method that is best where it works (``benchmarks/inverse.py``), else the one that works everywhere."""
    return "mmps" if isinstance(model.process, Gaussian) else "repaint"
