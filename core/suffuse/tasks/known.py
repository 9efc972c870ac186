"""Which part of a person's items is kept, as a mask that fits their states.

What an item lacks is never kept. A codec may mask such gaps as it masks padding, so that a model is trained and scored
on what there is; where they are filled, the masks leave out padding alone (:func:`with_gaps`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from suffuse.domain import Categories, Item
from suffuse.errors import DomainInputError, unknown_name
from suffuse.parts import Parts
from suffuse.state import State, fields, is_mask, mask_name, refill, take
from suffuse.tasks.items import encode_gaps
from suffuse.tasks.region import Region
from suffuse.trained import Trained

Fill = str | Region | Sequence[str | Region]
"""The part that is to be filled, by its name where items have named parts, else by slices; of several, all."""

Held = Callable[[State], Mapping[str, Tensor]]
"""Which entries of states a part holds: bool, broadcasting over every field by name."""

KnownOf = Callable[[State, Sequence[Item], Tensor], State]
"""``(states, items, numbers) -> known``: what is kept of some items, of these numbers among all: bool, of the states'
shapes but for the axis of classes, which is 1 long."""


def known_of_items(model: Trained, known: State | None, fill: Fill | None, count: int) -> KnownOf:
    """How to find what is kept; of what items lack, nothing is.

    Arguments:
        model: whose states they are.
        known: true where an item is kept. It broadcasts over the states, or over those of one item; a categorical
            field's is without the axis of its classes.
        fill: the part that is *not* kept. If neither is told: what the items themselves lack, and nothing else.
        count: how many items there are.

    Raises:
        DomainInputError: both are told, or nothing is left to fill.
        RecipeError: a text tells no part.
    """
    if known is not None and fill is not None:
        raise DomainInputError("is told twice", field="fill", expected="either a mask or a part", got="both")
    if known is not None:
        if not isinstance(known, Tensor | dict):
            expected = "a tensor, or one for each field by name"
            raise DomainInputError("is no mask", field="known", expected=expected, got=type(known).__name__)
        if all(bool(mask.all()) for _, mask in fields(known)):
            raise DomainInputError("keeps everything", field="known", expected="false where it is to be filled")
        return _but_gaps(model, lambda states, items, numbers: fitted(model, known, states, numbers, count))
    if fill is not None:
        held = [held_by(model, part) for part in ([fill] if isinstance(fill, str | Region) else fill)]
        return _but_gaps(model, lambda states, items, numbers: _outside(model, held, states))

    def given(states: State, items: Sequence[Item], numbers: Tensor) -> State:
        found = _given(model, states, items)
        if found is None:
            raise DomainInputError(
                "there is nothing to fill", field="fill", expected="a part (--fill) or a mask (--mask)"
            )
        return found

    return given


def with_gaps(model: Trained, items: Sequence[Item], numbers: Sequence[int] | None = None) -> State:
    """As :func:`suffuse.tasks.items.encode_items`, with what the items lack unmasked: it is there to be filled."""
    states = encode_gaps(model, items, range(len(items)) if numbers is None else numbers)
    given = _given(model, states, items)
    return states if given is None else _unmasked(states, given)


def of_one(known: State, states: State, index: int) -> State:
    """What is kept of one item of a batch, without the padding at its end: a batch of one."""
    one = take(known, slice(index, index + 1))
    if isinstance(one, Tensor) or isinstance(states, Tensor):
        return one
    return {name: _cropped(mask, states, name, index) for name, mask in fields(one)}


def _cropped(known: Tensor, states: dict[str, Tensor], name: str, index: int) -> Tensor:
    mask = mask_name(states, name)
    if mask is None:
        return known
    real = states[mask][index]
    for axis in range(min(real.ndim, known.ndim - 1)):
        if real.shape[axis] != known.shape[axis + 1]:  # one place, that stands for all
            continue
        there = real.movedim(axis, 0).flatten(1).any(1) if real.ndim > 1 else real
        known = known.narrow(axis + 1, 0, int(there.nonzero().max()) + 1 if bool(there.any()) else 0)
    return known


def without(states: State, known: State) -> State:
    """The states with all masked that is not kept, to look at what is kept alone.

    That can be done where a mask tells every entry, and where elements at the end of a sequence are not kept at all.
    """
    if isinstance(states, Tensor):
        return states
    kept = dict(fields(known))
    hidden = dict(states)
    for name, value in fields(states):
        mask = mask_name(states, name)
        if mask is not None and hidden[mask].shape == value.shape:
            hidden[mask] = hidden[mask] & kept[name]
    if all(mask.ndim == 2 or _of_pairs(mask) for name, mask in states.items() if is_mask(name)):
        for mask, names in _covered(states).items():
            some = torch.stack([kept[name].flatten(2).any(2) for name in names]).any(0) & states[mask]
            hidden[mask] = hidden[mask] & _up_to_last(some)
            for name, pairs in hidden.items():
                if is_mask(name) and _of_pairs(pairs):
                    hidden[name] = pairs & hidden[mask][:, :, None] & hidden[mask][:, None, :]
    return hidden


def _of_pairs(mask: Tensor) -> bool:
    return mask.ndim == 3 and mask.shape[1] == mask.shape[2]


def _covered(states: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """The fields that each mask of elements covers."""
    found: dict[str, list[str]] = {}
    for name, value in fields(dict(states)):
        mask = mask_name(dict(states), name)
        if mask is not None and value.ndim > 2 and states[mask].ndim == 2:
            found.setdefault(mask, []).append(name)
    return found


def _up_to_last(some: Tensor) -> Tensor:
    """True up to the last true of each row, ``[batch, n]``; everywhere in a row without any."""
    behind = some.flip(1).cummax(1).values.flip(1)
    return behind | ~some.any(1, keepdim=True)


def _but_gaps(model: Trained, kept: KnownOf) -> KnownOf:
    """What is kept, less what the items lack."""

    def known(states: State, items: Sequence[Item], numbers: Tensor) -> State:
        found, given = kept(states, items, numbers), _given(model, states, items)
        if given is None:
            return found
        there = dict(fields(given))
        return refill(states, {name: mask & there[name] for name, mask in fields(found)})

    return known


def _unmasked(states: State, given: State) -> State:
    """The states with masks that are true where something is not given."""
    if isinstance(states, Tensor):
        return states
    there, opened = dict(fields(given)), dict(states)
    for name, _ in fields(states):
        mask = mask_name(states, name)
        if mask is not None:
            opened[mask] = opened[mask] | _any_over(~there[name], opened[mask])
    return opened


def _any_over(lacking: Tensor, mask: Tensor) -> Tensor:
    """Whether anything is lacking, for each entry of a mask: over the axes that it leaves out, or has one place for."""
    beyond = tuple(range(mask.ndim, lacking.ndim))
    lacking = lacking.any(beyond) if beyond else lacking
    single = tuple(axis for axis in range(1, mask.ndim) if mask.shape[axis] == 1)
    return lacking.any(single, keepdim=True) if single else lacking


def held_by(model: Trained, part: str | Region) -> Held:
    """What of a state a part holds: one that has a name, or a region told by slices."""
    categorical, parts = model.codec.categorical(), model.codec.parts()
    if isinstance(part, str) and parts is not None and _means_part(parts, part, model.codec.like(1)):
        number = parts.index(part)
        return lambda states: parts.held(number, states, categorical)
    region = part if isinstance(part, Region) else Region.parse(part, model.codec.units())
    return lambda states: region.inside(states, categorical)


def _means_part(parts: Parts, text: str, like: State) -> bool:
    """Whether a text is a part's name, or a word that names nothing else."""
    return text in parts.names or (text.isidentifier() and text not in dict(fields(like)))


