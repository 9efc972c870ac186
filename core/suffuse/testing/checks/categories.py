"""Categorical fields: one-hot, counted right, and the same after a round trip; pair fields symmetric."""

from __future__ import annotations

import torch
from torch import Tensor

from suffuse.domain import Categories
from suffuse.sampling import DDPM, UniformTime, sample
from suffuse.state import State, fields, mask_of
from suffuse.testing.case import Case
from suffuse.testing.checks.codec import decoded, encoded
from suffuse.testing.failure import NotApplicable, require

OFF = 0.15
"""The largest total-variation distance between declared and counted frequencies, over the items that are looked at."""


def _categorical(case: Case) -> dict[str, Categories]:
    found = dict(case.codec.categorical())
    if not found:
        raise NotApplicable("states have no categorical fields")
    return found


def _value(state: State, name: str) -> Tensor:
    return state if isinstance(state, Tensor) else state[name]


def _mask(state: State, name: str) -> Tensor:
    """Bool ``[batch, *positions]``, true where an entry is real."""
    value = _value(state, name)
    mask = None if isinstance(state, Tensor) else mask_of(state, name)
    if mask is None:
        return torch.ones(value.shape[:-1], dtype=torch.bool)
    return mask.expand_as(value)[..., 0]


def categories(case: Case) -> None:
    """Categorical fields are one-hot with as many classes as frequencies, and these are the training data's."""
    told, names = _categorical(case), [name for name, _ in fields(case.x0)]
    states = encoded(case, [example.item for example in case.many])
    for name, what in told.items():
        where = f"Codec.categorical, field {name!r}"
        require(
            name in names, "is no field of the states", field=where, expected=", ".join(names), got=name,
            fix="use the states' own names",
        )  # fmt: skip
        value = _value(case.x0, name)
        require(
            len(what.frequencies) == value.shape[-1], "has another number of classes than the states", field=where,
            expected=value.shape[-1], got=len(what.frequencies), fix="one frequency for each entry of the last axis",
        )  # fmt: skip
        rows = torch.cat([_value(state, name)[_mask(state, name)] for state in states])
        if case.features.gaps:
            rows = rows[rows.any(-1)]  # a gap has no class
        single = bool(((rows == 0) | (rows == 1)).all()) and bool((rows.sum(-1) == 1).all())
        require(
            single, "is not one-hot", field=f"Codec.encode, field {name!r}",
            expected="a single 1 in each real entry", got="other rows", fix="torch.eye(classes)[indices]",
        )  # fmt: skip
        counted = rows.double().mean(0) / rows.double().mean(0).sum()
        distance = float((counted - torch.tensor(what.frequencies, dtype=torch.float64)).abs().sum() / 2)
        require(
            distance < OFF, "tells other frequencies than the training data have", field=where,
            expected=f"about {_rounded(counted)}", got=_rounded(torch.tensor(what.frequencies)),
            fix="count the classes in fit_codec, in the order of the last axis",
        )  # fmt: skip


def _rounded(x: Tensor) -> list[float]:
    return [round(float(v), 3) for v in x]


def categories_survive(case: Case) -> None:
    """Each class is the same one after decoding and encoding."""
    told = _categorical(case)
    again = case.codec.encode(decoded(case, case.x0))
    for name in told:
        before, after = _value(case.x0, name), _value(again, name)
        same = before.shape == after.shape
        place = _first_change(before, after, _mask(case.x0, name)) if same else None
        require(
            same and place is None, "becomes another class in a round trip", field=f"Codec.decode, field {name!r}",
            expected="shape and classes as they were",
            got=f"the shape {tuple(after.shape)}" if place is None
            else f"at {place}: class {int(before[tuple(place)].argmax())} became {int(after[tuple(place)].argmax())}",
            fix="use one list of classes, in one order, in both directions",
        )  # fmt: skip


def _first_change(before: Tensor, after: Tensor, real: Tensor) -> list[int] | None:
    """The first real position at which the class is another one."""
    changed = ((before.argmax(-1) != after.argmax(-1)) & real).nonzero().tolist()
    return [int(i) for i in changed[0]] if changed else None


def symmetric_pairs(case: Case) -> None:
    """Fields of pairs are symmetric, diagonal included, in data, noise, belief and samples; so are their masks."""
    pairs = [name for name, what in _categorical(case).items() if what.symmetric]
    if not pairs:
        raise NotApplicable("states have no symmetric field")
    noisy = case.noisy
    with torch.no_grad():
        belief = case.perturbed(noisy.x, noisy.t, noisy.conditions).mean
    rng = case.rng("pairs")
    drawn = sample(
        DDPM(), case.perturbed, case.process, UniformTime(2), rng=rng, like=case.x0, conditions=noisy.conditions
    )
    again = case.codec.encode(decoded(case, case.x0))
    for name in pairs:
        for source, state in (
            ("Codec.encode", case.x0), ("the noise", noisy.x), ("network", belief), ("a sample", drawn)
        ):  # fmt: skip
            value = _value(state, name)
            require(
                bool((value - value.transpose(1, 2)).abs().max() < 1e-5), "is not symmetric",
                field=f"{source}, field {name!r}", expected="x[:, i, j] = x[:, j, i]", got="another entry",
                fix="write each pair both ways",
            )  # fmt: skip
        mask = _mask(case.x0, name)
        require(
            torch.equal(mask, mask.transpose(1, 2)), "is not symmetric", field=f"mask of {name!r}",
            expected="mask[:, i, j] = mask[:, j, i]", got="another entry", fix="mask[:, :, None] & mask[:, None, :]",
        )  # fmt: skip
        before, after = (torch.diagonal(_value(state, name), dim1=1, dim2=2) for state in (case.x0, again))
        require(
            before.shape == after.shape and torch.equal(before, after), "loses its diagonal in a round trip",
            field=f"Codec.decode, field {name!r}", expected="x[:, i, i] as it was", got="other entries",
            fix="encode the diagonal as it is decoded; mask it where it means nothing",
        )  # fmt: skip
