r"""``blend``: from one item to another through the items between them.

Both are carried to noise (:mod:`suffuse.tasks.encode`), where a path is taken that stays noise: the great circle
(Shoemake 1985; White 2016), along which the length goes evenly from the one's to the other's,

.. math:: z_w = \frac{ℓ_w}{\sin θ} \left( \sin((1-w)θ) \frac{z_a}{|z_a|} + \sin(wθ) \frac{z_b}{|z_b|} \right),
          \qquad ℓ_w = (1-w) |z_a| + w |z_b|.

A straight line would pass too close to 0: half-way between two noises the length is 0.7 of theirs, which no noise has.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.state import State, combine, concat, is_mask, map_fields, masked_sum, take
from suffuse.tasks.encode import STEPS, decode, encode
from suffuse.tasks.plan import OnStep, warn_of_unseen
from suffuse.tasks.taking import warn_of_left
from suffuse.trained import Trained

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Blend:
    """Items from one to another.

    Arguments:
        items: in the order of the weights.
        weights: how much of the second each has, from 0 to 1.
        error: what the round trip of each of the two items loses, float64 ``[2]``, as
            :class:`~suffuse.tasks.encode.Encoded` has it.
    """

    items: list[Item]
    weights: list[float]
    error: Tensor


def blend(
    model: Trained,
    a: Item,
    b: Item,
    count: int = 5,
    *,
    weights: Sequence[float] | None = None,
    steps: int = STEPS,
    conditions: Mapping[str, Any] | None = None,
    batch: int = 64,
    on_step: OnStep | None = None,
) -> Blend:
    """Make the items between two. The first and the last are the two themselves, but for the round trip's error.

    Arguments:
        model: a trained model of Gaussian noise.
        a, b: items of its domain, of one size.
        count: how many, the two included; or
        weights: how much of ``b`` each is to have.
        steps: of the solver, four evaluations each.
        conditions: what holds for all of them, a value for each condition by name.
        batch: items made at a time; changes the speed, not the items.
        on_step: called with (batches done, batches in all).

    Raises:
        DomainInputError: fewer than two, a weight outside [0, 1], or items of different sizes or gaps.
        UnsupportedError: the model's noise is not Gaussian.
    """
    chosen = _weights(count, weights)
    for name, value in (conditions or {}).items():
        if isinstance(value, list | tuple | range) and len(value) != 1:
            raise DomainInputError("has several values", field=name, expected="one for all", got=list(value))
    warn_of_unseen(model, conditions or {})
    _tell_unlike(model, a, b)
    ends = encode(model, [a, b], steps=steps, conditions=conditions, batch=batch)
    assert ends.error is not None
    first, second = (take(ends.states, slice(i, i + 1)) for i in range(2))
    _require_same_size(first, second)
    path = concat([slerp(first, second, weight) for weight in chosen])
    dealt = {name: [values[0]] * len(chosen) for name, values in ends.conditions.items()}
    between = replace(ends, states=path, error=None, conditions=dealt)
    return Blend(decode(model, between, batch=batch, on_step=on_step), chosen, ends.error)


def slerp(a: State, b: State, weight: float) -> State:
    """The point of the great circle from ``a`` to ``b``, sample by sample; a straight line where they point alike."""
    tiny = torch.finfo(torch.float64).tiny
    length_a, length_b = (_inner(x, x).sqrt().clamp_min(tiny) for x in (a, b))
    angle = (_inner(a, b) / (length_a * length_b)).clamp(-1.0, 1.0).acos()
    length = (1.0 - weight) * length_a + weight * length_b
    alike = angle.sin() < 1e-6

    def share(part: float, own: Tensor) -> Tensor:
        along = (part * angle).sin() / torch.where(alike, 1.0, angle.sin())
        return torch.where(alike, part, along * length / own)

    return combine((share(1.0 - weight, length_a), a), (share(weight, length_b), b))


def _tell_unlike(model: Trained, a: Item, b: Item) -> None:
    """Warn of what the model cannot hold of two items, and where they are not as large as each other."""
    warn_of_left(model.codec, [[a], [b]])
    first, second = (model.codec.extent(item) for item in (a, b))
    if first != second:
        told = [", ".join(f"{extent:.4g} {name}" for name, extent in one.items()) for one in (first, second)]
        logger.warning("the first item is of %s, the second of %s: what is between is of neither's", *told)


def _inner(a: State, b: State) -> Tensor:
    return masked_sum(map_fields(lambda v, w: v.double() * w.double(), a, b))


def _weights(count: int, weights: Sequence[float] | None) -> list[float]:
    if weights is None:
        if count < 2:
            raise DomainInputError(
                "is too few", field="count", expected="at least 2, the two items themselves", got=count
            )
        return [i / (count - 1) for i in range(count)]
    chosen = [float(weight) for weight in weights]
    if not chosen or not all(0.0 <= weight <= 1.0 for weight in chosen):
        raise DomainInputError("are out of range", field="weights", expected="numbers from 0 to 1", got=weights)
    return chosen


def _require_same_size(a: State, b: State) -> None:
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return
    for name, value in a.items():
        if is_mask(name) and not torch.equal(value, b[name]):
            raise DomainInputError(
                "are of different sizes, or lack different parts", field="items", expected="two of the same size",
                got=" and ".join(f"{int(mask.sum())} places" for mask in (value, b[name])),
                fix="if they have gaps, fill them first (suffuse inpaint)",
            )  # fmt: skip
