"""What is kept of an item comes back as it was, as ``inpaint`` puts it back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from suffuse.domain import Item
from suffuse.inverse.repaint import compose
from suffuse.state import State, fields, mask_of, refill, take
from suffuse.tasks.known import known_of_items, of_one, with_gaps
from suffuse.tasks.region import Region, Span
from suffuse.testing.case import COUNT, Case
from suffuse.testing.checks.codec import arbitrary, decoded
from suffuse.testing.checks.symmetry import position_fields
from suffuse.testing.compare import SAME, items_mismatch, scale_of
from suffuse.testing.failure import CheckFailure, require

FIX = "take from `original` wherever known is true; it has the item's own length, whatever the batch is padded to"


def kept_survives(case: Case) -> None:
    """What is kept of an item comes back as it was, whether that is all of it or half, among items of other sizes."""
    items = various(case)
    states = with_gaps(case.trained, items)
    _all_survives(case, items, states)
    kept = known_of_items(case.trained, None, _second_half(case, states), len(items))
    known = kept(states, items, torch.arange(len(items)))
    filled = merged(case, items, states, known)
    for i, (item, found) in enumerate(zip(items, filled, strict=True)):
        before, after = case.codec.encode([item]), case.codec.encode([found])
        kept_of_it = of_one(known, states, i)
        lost = _difference_where(case, before, case.codec.encode(decoded(case, before)), kept_of_it)
        difference = _difference_where(case, before, after, kept_of_it)
        require(
            difference <= SAME * scale_of(before) + 2 * lost, "changes what is kept where half of an item is",
            field="Codec.merge", expected=f"items[{i}]: the kept half of its state as it was",
            got=f"a difference of {difference:.3g}", fix=FIX,
        )  # fmt: skip


def _all_survives(case: Case, items: Sequence[Item], states: State) -> None:
    """Items without gaps, of which everything is kept, come back whole."""
    there = [i for i, item in enumerate(items) if _complete(case, item)]
    if not there:
        return
    chosen, whole = [items[i] for i in there], take(states, torch.tensor(there))
    found = items_mismatch(
        case.codec, chosen, merged(case, chosen, whole, _everything(case, whole)), case.features.tolerance
    )
    require(
        found is None, "changes an item of which everything is kept", field="Codec.merge",
        expected=f"the items, within Features.tolerance = {case.features.tolerance:g}", got=found, fix=FIX,
    )  # fmt: skip


def various(case: Case) -> list[Item]:
    """As many items as most checks look at, from the smallest to the largest where sizes vary."""
    if not case.features.sizes:
        return case.items
    sized = [(_size(case.codec.encode([example.item])), example.item) for example in case.many[:64]]
    rising = [item for size, item in sorted(sized, key=lambda pair: pair[0]) if size > 0]
    return [rising[i * (len(rising) - 1) // (COUNT - 1)] for i in range(COUNT)]


def _size(state: State) -> int:
    """How many real entries a state has."""
    masks = ((value, mask_of(state, name)) for name, value in fields(state))
    return sum(value.numel() if mask is None else int(mask.expand_as(value).sum()) for value, mask in masks)


def merged(case: Case, items: Sequence[Item], states: State, known: State) -> list[Item]:
    """Items whose unknown part is noise, put together as ``inpaint`` does.

    Arguments:
        case: the domain's.
        items: the originals.
        states: of the items, with masks that leave out padding alone.
        known: true where they are kept, shaped like the states but for the axis of classes.
    """
    made = decoded(case, compose(arbitrary(case, 1.0, states), states, known))
    found = []
    for i, (item, new) in enumerate(zip(items, made, strict=True)):
        try:
            found.append(case.codec.merge(item, new, of_one(known, states, i)))
        except Exception as error:
            shapes = {name or "known": list(mask.shape) for name, mask in fields(of_one(known, states, i))}
            raise CheckFailure(
                f"fails: {type(error).__name__}: {error}", field="Codec.merge", expected="an item",
                got=f"known of the shapes {shapes}", fix=FIX,
            ) from error  # fmt: skip
    return found


def _everything(case: Case, states: State) -> State:
    categorical = case.codec.categorical()
    return refill(
        {} if isinstance(states, dict) else states,
        {n: torch.ones_like(v[..., :1] if n in categorical else v, dtype=torch.bool) for n, v in fields(states)},
    )


def _complete(case: Case, item: Item) -> bool:
    known = case.codec.known([item])
    return known is None or all(bool(mask.all()) for _, mask in fields(known))


def _second_half(case: Case, states: State) -> Region:
    """The second half of each field along an axis of several places; of fields without one, every other.

    It is the last axis of a grid, which is time where frequencies are an axis too, and the first of elements.
    """
    spans: dict[str, tuple[Span, ...]] = {}
    for number, (name, value) in enumerate(fields(states)):
        classes = name in case.codec.categorical()
        grid = isinstance(states, Tensor) and not classes
        axes = range(value.ndim - 1, 1, -1) if grid else range(1, value.ndim - classes)
        long = next((k for k, axis in enumerate(axes) if value.shape[axis] > 1), None)
        if long is not None:
            before = axes[long] - (2 if grid else 1)
            spans[name] = (Span.parse(":"),) * before + (Span.parse("50%:"),)
        elif number % 2:
            spans[name] = ()
    return Region(spans)


def _difference_where(case: Case, before: State, after: State, known: State) -> float:
    """The largest difference between two states of one item where it is kept and real.

    Where neither a shift nor a rotation changes what an item is, its elements' distances are compared instead of their
    positions.
    """
    positions = position_fields(case) if case.features.rotations else {}
    masks, later, found = dict(fields(known)), dict(fields(after)), 0.0
    for name, value in fields(before):
        mask = mask_of(before, name)
        where = masks[name].expand_as(value)
        where = where if mask is None else where & mask
        seen = _over(later[name], value)
        if name in positions:
            elements = where.all(-1)[0]
            value, seen = (torch.cdist(x[:, elements], x[:, elements]) for x in (value, seen))
            where = torch.ones_like(value, dtype=torch.bool)
        off = (value - seen).abs()[where]
        found = max(found, float(off.max()) if off.numel() else 0.0)
    return found


def _over(x: Tensor, like: Tensor) -> Tensor:
    """A tensor on another's shape, infinite where it has no entries."""
    result = torch.full_like(like, math.inf)
    both = [slice(0, min(p, q)) for p, q in zip(x.shape, like.shape, strict=True)]
    result[tuple(both)] = x[tuple(both)]
    return result
