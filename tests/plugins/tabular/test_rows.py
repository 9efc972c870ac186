"""Rows are a sequence of dicts, whatever they were made from; what is no table is refused by name."""

from __future__ import annotations

import datetime as dt
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from suffuse.errors import DomainInputError
from suffuse_tabular.rows import Rows

TABLE = pa.table({"a": [1, 2, None], "b": ["x", None, "z"]})
DICTS = [{"a": 1, "b": "x"}, {"a": 2, "b": None}, {"a": None, "b": "z"}]


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        TABLE.to_batches()[0],
        DICTS,
        tuple(DICTS),
        {"a": [1, 2, None], "b": ["x", None, "z"]},
        pd.DataFrame({"a": pd.array([1, 2, None], dtype="Int64"), "b": ["x", None, "z"]}),
        pl.DataFrame({"a": [1, 2, None], "b": ["x", None, "z"]}),
        Rows(TABLE),
    ],
    ids=["table", "batch", "list", "tuple", "columns", "pandas", "polars", "rows"],
)
def test_the_same_rows_whatever_they_are_made_from(data):
    assert list(Rows.of(data)) == DICTS


def test_arrays_have_names():
    x = np.arange(6.0).reshape(3, 2)
    assert list(Rows.of(x))[1] == {"x0": 2.0, "x1": 3.0}
    assert list(Rows.of(x, ["left", "right"]))[1] == {"left": 2.0, "right": 3.0}
    assert Rows.of(np.asfortranarray(x).astype(np.float32)).names == ["x0", "x1"]


def test_a_missing_key_is_an_empty_cell():
    assert list(Rows.of([{"a": 1}, {"b": 2}])) == [{"a": 1, "b": None}, {"a": None, "b": 2}]


def test_slices_share_memory_and_are_rows():
    rows = Rows(TABLE)
    part = rows[1:]
    assert isinstance(part, Rows) and list(part) == DICTS[1:]
    assert part.table.column("a").chunk(0).buffers()[1].address == TABLE.column("a").chunk(0).buffers()[1].address
    assert rows[0] == DICTS[0] and rows[-1] == DICTS[2] and list(rows[::-1]) == DICTS[::-1]
    assert list(rows.take([2, 0])) == [DICTS[2], DICTS[0]]
    assert len(rows[3:]) == 0 and len(rows[2:1]) == 0
    with pytest.raises(IndexError):
        rows[3]


def test_rows_of_many_pieces_are_read_in_order():
    table = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 2)])
    rows = Rows.of(table)
    assert list(rows) == DICTS and rows.columns()["a"].to_pylist() == [1, 2, None]


def test_a_slice_is_sent_without_the_rest():
    rows = Rows.of({"x": np.arange(100_000.0)})[:10]
    sent = pickle.dumps(rows)
    assert len(sent) < 5_000 and list(pickle.loads(sent)) == list(rows)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "is empty"),
        (TABLE.slice(0, 0), "no rows"),
        (pd.DataFrame({"a": []}), "no rows"),
        (pl.DataFrame({"a": []}), "no rows"),
        (np.zeros((0, 3)), "no rows"),
        (np.zeros((3, 0)), "no columns"),
        (pa.table({}), "no columns"),
        (np.zeros(3), "[rows, columns]"),
        (np.zeros((2, 2, 2)), "[rows, columns]"),
        (sparse.csr_matrix(np.eye(3)), "toarray"),
        (sparse.csr_array(np.eye(3)), "toarray"),
        ("a,b", "str"),
        (7, "int"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a'"),
        (pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["b", "b"]), "'b'"),
        ([{"a": 1}, None], "items[1]"),
        ([{"a": 1}, [1]], "items[1]"),
    ],
)
def test_what_is_no_table_is_refused(data, told):
    with pytest.raises(DomainInputError) as caught:
        Rows.of(data)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"ok": [1, 2, 3], "bad": [1, 2, "x"]}),
        [{"ok": 1, "bad": 1}, {"ok": 2, "bad": 2}, {"ok": 3, "bad": "x"}],
        {"ok": [1, 2, 3], "bad": np.array([1, 2, "x"], dtype=object)},
    ],
    ids=["pandas", "dicts", "columns"],
)
def test_a_column_of_several_types_is_named_with_them(data):
    with pytest.raises(DomainInputError) as caught:
        Rows.of(data)
    assert caught.value.field == "column 'bad'"
    assert "int" in str(caught.value.got) and "str" in str(caught.value.got) and "row 2" in str(caught.value.got)


def test_names_must_fit():
    with pytest.raises(DomainInputError, match="another number of columns"):
        Rows.of(np.eye(2), ["a"])
    with pytest.raises(DomainInputError, match="itself"):
        Rows.of(TABLE, ["c", "d"])


def test_pandas_nan_is_empty_and_an_index_is_no_column():
    frame = pd.DataFrame({"x": [1.0, np.nan]}, index=["u", "v"])
    assert list(Rows.of(frame)) == [{"x": 1.0}, {"x": None}]


def test_frames_of_many_types_keep_them():
    frame = pd.DataFrame(
        {
            "c": pd.Categorical(["a", "b"]),
            "t": pd.to_datetime(["2024-01-01", "2024-01-02"]).tz_localize("Europe/Berlin"),
            "f": np.array([1, 2], dtype=np.float32),
        }
    )
    types = {field.name: str(field.type) for field in Rows.of(frame).table.schema}
    assert types["c"].startswith("dictionary") and "Europe/Berlin" in types["t"] and types["f"] == "float"


def test_dates_and_dates_that_are_written_out_go_together() -> None:
    rows = Rows.of([{"at": dt.datetime(2026, 3, 1, 12)}, {"at": "2026-03-02"}, {"at": None}])
    assert rows.columns()["at"].to_pylist() == ["2026-03-01T12:00:00", "2026-03-02", None]
