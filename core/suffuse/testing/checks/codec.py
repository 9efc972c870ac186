"""The codec: standardized states, and items that come back."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence

import torch
import yaml
from torch import Tensor

from suffuse.conditions import conditions_from_json, conditions_to_json
from suffuse.domain import Item
from suffuse.recipe import load_recipe, to_yaml
from suffuse.state import (
    State,
    batch_size,
    fields,
    is_mask,
    map_all,
    map_fields,
    mask_of,
    masked_axes,
    refill,
    take,
)
from suffuse.tasks.known import known_of_items, of_one, with_gaps
from suffuse.testing.case import COUNT, Case
from suffuse.testing.compare import SAME, Opaque, finite, items_mismatch, largest_difference, mismatch, one
from suffuse.testing.failure import CheckFailure, require

MEAN = 0.25
"""The largest mean of standardized data, over the items that are looked at."""

DEVIATION = (0.8, 1.25)
"""The deviations of standardized data."""


def states(case: Case) -> None:
    """States are float32 with boolean masks, on the CPU, batch first, finite, and empty in the padding."""
    x0 = case.x0
    entries = {"": x0} if isinstance(x0, Tensor) else x0
    for name, value in entries.items():
        wanted = torch.bool if is_mask(name) else torch.float32
        got = f"{value.dtype} on {value.device}, shape {tuple(value.shape)}"
        require(
            value.dtype is wanted and value.device.type == "cpu" and len(value) == COUNT,
            "is of another type than states are",
            field=_entry(name), expected=f"{wanted} on the CPU, [{COUNT}, …]", got=got, fix="convert it at the end",
        )  # fmt: skip
    require(
        finite(x0), "holds numbers that are not finite", field="Codec.encode", expected="finite numbers",
        got="nan or inf", fix="divide by no deviation of 0; refuse such items",
    )  # fmt: skip
    emptied = map_fields(lambda x: x, x0)
    require(
        isinstance(x0, Tensor) or all(torch.equal(x0[name], x) for name, x in fields(emptied)),
        "has something in its padding", field="Codec.encode", expected="zeros where the mask is false", got="numbers",
        fix="multiply by the mask",
    )  # fmt: skip


def _entry(name: str) -> str:
    return f"Codec.encode, entry {name!r}" if name else "Codec.encode"


def standardized(case: Case) -> None:
    """Over the training data, each field that is no category has mean 0 and deviation 1."""
    x = encoded(case, [example.item for example in case.many])
    for name in case.gaussian:
        real = torch.cat([_real_entries(part, name) for part in x])
        mean, deviation = float(real.mean()), float(real.std(correction=0))
        low, high = DEVIATION
        require(
            abs(mean) < MEAN and low < deviation < high,
            "is not standardized: the noise schedule is made for data of mean 0 and deviation 1",
            field=f"Codec.encode, field {name!r}" if name else "Codec.encode",
            expected=f"|mean| < {MEAN}, deviation from {low} to {high}",
            got=f"mean {mean:.3g}, deviation {deviation:.3g} over {len(case.many)} training items",
            fix="measure both in fit_codec, and apply them in encode and decode",
        )  # fmt: skip


def _real_entries(x: State, name: str) -> Tensor:
    value, mask = (x, None) if isinstance(x, Tensor) else (x[name], mask_of(x, name))
    return value.flatten() if mask is None else value[mask.expand_as(value)]


def encoded(case: Case, items: Sequence[Item]) -> list[State]:
    """The states of many items, some at a time."""
    return [case.codec.encode(items[i : i + 64]) for i in range(0, len(items), 64)]


def round_trip(case: Case) -> None:
    """Items that are encoded and decoded come back, within the tolerance that the domain declares."""
    back = decoded(case, case.x0)
    tolerance = case.features.tolerance
    found = items_mismatch(case.codec, _filled(case, back), back, tolerance)
    require(
        found is None, "does not give back what was encoded", field="Codec.decode",
        expected=f"the items, within Features.tolerance = {tolerance:g}", got=found,
        fix="invert each step of encode, in reverse order; declare the tolerance that the items' units need",
    )  # fmt: skip


def _filled(case: Case, back: Sequence[Item]) -> Sequence[Item]:
    """The items; where some have gaps, which nothing can bring back, what was made of them there."""
    if not case.features.gaps or case.codec.known(case.items) is None:
        return case.items
    return put_back(case, case.items, back)


def put_back(case: Case, items: Sequence[Item], made: Sequence[Item]) -> list[Item]:
    """What was made of items with gaps, with all that was known of them, put together as ``inpaint`` does."""
    states = with_gaps(case.trained, items)
    known = known_of_items(case.trained, None, None, len(items))(states, items, torch.arange(len(items)))
    pairs = enumerate(zip(items, made, strict=True))
    return [case.codec.merge(item, new, of_one(known, states, i)) for i, (item, new) in pairs]


def decoded(case: Case, state: State) -> list[Item]:
    """Items of a state, as many as it has samples."""
    items = case.codec.decode(state)
    require(
        len(items) == batch_size(state), "gives another number of items", field="Codec.decode",
        expected=batch_size(state), got=len(items), fix="one item for each sample of the batch",
    )  # fmt: skip
    return items


def stable_decoding(case: Case) -> None:
    """Whatever a state holds, it decodes to items that can be encoded, and that come back from there."""
    for scale in (1.0, 20.0):
        items = decoded(case, arbitrary(case, scale))
        again = case.codec.encode(items)
        require(
            finite(again), f"gives items that do not encode, from states of deviation {scale:g}", field="Codec.decode",
            expected="items of the domain", got="states that are not finite", fix="bring values into range in decode",
        )  # fmt: skip
        tolerance = case.features.tolerance * scale  # rounding grows with the numbers
        found = items_mismatch(case.codec, items, decoded(case, again), tolerance)
        require(
            found is None, f"leaves the domain, from states of deviation {scale:g}", field="Codec.decode",
            expected="items that come back when they are encoded and decoded again", got=found,
            fix="bring values into range in decode, not in encode",
        )  # fmt: skip


def arbitrary(case: Case, scale: float, like: State | None = None) -> State:
    """States of the items' shapes and masks, or of a given state's, that hold noise, and classes drawn at random."""
    like = case.x0 if like is None else like
    noise = case.rng("arbitrary", count=batch_size(like)).normal_like(like)
    categorical = case.codec.categorical()
    made = {}
    for name, value in fields(noise):
        if name not in categorical:
            made[name] = value * scale
            continue
        if categorical[name].symmetric:
            value = value + value.transpose(1, 2)
        made[name] = torch.nn.functional.one_hot(value.argmax(-1), value.shape[-1]).to(value.dtype)
    return map_fields(lambda x: x, refill(noise, made))


def codec_as_json(case: Case) -> None:
    """Codec, conditions and recipe go into a file and come back, and nothing is lost."""
    codec, data = case.codec, case.codec.to_json()
    try:
        text = json.dumps(data, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckFailure(
            "is not JSON", field="Codec.to_json", expected="numbers, texts, lists and mappings of these", got=error,
            fix="convert arrays and numpy's numbers",
        ) from error  # fmt: skip
    again = case.domain.load_codec(json.loads(text))
    require(
        json.dumps(again.to_json()) == text, "is another one after it was loaded", field="Domain.load_codec",
        expected=text[:300], got=json.dumps(again.to_json())[:300], fix="keep everything that was fitted in to_json",
    )  # fmt: skip
    difference = largest_difference(case.x0, again.encode(case.items))
    require(
        difference == 0.0, "encodes otherwise after it was loaded", field="Domain.load_codec",
        expected="the same states, bit for bit", got=f"a difference of {difference:.3g}",
        fix="keep everything that encode uses in to_json",
    )  # fmt: skip
    require(
        dict(again.categorical()) == dict(codec.categorical()), "names other categories after it was loaded",
        field="Codec.categorical", expected=codec.categorical(), got=again.categorical(), fix="keep them in to_json",
    )  # fmt: skip
    space = conditions_from_json(json.loads(json.dumps(conditions_to_json(case.space))))
    require(
        space == dict(case.space), "do not come back from JSON", field="Domain.conditions", expected=dict(case.space),
        got=space, fix="use the kinds of suffuse.conditions",
    )  # fmt: skip
    recipe = load_recipe(yaml.safe_load(to_yaml(case.recipe)))
    require(
        recipe == case.recipe, "is another one after it was written", field="recipe", expected=case.recipe, got=recipe,
        fix="sections hold what YAML can hold",
    )  # fmt: skip


def singles(case: Case) -> None:
    """An item's state does not depend on the other items of its batch, nor does its augmentation."""
    for rng in (None, case.rng("singles")):
        batch = case.codec.encode(case.items, rng)
        for i, item in enumerate(case.items):
            alone = case.codec.encode([item], None if rng is None else rng[i : i + 1])
            difference = largest_difference(one(batch, i), alone)
            require(
                difference <= SAME, "depends on the other items of the batch", field="Codec.encode",
                expected="the same state alone and among others",
                got=f"item {i}: a difference of {difference:.3g}{'' if rng is None else ', augmented'}",
                fix="measure nothing over the batch; draw from rng, which has a stream for each item",
            )  # fmt: skip


