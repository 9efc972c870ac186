"""Tables of several files as one."""

from __future__ import annotations

import pyarrow as pa

from suffuse.tasks.scoring.joining import joined, unified


def test_numbers_here_and_text_there_are_text() -> None:
    both = joined([pa.table({"a": [1.5, None], "b": [1, 2]}), pa.table({"a": ["x"], "b": [2.5]})])
    assert both.to_pylist() == [{"a": "1.5", "b": 1.0}, {"a": None, "b": 2.0}, {"a": "x", "b": 2.5}]


def test_a_column_that_a_table_lacks_is_empty_there() -> None:
    both = joined([pa.table({"a": [1]}), pa.table({"b": [True], "a": [None]})])
    assert both.to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": True}]


def test_types_hold_all() -> None:
    made = unified([pa.schema([("n", pa.int32())]), pa.schema([("n", pa.int64()), ("t", pa.timestamp("s"))])])
    assert made == pa.schema([("n", pa.int64()), ("t", pa.timestamp("s"))])
