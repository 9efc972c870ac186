"""Generated rows lack cells as training rows do, and none that was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from suffuse.rng import Rng
from suffuse.state import fields, mask_name
from suffuse_tabular.codec import RowsCodec
from suffuse_tabular.emptiness import WHOLE, Emptiness
from suffuse_tabular.fit import Options, fit_codec
from suffuse_tabular.rows import Rows

COUNT = 4000


def _table() -> pa.Table:
    """``a`` and ``kind`` are empty together in a quarter of the rows, ``b`` alone in an eighth."""
    rng = np.random.default_rng(0)
    which = rng.choice(3, COUNT, p=[0.625, 0.25, 0.125])
    a, b = (np.where(which == k, np.nan, rng.normal(size=COUNT)) for k in (1, 2))
    kinds = pa.array(rng.choice(["x", "y"], COUNT), mask=which == 1)
    return pa.table({"a": pa.array(a, from_pandas=True), "b": b, "c": rng.normal(size=COUNT), "kind": kinds})


def _codec(**options: Any) -> RowsCodec:
    return fit_codec(Options(**options), Rows(_table()))


def _there(codec: RowsCodec, count: int, **asked: list[Any]) -> np.ndarray:
    """Which cells are there, by what rows of zeros are decoded to."""
    items = codec.decode(codec.like_under(asked, count, Rng.of(range(count))))
    return np.array([[item[name] is not None for name in codec.names] for item in items])


@pytest.mark.parametrize("layout", ["vector", "fields"])
def test_cells_are_empty_together_and_as_often_as_in_training_rows(layout: str) -> None:
    there = _there(_codec(layout=layout), COUNT)
    table = _table()
    real = np.stack([~np.array(table[n].is_null(nan_is_null=True)) for n in table.column_names], axis=1)
    assert set(map(tuple, there)) == set(map(tuple, real))
    assert (there[:, 0] == there[:, 3]).all()
    for column in range(4):
        assert there[:, column].mean() == pytest.approx(real[:, column].mean(), abs=4 * np.sqrt(0.25 / COUNT))


def test_what_is_asked_for_is_there_and_the_rest_as_often_as_in_rows_that_have_it() -> None:
    codec = _codec()
    there = _there(codec, COUNT, kind=["x"] * (COUNT // 2) + [None] * (COUNT // 2))
    asked, free = there[: COUNT // 2], there[COUNT // 2 :]
    assert asked[:, 3].all() and asked[:, 0].all() and not free[:, 3].all()
    assert (~asked[:, 1]).mean() == pytest.approx(0.125 / 0.75, abs=0.035)


def test_a_row_is_the_same_alone_and_among_others_and_zeros_without_streams_are_whole() -> None:
    codec = _codec()
    many, alone = codec.like(50, Rng.of(range(50))), codec.like(1, Rng.of([17]))
    assert isinstance(many, dict) and isinstance(alone, dict)
    assert all(bool((many[name][17] == alone[name][0]).all()) for name in many)
    whole = codec.like(3)
    assert isinstance(whole, dict)
    assert all(bool(whole[mask].all()) for n, _ in fields(whole) if (mask := mask_name(whole, n)))


def test_patterns_can_be_left_out_and_survive_the_file() -> None:
    codec = _codec()
    assert sorted(codec.emptiness.counts, reverse=True) == list(codec.emptiness.counts)
    assert sum(codec.emptiness.counts) == COUNT
    assert RowsCodec.from_json(codec.to_json()) == codec
    assert _there(_codec(patterns=0), 200).all()
    assert len(_codec(patterns=2).emptiness.patterns) == 2


def test_rows_that_no_pattern_fits_are_whole() -> None:
    never = Emptiness.fit(np.array([[True, False]] * 3), most=10)
    wanted = np.array([[True, False], [False, False]])
    assert never.drawn(np.array([0.5, 0.5]), wanted).tolist() == [[True, True], [False, True]]
    assert Emptiness.fit(np.zeros((5, 2), dtype=bool), most=10) == WHOLE