def _outside(model: Trained, held: Sequence[Held], states: State) -> State:
    """All but some parts."""
    categorical = model.codec.categorical()
    inside = [of(states) for of in held]

    def known(name: str, value: Tensor) -> Tensor:
        mask = ~torch.stack([h[name].expand_as(value) for h in inside]).any(0)
        return _symmetric(mask[..., :1], categorical[name]) if name in categorical else mask

    return refill(states, {name: known(name, value) for name, value in fields(states)})


def _given(model: Trained, states: State, items: Sequence[Item]) -> State | None:
    """What the items themselves are not lacking; ``None`` if the domain's items have no gaps."""
    known = model.codec.known(items)
    if known is None:
        return None
    return fitted(model, known, states, torch.arange(len(items)), len(items))


def fitted(model: Trained, known: State, states: State, numbers: Tensor, count: int) -> State:
    """A mask of all items as one of some of their states.

    Raises:
        DomainInputError: it is not bool, does not fit, or lacks a field.
    """
    categorical = model.codec.categorical()
    masks, values = dict(fields(known)), dict(fields(states))
    for name in masks:
        if name not in values:
            raise unknown_name("field", name, values, DomainInputError, field="known")
    for name in values:
        if name not in masks:
            raise DomainInputError("lacks a field", field="known", expected=", ".join(values), got=", ".join(masks))
    return refill(states, {n: _fit(masks[n], v, n, categorical.get(n), numbers, count) for n, v in values.items()})


def _fit(mask: Tensor, value: Tensor, name: str, categories: Categories | None, numbers: Tensor, count: int) -> Tensor:
    field = f"known.{name}" if name else "known"
    shape = value.shape if categories is None else value.shape[:-1]
    if mask.dtype != torch.bool:
        raise DomainInputError("is not bool", field=field, expected="true where kept", got=mask.dtype)
    if mask.ndim == len(shape) and len(mask) == count:
        mask = mask[numbers.to(mask.device)]
    try:
        mask = mask.to(value.device).expand(shape)
    except RuntimeError as error:
        raise DomainInputError(
            "does not fit the states", field=field, got=list(mask.shape),
            expected=f"what broadcasts over {[count, *shape[1:]]}",
        ) from error  # fmt: skip
    return mask if categories is None else _symmetric(mask[..., None], categories)


def _symmetric(known: Tensor, categories: Categories) -> Tensor:
    """A pair is kept if it is so both ways round."""
    return known & known.transpose(1, 2) if categories.symmetric else known
