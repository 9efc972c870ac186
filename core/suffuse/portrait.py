"""How the named parts of items are distributed: little enough for a model's file, enough to tell what moves later.

Of each number some of its values are kept, the knots, with how many values are at most each and how many below it; of
each part that is one of several classes, how often each class is; of all, in how many items they are absent. Tallies of
several batches add up, so that a stream of any length is compared in constant memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from typing import Self

import torch
from torch import Tensor

from suffuse import state as states
from suffuse.domain import Codec, Item
from suffuse.state import State, mask_of

KNOTS = 256
"""Values of a number that are kept at most: its distribution is known to one part in as many."""

VALUES = 2**24
"""Numbers that are held at once while knots are chosen."""

SLICE = 4096
"""Items that are encoded at a time."""


@dataclass(frozen=True)
class Slot:
    """One thing that is counted: a number, or a choice among classes.

    Arguments:
        part: whose it is, by its place among the parts' names.
        field: of the state.
        entries: of the field: the one that is the number; those of a choice, which are its classes where the field is
            not categorical.
        classes: how many a choice is among; 0 for a number.
    """

    part: int
    field: str
    entries: tuple[int, ...]
    classes: int = 0


def slots(codec: Codec) -> tuple[Slot, ...]:
    """What is counted of a codec's states: numbers first, then choices; nothing where parts have no names."""
    parts = codec.parts()
    if parts is None:
        return ()
    categorical = codec.categorical()
    numbers: list[Slot] = []
    choices: list[Slot] = []
    for name, ids in states.fields(parts.ids):
        owners = ids.flatten().tolist()
        of_part: dict[int, list[int]] = {}
        for entry, part in enumerate(owners):
            if part >= 0:
                of_part.setdefault(part, []).append(entry)
        for part, entries in of_part.items():
            if name in categorical:
                choices.append(Slot(part, name, tuple(entries), len(categorical[name].frequencies)))
            elif parts.names[part] in parts.classes:
                choices.append(Slot(part, name, tuple(entries), len(entries)))
            else:
                numbers += [Slot(part, name, (entry,)) for entry in entries]
    return (*numbers, *choices)


