"""The codec of arrays, whole and with gaps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from suffuse.codecs import FIELD, ArrayCodec
from suffuse.errors import DataError, DomainInputError

SHAPE = (6, 5, 3)


def arrays(count: int = 40, gaps: bool = False) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    made = [rng.normal(size=SHAPE) * (1e-3, 10.0, 500.0) + (1e6, 0.0, -3.0) for _ in range(count)]
    for array in made if gaps else ():
        array[rng.random(SHAPE) < 0.3] = np.nan
    return made


@pytest.mark.parametrize("gaps", [False, True])
def test_states_are_standardized_by_channel_and_come_back(gaps: bool) -> None:
    items = arrays(gaps=gaps)
    codec = ArrayCodec.fit(items, gaps=gaps)
    state = codec.encode(items)
    values: torch.Tensor = state[FIELD] if isinstance(state, dict) else state
    assert values.shape == (40, 3, 6, 5) and values.dtype == torch.float32
    real = state["mask"] if isinstance(state, dict) else torch.ones_like(values, dtype=torch.bool)
    for channel in range(3):
        x = values[:, channel][real[:, channel]]
        assert abs(float(x.mean())) < 1e-3 and abs(float(x.std()) - 1.0) < 1e-3
    for item, back in zip(items, codec.decode(state), strict=True):
        np.testing.assert_allclose(back, item, rtol=1e-6, atol=1e-2)
    assert {type(codec.like(2))} == {type(state)}


def test_gaps_are_masked_known_and_filled() -> None:
    items = arrays(2, gaps=True)
    codec = ArrayCodec.fit(items, gaps=True)
    state = codec.encode(items)
    assert isinstance(state, dict)
    missing = torch.from_numpy(np.stack([np.isnan(item) for item in items])).movedim(-1, 1)
    assert torch.equal(state["mask"], ~missing)
    assert bool((state[FIELD][missing] == 0).all())
    known = codec.known(items)
    assert isinstance(known, dict) and torch.equal(known[FIELD], ~missing)
    made = np.full(SHAPE, 7.0)
    merged = codec.merge(items[0], made, {FIELD: known[FIELD][:1]})
    np.testing.assert_array_equal(merged, np.where(np.isnan(items[0]), 7.0, items[0]))
    whole = codec.like(3)
    assert isinstance(whole, dict) and bool(whole["mask"].all())


def test_without_gaps_nothing_is_missing() -> None:
    codec = ArrayCodec.fit(arrays())
    assert codec.known(arrays(1)) is None
    known = torch.zeros(1, 1, 6, 1, dtype=torch.bool)
    known[:, :, :2] = True
    original, made = arrays(2)
    merged = codec.merge(original, made, known)
    np.testing.assert_array_equal(merged[:2], original[:2])
    np.testing.assert_array_equal(merged[2:], made[2:])


def test_a_channel_that_never_changes_or_is_never_there() -> None:
    items = [np.stack([np.full(4, 5.0), np.full(4, np.nan)], axis=1)] * 2
    codec = ArrayCodec.fit(items, gaps=True)
    assert codec.mean == (5.0, 0.0) and codec.std == (1.0, 1.0)
    np.testing.assert_array_equal(codec.decode(codec.encode(items))[0], items[0])


def wrong(value: float) -> np.ndarray:
    array = arrays(1)[0]
    array[0, 0, 0] = value
    return array


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("item", [None, "text", [[1.0], [2.0, 3.0]], np.zeros((6, 5)), wrong(np.inf)])
def test_what_is_no_such_array_is_told(item: Any, gaps: bool) -> None:
    codec = ArrayCodec.fit(arrays(), gaps=gaps)
    with pytest.raises(DomainInputError, match=r"items\[1\]"):
        codec.encode([arrays(1)[0], item])


def test_missing_entries_are_refused_where_none_may_be() -> None:
    with pytest.raises(DomainInputError, match="not finite"):
        ArrayCodec.fit(arrays()).encode([wrong(np.nan)])


def test_no_items_are_told() -> None:
    with pytest.raises(DataError):
        ArrayCodec.fit([])
    with pytest.raises(DataError, match="differ"):
        ArrayCodec.fit([np.zeros((4, 2)), np.zeros((4, 3))])
    with pytest.raises(DomainInputError, match="empty"):
        ArrayCodec.fit(arrays()).encode([])


@dataclass(frozen=True)
class Named(ArrayCodec):
    """Items are pairs of a name and an array."""

    title: str = ""

    def array(self, item: Any) -> Any:
        return item[1]

    def item(self, array: np.ndarray) -> Any:
        return self.title, array


def test_items_may_be_more_than_arrays_and_json_holds_it_all() -> None:
    items = [("x", array) for array in arrays(3)]
    codec = Named.fit((array for _, array in items), title="x")
    again = Named.from_json(json.loads(json.dumps(codec.to_json())))
    assert again == codec
    assert [name for name, _ in again.decode(again.encode(items))] == ["x"] * 3
