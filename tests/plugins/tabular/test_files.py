"""Tables in files come back as they were; what is broken is named, and what stands before it is not lost."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from suffuse.domain import Unreadable
from suffuse.errors import DataError, DomainInputError
from suffuse_tabular import files
from suffuse_tabular.files import delimited
from suffuse_tabular.rows import Rows

WHEN = datetime.datetime(2024, 5, 6, 7, 8, 9)
MIXED = pa.table(
    {
        "n": pa.array([1, None, 3]),
        "x": pa.array([0.1, 2.5, None]),
        "text": pa.array(["a, b", 'quo"te', None]),
        "ok": pa.array([True, None, False]),
        "when": pa.array([WHEN, None, WHEN], pa.timestamp("s")),
    }
)
NUMBERS = pa.table({"a": [1.0, 2.0, float("nan")], "b": [4.0, 5.0, 6.0]})


def told(rows):
    return list(Rows.of(rows))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".arrow", ".feather", ".jsonl", ".ndjson"])
def test_what_is_written_is_read(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    files.write(Rows(MIXED), path)
    assert told(files.read(path)) == told(MIXED)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_npz_holds_numbers(tmp_path):
    files.write(Rows(NUMBERS), tmp_path / "rows.npz")
    back = files.read(tmp_path / "rows.npz")
    assert back.names == ["a", "b"]
    np.testing.assert_array_equal(back.columns()["a"].to_numpy(zero_copy_only=False), [1, 2, np.nan])
    with pytest.raises(DomainInputError, match="'text'"):
        files.write(Rows(MIXED), tmp_path / "no.npz")
    assert not (tmp_path / "no.npz").exists()


def test_adbench_form_has_labels(tmp_path):
    np.savez(tmp_path / "set.npz", X=np.eye(3), y=np.array([0, 1, 0]))
    assert told(files.read(tmp_path / "set.npz"))[1] == {"x0": 0.0, "x1": 1.0, "x2": 0.0, "y": 1}


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".jsonl", ".npz"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_streams_give_all_rows_in_pieces(tmp_path, suffix, size):
    table = pa.table({"i": np.arange(100), "x": np.linspace(0, 1, 100)})
    files.write(Rows(table), tmp_path / f"t{suffix}")
    parts = list(files.stream(tmp_path / f"t{suffix}", size))
    assert all(0 < len(part) <= size for part in parts)
    assert [row["i"] for part in parts for row in part] == list(range(100))


def test_parquet_tells_its_count(tmp_path):
    files.write(Rows(NUMBERS), tmp_path / "t.parquet")
    files.write(Rows(NUMBERS), tmp_path / "t.csv")
    assert files.count(tmp_path / "t.parquet") == 3 and files.count(tmp_path / "t.csv") is None


@pytest.mark.parametrize(
    ("cells", "type"),
    [
        (["1", "2", ""], "int64"),
        (["1", "2.5", "NA"], "double"),
        (["1e3", "nan", "inf"], "double"),
        ([" 1 ", "2", "3"], "int64"),
        (["true", "False", ""], "bool"),
        (["01234", "12345", ""], "string"),
        (["0.5", "0", "-0.25"], "double"),
        (["2024-01-05", "2023-12-31", ""], "date32[day]"),
        (["2024-01-05 10:00:00", "2023-12-31T00:00:01", ""], "timestamp[s]"),
        (["2024-01-05T10:00:00Z", "", ""], "timestamp[us, tz=UTC]"),
        (["a", "1", "NA"], "string"),
        (["NA", "NaN", ""], "double"),
        (["", "", ""], "null"),
    ],
)
def test_cells_of_text_tell_their_type(tmp_path, cells, type):
    path = tmp_path / "t.csv"
    path.write_text("key,cell\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells)))
    assert str(files.read(path).table.schema.field("cell").type) == type


def test_semicolons_and_tabs_part_cells(tmp_path):
    (tmp_path / "a.csv").write_text("a;b\n1;x\n")
    (tmp_path / "b.tsv").write_text("a\tb\n1\tx, y\n")
    assert told(files.read(tmp_path / "a.csv")) == [{"a": 1, "b": "x"}]
    assert told(files.read(tmp_path / "b.tsv")) == [{"a": 1, "b": "x, y"}]


def test_a_bad_cell_costs_its_row_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 4096)
    lines = [f"{i},{i / 7:.5f}" for i in range(3000)]
    lines[2000] = "2000,oops"
    (tmp_path / "t.csv").write_text("\n".join(["i,x", *lines]) + "\n")
    parts = list(files.stream(tmp_path / "t.csv", 500))
    assert [row["i"] for part in parts for row in part] == list(range(3000))
    odd = [part for part in parts if not pa.types.is_floating(part.table.schema.field("x").type)]
    assert [told(part) for part in odd] == [[{"i": 2000, "x": "oops"}]]


def test_broken_lines_stand_where_they_were(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 4096)
    lines = [f"{i},{i}" for i in range(3000)]
    for i in (0, 1, 1500, 2999):
        lines[i] = f"{i}"
    (tmp_path / "t.csv").write_text("\n".join(["i,x", *lines]) + "\n")
    found: list[object] = []
    for part in files.stream(tmp_path / "t.csv", 500):
        found += [item.error.message if isinstance(item, Unreadable) else item["i"] for item in part]
    wanted: list[object] = list(range(3000))
    for i in (0, 1, 1500, 2999):
        wanted[i] = f"line {i + 2} is broken"
    assert found == wanted
    with pytest.raises(DataError, match="line 2 is broken"):
        files.read(tmp_path / "t.csv")


def test_a_column_that_begins_empty_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 4096)
    lines = [f"{i},{'' if i < 2500 else i}" for i in range(3000)]
    (tmp_path / "t.csv").write_text("\n".join(["i,x", *lines]) + "\n")
    last = [row["x"] for part in files.stream(tmp_path / "t.csv", 500) for row in part][2498:2502]
    assert last == [None, None, 2500, 2501]


def test_json_lines_that_are_no_rows_are_told_by_their_number(tmp_path):
    text = '{"a": 1}\nnot json\n\n[1]\n{}\n{"a": "x"}\n{"a": 2}\n'
    (tmp_path / "t.jsonl").write_text(text)
    for parts in (files.stream(tmp_path / "t.jsonl", 100), files.parse(text.splitlines(), 100, "pipe")):
        items = [item for part in parts for item in part]
        wrong = [str(item.error) for item in items if isinstance(item, Unreadable)]
        assert [row["a"] for row in items if not isinstance(row, Unreadable) and "a" in row] == [1, "x", 2]
        assert "line 2" in wrong[0] and "line 4" in wrong[1]
    with pytest.raises(DataError, match="line 2"):
        files.read(tmp_path / "t.jsonl")


def test_a_key_that_a_line_lacks_is_an_empty_cell_wherever_the_line_stands():
    lines = ['{"a": 1, "b": 2}', "broken", '{"a": 3}', '{"b": 4}', '{"a": 5, "c": 6}']
    for size in (1, 2, 100):
        parts = [part for part in files.parse(lines, size) if isinstance(part, Rows)]
        rows = [row for part in parts for row in part]
        assert [(row["a"], row["b"]) for row in rows] == [(1, 2), (3, None), (None, 4), (5, None)]


def test_a_parquet_file_cut_in_half_is_named(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"x": np.random.default_rng(0).normal(size=10_000)}), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for read in (files.read, lambda p: list(files.stream(p))):
        with pytest.raises(DataError) as caught:
            read(path)
        assert str(path) in str(caught.value)


def test_a_damaged_row_group_is_named_and_those_before_are_given(tmp_path):
    path = tmp_path / "rows.parquet"
    x = np.random.default_rng(0).normal(size=30_000)
    parquet.write_table(pa.table({"x": x}), path, row_group_size=10_000, use_dictionary=False, compression="snappy")
    place = parquet.read_metadata(path).row_group(1).column(0).data_page_offset
    raw = bytearray(path.read_bytes())
    raw[place : place + 200] = b"\xff" * 200
    path.write_bytes(raw)
    seen = 0
    with pytest.raises(DataError, match="row group 1 of 3"):
        for part in files.stream(path, 4096):
            seen += len(part)
    assert seen == 10_000


def test_an_arrow_file_cut_in_half_is_named(tmp_path):
    for name, make in (("file", pa.ipc.new_file), ("stream", pa.ipc.new_stream)):
        path = tmp_path / f"{name}.arrow"
        table = pa.table({"x": np.arange(10_000.0)})
        with make(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=1000)
        assert len(files.read(path)) == 10_000
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(DataError, match=name):
            files.read(path)


@pytest.mark.parametrize("suffix", [*files.READERS])
def test_empty_and_missing_files_are_told(tmp_path, suffix):
    path = tmp_path / f"nothing{suffix}"
    with pytest.raises(DataError, match="no such file"):
        files.read(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        list(files.stream(path))
    path.write_bytes(b"\x00\xff\xfe what is this")
    with pytest.raises(DataError) as caught:
        files.read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("t.csv", "a,b\n", "no rows"),
        ("t.csv", "a,a\n1,2\n", "one name"),
        ("t.csv", "a,b\n1,\xff\n".encode("latin-1"), "UTF-8"),
        ("t.jsonl", "\n\n", "no rows"),
        ("t.txt", "a,b\n1,2\n", "no table"),
    ],
)
def test_what_is_no_table_is_told(tmp_path, name, text, wrong):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=wrong):
        files.read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".npz"])
def test_a_table_without_rows_streams_nothing(tmp_path, suffix):
    """It may stand among others that have some."""
    path = tmp_path / f"none{suffix}"
    none = pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())})
    if suffix == ".npz":
        np.savez(path, X=np.zeros((0, 2)))
    elif suffix == ".csv":
        path.write_text("a,b\n")
    else:
        {".parquet": parquet.write_table, ".arrow": feather.write_feather}[suffix](none, path)
    assert list(files.stream(path)) == []
    with pytest.raises(DataError, match="no rows"):
        files.read(path)


def test_npz_without_x_or_with_objects_is_told(tmp_path):
    np.savez(tmp_path / "a.npz", Z=np.eye(2))
    with pytest.raises(DataError, match="no array X"):
        files.read(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", X=np.array([[1, "x"]], dtype=object))
    with pytest.raises(DataError):
        files.read(tmp_path / "b.npz")


def test_files_of_the_same_columns_go_below_one_another(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,u\n")
    (tmp_path / "b.csv").write_text("y,x\nv,2.5\n")
    (tmp_path / "c.csv").write_text("x,y\n,w\n")
    wanted = [{"x": 1.0, "y": "u"}, {"x": 2.5, "y": "v"}, {"x": None, "y": "w"}]
    assert told(files.read_all(tmp_path)) == wanted
    assert told(files.read_all(str(tmp_path / "*.csv"))) == wanted
    assert told(files.read_all([tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"])) == wanted


@pytest.mark.parametrize(
    ("second", "wrong"),
    [("x\n1\n", "lacks the column 'y'"), ("x,y,z\n1,u,3\n", "has besides the column 'z'"), ("x,y\nb,u\n", "'x'")],
)
def test_files_of_other_columns_are_told(tmp_path, second, wrong):
    (tmp_path / "a.csv").write_text("x,y\n1,u\n")
    (tmp_path / "b.csv").write_text(second)
    with pytest.raises(DataError, match=wrong) as caught:
        files.read_all(tmp_path)
    assert "b.csv" in str(caught.value)


def test_patterns_and_folders_without_tables_are_told(tmp_path):
    for path in (tmp_path, tmp_path / "*.csv", tmp_path / "gone.csv"):
        with pytest.raises(DataError):
            files.find(path)


def test_json_lines_are_plain(tmp_path):
    files.write(Rows(MIXED), tmp_path / "t.jsonl")
    first = json.loads((tmp_path / "t.jsonl").read_text().splitlines()[0])
    assert first == {"n": 1, "x": 0.1, "text": "a, b", "ok": True, "when": "2024-05-06 07:08:09"}
