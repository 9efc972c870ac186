"""Tables of several files as one."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

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


def test_decimals_go_with_numbers_and_days_with_times() -> None:
    prices = pa.table({"x": pa.array([Decimal("1.25")], pa.decimal128(10, 2)), "d": [date(2024, 1, 2)]})
    counts = pa.table({"x": pa.array([3], pa.int64()), "d": pa.array([datetime(2024, 1, 3, 4)], pa.timestamp("us"))})
    for tables in ([prices, counts], [counts, prices]):
        both = joined(tables)
        assert both.schema == pa.schema([("x", pa.float64()), ("d", pa.timestamp("us"))])
        assert sorted(both["x"].to_pylist()) == [1.25, 3.0]
        assert sorted(both["d"].to_pylist()) == [datetime(2024, 1, 2), datetime(2024, 1, 3, 4)]


def test_what_nothing_holds_is_text() -> None:
    lists, numbers = pa.table({"x": [[1, 2], None]}), pa.table({"x": [7]})
    assert joined([lists, numbers])["x"].to_pylist() == ["[1, 2]", None, "7"]
    zoned = pa.table({"x": pa.array([datetime(2024, 1, 3)], pa.timestamp("us", "UTC"))})
    assert pa.types.is_string(joined([zoned, pa.table({"x": [date(2024, 1, 2)]})]).schema.field("x").type)


def test_columns_stand_in_one_order() -> None:
    both = joined([pa.table({"a": [1], "b": [2]}), pa.table({"b": [3], "a": [4]})])
    assert both.to_pylist() == [{"a": 1, "b": 2}, {"a": 4, "b": 3}]