def inputs_untouched(case: Case) -> None:
    """Encoding leaves items as they were, and decoding states."""
    items = case.items
    try:
        before = copy.deepcopy(items)
    except Exception as error:
        raise CheckFailure(
            "cannot be copied", field="items", expected="items that copy.deepcopy takes", got=error,
            fix="give the item's class __deepcopy__",
        ) from error  # fmt: skip
    x0 = case.codec.encode(items)
    case.codec.encode(items, case.rng("untouched"))
    try:
        found = next(filter(None, (mismatch(a, b, 0.0, "items") for a, b in zip(before, items, strict=True))), None)
    except Opaque:
        difference = largest_difference(case.codec.encode(before), x0)
        found = f"the states differ by {difference:.3g}" if difference else None
    require(
        found is None, "changes the items that it is given", field="Codec.encode", expected="items as they were",
        got=found, fix="copy before working in place; torch.from_numpy and asarray share memory",
    )  # fmt: skip
    state = map_all(torch.clone, x0)
    case.codec.decode(state)
    difference = largest_difference(state, x0)
    require(
        difference == 0.0, "changes the state that it is given", field="Codec.decode", expected="the state as it was",
        got=f"a difference of {difference:.3g}", fix="work on a copy, not in place",
    )  # fmt: skip


def batch_shapes(case: Case) -> None:
    """Batches of 1, 2 and 7 have their size everywhere: in states, templates, beliefs and items."""
    whole = case.x0
    for count in (1, 2, 7):
        items = case.items[:count]
        x0 = case.codec.encode(items)
        like = case.codec.like(count)
        for source, state in (("Codec.encode", x0), ("Codec.like", like)):
            require(
                _shapes(state, whole) == _shapes(take(whole, slice(0, count)), whole),
                f"has other shapes in a batch of {count}", field=source,
                expected=_shapes(take(whole, slice(0, count)), whole), got=_shapes(state, whole),
                fix="keep the batch's axis first, whatever its size; like has the shapes of encode",
            )  # fmt: skip
        require(
            all(not bool(value.any()) for _, value in fields(like)), "is not empty", field="Codec.like",
            expected="zeros", got="numbers", fix="only its shapes and masks count",
        )  # fmt: skip
        decoded(case, x0)
        decoded(case, like)
        drawn = case.codec.like(count, case.rng("like", count=count))
        require(
            batch_size(drawn) == count, "has another batch size with streams", field="Codec.like", expected=count,
            got=batch_size(drawn), fix="draw a size for each sample",
        )  # fmt: skip
        noisy = take(case.noisy.x, slice(0, count))
        given = case.encoded_conditions(case.examples[:count])
        with torch.no_grad():
            belief = case.perturbed(noisy, case.noisy.t[:count], given).mean
        require(
            _shapes(belief, noisy) == _shapes(noisy, noisy), f"changes the shape in a batch of {count}",
            field="network", expected=_shapes(noisy, noisy), got=_shapes(belief, noisy),
            fix="squeeze no axis without naming it",
        )  # fmt: skip


def _shapes(state: State, like: State) -> dict[str, tuple[int | float, ...]]:
    """The shapes of the fields; axes along which sizes vary are told as infinite."""
    found: dict[str, tuple[int | float, ...]] = {}
    for name, value in fields(state):
        masked = masked_axes(like, name)
        shape: list[int | float] = list(value.shape)
        shape[1 : 1 + masked] = [math.inf] * masked
        found[name] = tuple(shape)
    return found
