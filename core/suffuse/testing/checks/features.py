"""What domains declare of their items: sizes, gaps, an order in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from suffuse.domain import Item
from suffuse.state import State, fields, is_mask, mask_name, mask_of, masked_axes
from suffuse.tasks.known import with_gaps
from suffuse.testing.case import Case
from suffuse.testing.checks.codec import decoded, put_back
from suffuse.testing.compare import SAME, finite, largest_difference
from suffuse.testing.failure import CheckFailure, NotApplicable, require


def sizes(case: Case) -> None:
    """States of items of several sizes have masks, and sampling draws several sizes."""
    state = case.codec.encode([example.item for example in case.many[:64]])
    drawn = case.codec.like(64, case.rng("sizes", count=64))
    for source, found in (("Codec.encode", state), ("Codec.like", drawn)):
        counts = _counts(found)
        require(
            len(counts) > 1, "knows one size only, and the domain declares Features.sizes", field=source,
            expected="masks with different numbers of true entries", got=f"{sorted(counts) or 'no mask'}",
            fix="mask what is padding; let like draw sizes from rng as the data have them",
        )  # fmt: skip


def _counts(state: State) -> set[int]:
    """How many real entries the samples have."""
    masks = [] if isinstance(state, Tensor) else [value for name, value in state.items() if is_mask(name)]
    return {int(row.sum()) for mask in masks[:1] for row in mask}


def gaps(case: Case) -> None:
    """Gaps are known as such, fill with anything that is finite, and leave what is known as it was."""
    items = [example.item for example in case.many]
    gappy = [item for item in items if not _complete(case, item)][:8]
    require(
        bool(gappy), "finds no gap in the data, and the domain declares Features.gaps", field="Codec.known",
        expected=f"false somewhere in {len(items)} training items", got="true everywhere",
        fix="tell gaps in Codec.known; hand the kit a recipe whose data have some",
    )  # fmt: skip
    state, known = case.codec.encode(gappy), case.codec.known(gappy)
    assert known is not None
    require(
        finite(state), "holds numbers that are not finite where an item has a gap", field="Codec.encode",
        expected="any finite number, as 0", got="nan or inf", fix="fill gaps before you compute",
    )  # fmt: skip
    filled = decoded(case, with_gaps(case.trained, gappy))
    merged = put_back(case, gappy, filled)
    difference = _difference_where(case.codec.encode(merged), state, known)
    require(
        difference <= SAME, "does not keep what was known", field="Codec.merge",
        expected="the known entries as they were", got=f"a difference of {difference:.3g}",
        fix="put the original's own values back wherever known is true",
    )  # fmt: skip
    require(
        all(_complete(case, item) for item in merged), "leaves gaps open", field="Codec.merge",
        expected="an item without gaps", got="one with gaps", fix="take from `made` wherever known is false",
    )  # fmt: skip


def _complete(case: Case, item: Item) -> bool:
    known = case.codec.known([item])
    if known is None:
        return True
    return all(bool(entry.all()) for entry in ([known] if isinstance(known, Tensor) else known.values()))


def _difference_where(a: State, b: State, known: State) -> float:
    """The largest difference between two states' fields where they are known and real."""
    found, other, told = 0.0, dict(fields(b)), {"": known} if isinstance(known, Tensor) else known
    for name, value in fields(a):
        mine = told[name] if name in told else told[""]
        where = (mine[..., None] if mine.ndim < value.ndim else mine).expand_as(value)
        mask = mask_of(b, name)
        real = where if mask is None else where & mask
        found = max(found, float((value - other[name]).abs().where(real, torch.zeros(())).max()))
    return found


def time_order(case: Case) -> None:
    """The items' own order runs along the declared axis: an item reversed is the state reversed."""
    axis = case.features.time_axis
    assert axis is not None
    told = False
    for item in case.items:
        forward, backward = case.codec.encode([item]), case.codec.encode([_reversed(item)])
        wanted = _flipped(forward, with_gaps(case.trained, [item]), axis)
        difference = largest_difference(backward, wanted)
        require(
            difference <= SAME, f"does not run along axis {axis} of the state", field="Features.time_axis",
            expected="encode([item[::-1]]) = encode([item]) reversed along it",
            got=f"a difference of {difference:.3g}", fix="look for swapped axes; correct time_axis",
        )  # fmt: skip
        told = told or largest_difference(forward, wanted) > SAME
    if not told:
        raise NotApplicable("the items are the same forwards and backwards")


def _reversed(item: Item) -> Any:
    try:
        back = item[::-1]
    except Exception as error:
        raise CheckFailure(
            "cannot be reversed", field="items", expected="item[::-1], since the domain declares Features.time_axis",
            got=f"{type(error).__name__}: {error}", fix="give the item's class __getitem__, or take time_axis out",
        ) from error  # fmt: skip
    return np.ascontiguousarray(back) if isinstance(back, np.ndarray) else back


def _flipped(state: State, whole: State, axis: int) -> State:
    """A batch of one reversed along an axis with its gaps, its padding staying at the end.

    Arguments:
        state: whose masks may tell gaps, too.
        whole: the same with masks that tell padding alone.
    """
    if isinstance(state, Tensor):
        return state.flip(axis)
    result = dict(state)
    for name, value in fields(state):
        padding, real = mask_of(whole, name), value.shape[axis]
        if padding is not None and axis <= masked_axes(state, name):
            real = int(padding[0].movedim(axis - 1, 0).flatten(1).any(1).sum())
        result[name] = _start_flipped(value, axis, real)
        mask = mask_name(state, name)
        if mask is not None and axis <= masked_axes(state, name):
            result[mask] = _start_flipped(state[mask], axis, min(real, state[mask].shape[axis]))
    return result


def _start_flipped(value: Tensor, axis: int, length: int) -> Tensor:
    """The first entries of an axis in reverse, the others as they are."""
    rest = value.narrow(axis, length, value.shape[axis] - length)
    return torch.cat([value.narrow(axis, 0, length).flip(axis), rest], axis)