@dataclass(frozen=True, eq=False)
class Tally:
    """What was counted among items; all of it float64 or int64, on the CPU.

    Arguments:
        items: how many: ``[]``.
        absent: items that have nothing there: ``[slots]``.
        present: values that are there, of each number: ``[numbers]``.
        sums: of these: ``[numbers]``.
        at_most, below: how many of these are at most a knot, and below it: ``[numbers, knots]``.
        classes: how often each class is, those of all choices side by side: ``[classes]``.
    """

    items: Tensor
    absent: Tensor
    present: Tensor
    sums: Tensor
    at_most: Tensor
    below: Tensor
    classes: Tensor

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Portrait:
    """Items, as they are remembered.

    Arguments:
        knots: float64 ``[numbers, knots]``, rising; a value may be there several times.
        tally: of the items, against these knots.
    """

    knots: Tensor
    tally: Tally

    @classmethod
    def of(cls, codec: Codec, items: Sequence[Item]) -> Portrait | None:
        """Of some items; ``None`` where parts have no names.

        Raises:
            DomainInputError: an item cannot be encoded.
        """
        asked = slots(codec)
        if not asked:
            return None
        numbers = [slot for slot in asked if not slot.classes]
        step = max(1, -(-len(items) * max(1, len(numbers)) // VALUES))
        chosen = items if step == 1 else items[::step]
        knots = _knots(
            torch.cat(
                [_present(*_numbers(_laid_out(codec, state), numbers)) for state in _encoded(codec, chosen)], dim=1
            )
        )
        return cls(knots, reduce(Tally.__add__, (count(codec, state, knots) for state in _encoded(codec, items))))

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of it."""
        return {"knots": self.knots, **{f.name: getattr(self.tally, f.name) for f in fields(Tally)}}

    @classmethod
    def from_file(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The inverse of :meth:`tensors`."""
        return cls(tensors["knots"], Tally(**{f.name: tensors[f.name] for f in fields(Tally)}))


def count(codec: Codec, state: State, knots: Tensor) -> Tally:
    """Count the items of one batch.

    Arguments:
        state: encoded.
        knots: to count numbers by.
    """
    asked = slots(codec)
    numbers, choices = [s for s in asked if not s.classes], [s for s in asked if s.classes]
    laid_out = _laid_out(codec, state)
    values, there = _numbers(laid_out, numbers)
    ordered = _present(values, there).sort(dim=1).values
    counted = [_choice(*laid_out[slot.field], slot, slot.field in codec.categorical()) for slot in choices]
    absent = torch.cat([(~there).all(2).sum(1), *(gone[None] for _, gone in counted)])
    return Tally(
        torch.tensor(states.batch_size(state)),
        absent,
        there.flatten(1).sum(1),
        torch.where(there.flatten(1), values, 0.0).sum(1),
        torch.searchsorted(ordered, knots, right=True),
        torch.searchsorted(ordered, knots, right=False),
        torch.cat([torch.zeros(0, dtype=torch.int64), *(found for found, _ in counted)]),
    )


def _encoded(codec: Codec, items: Sequence[Item]) -> Iterator[State]:
    return (codec.encode(items[first : first + SLICE]) for first in range(0, len(items), SLICE))


LaidOut = Mapping[str, tuple[Tensor, Tensor]]
"""By field, float64 ``[entries, items, values of one]``, and which of these are there."""


def _laid_out(codec: Codec, state: State) -> LaidOut:
    """The fields of a state, entry by entry."""
    parts, categorical = codec.parts(), codec.categorical()
    assert parts is not None
    ids = dict(states.fields(parts.ids))
    return {name: _entries(state, name, ids[name], name in categorical) for name, _ in states.fields(state)}


def _entries(state: State, name: str, ids: Tensor, categorical: bool) -> tuple[Tensor, Tensor]:
    """A field as :data:`LaidOut` has it.

    Entries are those of the parts' ids; axes over which ids broadcast hold several values of the same entry. Of a
    categorical field the values are the numbers of classes.
    """
    value = dict(states.fields(state))[name].cpu()
    mask = mask_of(state, name)
    known = torch.ones((), dtype=torch.bool) if mask is None else mask.cpu()
    if categorical:
        known = known[..., 0] if known.ndim == value.ndim else known
        value = value.argmax(-1)
    known = known.expand_as(value)
    shape = (1,) * (value.ndim - ids.ndim) + tuple(ids.shape[1:])
    kept = [axis + 1 for axis, size in enumerate(shape) if size > 1]
    pooled = [axis + 1 for axis, size in enumerate(shape) if size == 1]
    order = (*kept, 0, *pooled)
    items, entries = value.shape[0], ids[0].numel()
    return (
        value.permute(order).reshape(entries, items, -1).double(),
        known.permute(order).reshape(entries, items, -1),
    )


def _numbers(laid_out: LaidOut, asked: Sequence[Slot]) -> tuple[Tensor, Tensor]:
    """Values of numbers, float64 ``[numbers, values]``, and which are there, bool ``[numbers, items, values of one]``.

    A number that has several values in an item, as a channel of a recording, has as many columns for it.
    """
    found: list[Tensor] = []
    there: list[Tensor] = []
    for name in dict.fromkeys(slot.field for slot in asked):
        places = torch.tensor([slot.entries[0] for slot in asked if slot.field == name])
        value, known = laid_out[name]
        found.append(value[places])
        there.append(known[places])
    if not found:
        items = next(iter(laid_out.values()))[0].shape[1]
        return torch.zeros(0, items, dtype=torch.float64), torch.zeros(0, items, 1, dtype=torch.bool)
    longest = max(known.shape[2] for known in there)
    padded = [torch.nn.functional.pad(known, (0, longest - known.shape[2])) for known in there]
    values = [torch.nn.functional.pad(value, (0, longest - value.shape[2])) for value in found]
    return torch.cat(values).flatten(1), torch.cat(padded)


def _choice(value: Tensor, there: Tensor, slot: Slot, categorical: bool) -> tuple[Tensor, Tensor]:
    """How often each class is, int64 ``[classes]``, and how many items have none."""
    places = torch.tensor(slot.entries)
    known = there[places]
    if categorical:
        chosen = value[places].long()
    else:
        chosen, known = value[places].argmax(0)[None], known.all(0)[None]
    return chosen[known].bincount(minlength=slot.classes), (~known).all(2).all(0).sum()


def _present(values: Tensor, there: Tensor) -> Tensor:
    """Values, infinite where there are none."""
    return torch.where(there.flatten(1), values, torch.inf)


def _knots(values: Tensor) -> Tensor:
    """Values of each number, evenly spread over their order: ``[numbers, count]`` to ``[numbers, at most KNOTS]``."""
    ordered = values.sort(dim=1).values
    last = (ordered.isfinite().sum(1, keepdim=True) - 1).clamp_min(0)
    places = (torch.linspace(0.0, 1.0, min(KNOTS, ordered.shape[1]), dtype=torch.float64) * last).round().long()
    return ordered.gather(1, places).nan_to_num(posinf=0.0)
