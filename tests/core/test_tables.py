"""Tables of numbers in CSV files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suffuse.errors import DataError
from suffuse.tables import Table, read_tables, write_tables


def tables(count: int) -> list[Table]:
    rng = np.random.default_rng(0)
    made = [Table(("a", "b c"), rng.normal(size=(3 + i, 2)).round(4)) for i in range(count)]
    made[0].values[1] = np.nan, 7.0
    return made


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_written_is_read_back(tmp_path: Path, count: int) -> None:
    write_tables(tables(count), tmp_path / "t.csv")
    back = read_tables(tmp_path / "t.csv")
    assert [t.names for t in back] == [("a", "b c")] * count
    for table, wanted in zip(back, tables(count), strict=True):
        np.testing.assert_array_equal(table.values, wanted.values)


def test_times_spaces_blank_lines_and_byte_order_marks(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("\ufeffTime, a ,b\n2024-01-01, 1 ,\n\n2024-01-02,nan,2e3\n", encoding="utf-8")
    (table,) = read_tables(file)
    assert table.names == ("a", "b")
    np.testing.assert_array_equal(table.values, [[1, np.nan], [np.nan, 2000]])


def test_a_column_alone_keeps_its_missing_numbers(tmp_path: Path) -> None:
    alone = Table(("a",), np.array([[1.0], [np.nan], [3.0]]))
    write_tables([alone], tmp_path / "t.csv")
    (tmp_path / "u.csv").write_text("a\n1\n\n3\n")
    for name in ("t.csv", "u.csv"):
        np.testing.assert_array_equal(read_tables(tmp_path / name)[0].values, alone.values)


@pytest.mark.parametrize("text", ["", "a,b\n1,two\n", "a,b\n1\n", "a,b\n1,2,3\n"])
def test_what_is_no_table_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_tables(tmp_path / "t.csv")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv"):
        read_tables(tmp_path / "none.csv")


def test_a_file_without_rows_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n")
    assert [t.values.shape for t in read_tables(tmp_path / "t.csv")] == [(0, 2)]


def test_rows_and_windows() -> None:
    table = Table(("a",), np.arange(7.0)[:, None])
    assert table[::-1].values[:, 0].tolist() == [6, 5, 4, 3, 2, 1, 0]
    assert [w.values[:, 0].tolist() for w in table.windows(3, 2)] == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    assert list(table.windows(8)) == []
