"""Symmetries that a domain declares: elements without an order, positions without a direction or a place."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from suffuse.state import State, fields, is_mask, map_fields, mask_of, masked_axes
from suffuse.testing.case import Case
from suffuse.testing.checks.network import belief
from suffuse.testing.compare import SAME, largest_difference, scale_of
from suffuse.testing.failure import NotApplicable, require


def unordered(case: Case) -> None:
    """Elements in another order get the same belief, in that order; there is nothing to look at where the codec's have
    one (``Codec.ordered``)."""
    if case.codec.ordered:
        raise NotApplicable("the elements of this codec are ordered")
    x, noisy = case.noisy.x, case.noisy
    elements = _elements(case, x)
    order = torch.arange(elements).flip(0)
    plain = belief(case)
    with torch.no_grad():
        turned = case.perturbed(_permuted(case, x, order), noisy.t, noisy.conditions).mean
    difference = largest_difference(_permuted(case, plain, order), turned)
    require(
        difference <= SAME * scale_of(plain), "sees the order of elements, and the domain declares Features.unordered",
        field="network", expected="permuted elements, the same belief permuted",
        got=f"a difference of {difference:.3g}",
        fix="no positional embedding, no convolution over elements; the order of pairs follows that of elements",
    )  # fmt: skip


def _elements(case: Case, x: State) -> int:
    """How many elements a sample has, padding included."""
    singles = [value.shape[1] for name, value in fields(x) if not is_of_pairs(case, x, name)]
    return singles[0] if singles else next(value.shape[1] for _, value in fields(x))


def is_of_pairs(case: Case, x: State, name: str) -> bool:
    """Whether a field is ``[batch, n, n, …]``: called symmetric, masked along two axes, or square."""
    told = case.codec.categorical().get(name)
    if told is not None and told.symmetric:
        return True
    value = x if isinstance(x, Tensor) else x[name]
    if value.ndim < 3:
        return False
    return value.shape[1] == value.shape[2] and (masked_axes(x, name) == 2 or value.ndim == 4)


def _permuted(case: Case, x: State, order: Tensor) -> State:
    if isinstance(x, Tensor):
        return x[:, order]
    result = {}
    for name, value in x.items():
        pairs = (
            value.ndim == 3 and value.shape[1] == value.shape[2] if is_mask(name) else is_of_pairs(case, case.x0, name)
        )
        result[name] = value[:, order][:, :, order] if pairs else value[:, order]
    return result


def centred(case: Case) -> None:
    """The positions of each item have mean zero, so that where it lies makes no difference."""
    positions = position_fields(case)
    assert isinstance(case.x0, dict) or "" in positions
    for name, value in positions.items():
        mask = None if isinstance(case.x0, Tensor) else mask_of(case.x0, name)
        real = torch.ones_like(value[..., :1]) if mask is None else mask.to(value.dtype)
        middle = (value * real).sum(1) / real.sum(1).clamp_min(1.0)
        off = float(middle.abs().max())
        require(
            off < 1e-3, "depends on where an item lies, and the domain declares Features.rotations",
            field=f"Codec.encode, field {name!r}", expected="positions whose mean over an item's elements is 0",
            got=f"a mean of {off:.3g}", fix="subtract each item's own mean position",
        )  # fmt: skip


def rotations(case: Case) -> None:
    """A rotated item gets the same belief, rotated; or else training turns items at random."""
    positions = position_fields(case)
    noisy, plain = case.noisy, belief(case)
    with torch.no_grad():
        turned = case.perturbed(_rotated(noisy.x, positions), noisy.t, noisy.conditions).mean
    difference = largest_difference(_rotated(plain, positions), turned)
    if difference <= 10 * SAME * scale_of(plain):
        return
    plain, augmented = case.x0, case.codec.encode(case.items, case.rng("rotations"))
    for name in positions:
        before, after = _value(plain, name), _value(augmented, name)
        require(
            before.shape == after.shape and largest_difference(before, after) > SAME
            and float((_distances(before) - _distances(after)).abs().max()) < 10 * SAME * scale_of(before),
            "is not turned in training, and the network sees directions; the domain declares Features.rotations",
            field=f"field {name!r}", expected="a network that turns with its input, or Codec.encode with"
            " streams turning each item and keeping its distances", got=f"a belief that differs by {difference:.3g}",
            fix="rotate positions in encode where rng is given, or use a network that is equivariant",
        )  # fmt: skip


def position_fields(case: Case) -> Mapping[str, Tensor]:
    """The fields that hold positions: numbers, two or three for each element."""
    found = {
        name: value for name, value in fields(case.x0)
        if name in case.gaussian and value.ndim == 3 and value.shape[-1] in (2, 3)
    }  # fmt: skip
    require(
        bool(found), "holds no positions, and the domain declares Features.rotations", field="Codec.encode",
        expected="a field [batch, n, 2] or [batch, n, 3]", got=[tuple(value.shape) for _, value in fields(case.x0)],
        fix="keep positions in a field of their own, or take rotations out",
    )  # fmt: skip
    return found


def _rotated(x: State, positions: Mapping[str, Tensor]) -> State:
    if isinstance(x, Tensor):
        return x @ _rotation(x.shape[-1])
    return {name: value @ _rotation(value.shape[-1]) if name in positions else value for name, value in x.items()}


def _rotation(axes: int) -> Tensor:
    """A turn by one radian in the plane, and about a second axis in space."""
    c, s = math.cos(1.0), math.sin(1.0)
    if axes == 2:
        return torch.tensor([[c, s], [-s, c]])
    about_z = torch.tensor([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    about_x = torch.tensor([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])
    return about_z @ about_x


def _value(state: State, name: str) -> Tensor:
    """A field, zero in its padding."""
    return dict(fields(map_fields(lambda x: x, state)))[name]


def _distances(x: Tensor) -> Tensor:
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
