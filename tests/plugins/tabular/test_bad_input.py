"""Bad input, end to end: it is handled, or named, and what was scored before is not lost."""

from __future__ import annotations

import datetime
import io
import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from pyarrow import csv, parquet
from typer.testing import CliRunner

from suffuse import load
from suffuse.cli import app
from suffuse.errors import SuffuseError
from suffuse_tabular import files
from suffuse_tabular.detector import DiffusionDetector
from suffuse_tabular.rows import Rows

COUNT = 60
DRAWN = np.random.default_rng(0)
GOOD = pa.table(
    {
        "a": DRAWN.normal(size=COUNT),
        "b": DRAWN.normal(5.0, 2.0, COUNT),
        "n": DRAWN.integers(0, 9, COUNT),
        "c": DRAWN.choice(["u", "v", "w"], COUNT),
        "d": pa.array([datetime.date(2026, 1, 1) + datetime.timedelta(days=int(i)) for i in DRAWN.integers(0, 90, 60)]),
        "f": DRAWN.random(COUNT) > 0.5,
    }
)


def changed(name: str, cells: Any, table: pa.Table = GOOD) -> pa.Table:
    """The table with other cells in a column."""
    made = cells if isinstance(cells, pa.Array | pa.ChunkedArray) else pa.array(cells)
    return table.set_column(table.column_names.index(name), name, made)


def first(name: str, cell: Any) -> pa.Table:
    """The table with another cell in its first row."""
    return changed(name, [cell, *GOOD[name].to_pylist()[1:]])


def suffuse(*arguments: Any) -> Any:
    """The command line, within this process; whatever it is given, it never breaks down."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "plugin 'tabular'" not in result.output, result.output
    return result


# --- tables in memory, by the detector --------------------------------------------------------------------------------

PLAIN = {"a": [1.0, 2.5, 4.0, 2.0] * 5, "b": [3.0, 1.0, 2.0, 5.0] * 5}


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({**PLAIN, **columns})


def mixed(*cells: Any) -> pd.Series:
    return pd.Series(list(cells) * (20 // len(cells)), dtype=object)


LEARNT: dict[str, Callable[[], Any]] = {
    "NaN": lambda: np.where(np.eye(20, 3) > 0, np.nan, 1.5),
    "constant columns": lambda: np.ones((20, 3)),
    "one column": lambda: np.arange(20.0)[:, None],
    "10,000 columns": lambda: np.random.default_rng(0).normal(size=(6, 10_000)),
    "small floats": lambda: np.arange(40).reshape(20, 2).astype(np.float16),
    "long floats": lambda: np.arange(40).reshape(20, 2).astype(np.longdouble),
    "truths": lambda: np.arange(40).reshape(20, 2) % 3 > 0,
    "beyond 2^53": lambda: frame(a=[2**53 + 1, 2**63 - 1, -(2**63), 0] * 5),
    "beyond 2^63": lambda: np.array([[2**64 - 1, 1], [0, 2]] * 10, dtype=np.uint64),
    "very large": lambda: frame(a=[1e300] + [1.0] * 19),
    "the largest": lambda: frame(a=[1.7e308, -1.7e308] + [1.0] * 18),
    "the smallest": lambda: frame(a=[5e-324, 1e-310] * 10),
    "minus zero": lambda: frame(a=[-0.0, 0.0] * 10),
    "object columns of numbers": lambda: frame(a=mixed(1, 2.5)),
    "object columns with None": lambda: frame(c=mixed("u", None)),
    "dates as strings": lambda: frame(d=["2026-01-01", "2026-02-05"] * 10),
    "dates": lambda: frame(d=[datetime.date(2026, 1, 1 + i) for i in range(20)]),
    "NaT": lambda: frame(d=[pd.NaT, *pd.date_range("2026", periods=19, tz="Europe/Berlin")]),
    "decimals": lambda: frame(a=[Decimal("1.50"), Decimal("2.25")] * 10),
    "nullable integers": lambda: frame(a=pd.array([1, None] * 10, dtype="Int64")),
    "nullable floats": lambda: frame(a=pd.array([1.5, None] * 10, dtype="Float64")),
    "nullable truths": lambda: frame(a=pd.array([True, None] * 10, dtype="boolean")),
    "nullable strings": lambda: frame(c=pd.array(["u", None] * 10, dtype="string")),
    "categories": lambda: frame(c=pd.Categorical(["u", "v"] * 10)),
    "an empty column": lambda: frame(c=[None] * 20),
    "names that are numbers": lambda: pd.DataFrame(np.eye(20, 3)),
    "polars": lambda: pl.DataFrame({**PLAIN, "c": ["u", None] * 10}),
    "polars categories": lambda: pl.DataFrame({**PLAIN, "c": pl.Series(["u", "v"] * 10, dtype=pl.Categorical)}),
    "polars enums": lambda: pl.DataFrame({**PLAIN, "c": pl.Series(["u", "v"] * 10, dtype=pl.Enum(["u", "v"]))}),
    "polars decimals": lambda: pl.DataFrame({**PLAIN, "a": pl.Series([Decimal("1.5"), Decimal("2.5")] * 10)}),
    "polars nulls": lambda: pl.DataFrame({**PLAIN, "c": pl.Series([None] * 20, dtype=pl.Null)}),
    "arrow's views": lambda: pa.table({**PLAIN, "c": pa.array(["u", "v"] * 10, pa.string_view())}),
    "run-end encoded": lambda: pa.table({**PLAIN, "c": pa.RunEndEncodedArray.from_arrays([9, 20], [1.5, 2.0])}),
    "numbers in a dictionary": lambda: pa.table({**PLAIN, "c": pa.array([1.5, 2.0] * 10).dictionary_encode()}),
}


@pytest.mark.parametrize("name", LEARNT)
def test_odd_tables_are_learnt_from(name: str) -> None:
    rows = LEARNT[name]()
    detector = DiffusionDetector(method="neighbours").fit(rows)
    assert np.isfinite(detector.score_samples(rows)).all()
    again = detector.model_.codec.decode_rows(detector.model_.codec.encode(Rows.of(rows)))
    assert again.names == list(detector.model_.codec.names) and len(again) == len(rows)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "infinity": (lambda: np.array([[math.inf, 1.0]] * 20), "infinity"),
    "infinity in a frame": (lambda: frame(a=[math.inf] + [1.0] * 19), "column 'a'.*not finite(.|\n)*inf in row 0"),
    "one row": (lambda: frame()[:1], "at least 2 rows"),
    "no rows": (lambda: frame()[:0], "no rows"),
    "no columns": (lambda: pa.table({}), "no columns"),
    "columns of one name": (lambda: pd.concat([frame(), frame()[["a"]]], axis=1), "one name(.|\n)*'a'"),
    "1 and '1'": (lambda: pd.DataFrame(np.eye(20, 2), columns=["1", 1]), "one name(.|\n)*'1'"),
    "arrow columns of one name": (lambda: pa.Table.from_arrays([pa.array(PLAIN["a"])] * 2, ["a", "a"]), "one name"),
    "mixed types": (lambda: frame(c=mixed(1, "x")), "column 'c'.*go together(.|\n)*int, and str in row 1"),
    "mixed truths": (lambda: frame(c=mixed(True, 2)), "column 'c'.*go together(.|\n)*bool, and int in row 1"),
    "strings in an array": (lambda: np.array([["1", "a"]] * 20), "strings"),
    "complex numbers": (lambda: np.ones((20, 2), dtype=complex), "[Cc]omplex"),
    "complex numbers in a frame": (lambda: frame(c=[1 + 2j] * 20), "column 'c'.*complex"),
    "sparse": (lambda: scipy.sparse.eye(20).tocsr(), "[Ss]parse"),
    "sparse columns": (lambda: frame(c=pd.arrays.SparseArray([0.0, 1.0] * 10)), "column 'c'.*sparse"),
    "lists": (lambda: frame(c=[[1, 2]] * 20), "column 'c'.*no place(.|\n)*list<"),
    "structs": (lambda: frame(c=[{"x": 1}] * 20), "column 'c'.*no place(.|\n)*struct<"),
    "bytes": (lambda: frame(c=[b"\xff"] * 20), "column 'c'.*no place(.|\n)*binary"),
    "objects": (lambda: frame(c=mixed(object())), "column 'c'.*go together"),
    "times of the day": (lambda: frame(c=[datetime.time(1)] * 20), "column 'c'.*no place"),
    "spans of time": (lambda: frame(c=pd.to_timedelta(range(20), "h")), "column 'c'.*no place"),
    "periods": (lambda: frame(c=pd.period_range("2026-01", periods=20, freq="M")), "column 'c'.*no place"),
    "integers beyond 64 bits": (lambda: frame(c=mixed(2**70)), "column 'c'"),
    "half a character": (lambda: frame(c=mixed("\ud800")), "column 'c'(.|\n)*surrogates"),
    "nothing but empty cells": (lambda: pd.DataFrame({"a": [None] * 20}), "no column(.|\n)*learnt"),
    "a column alone": (lambda: frame()["a"], "no table|cannot be read"),
    "polars lists": (lambda: pl.DataFrame({**PLAIN, "c": [[1.0]] * 20}), "column 'c'.*no place"),
    "polars objects": (lambda: pl.DataFrame({"c": pl.Series([object()] * 20, dtype=pl.Object)}), "column 'c'"),
    "128 bits": (lambda: pl.DataFrame({"c": pl.Series([2**100] * 20, dtype=pl.Int128)}), "cannot be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_learnt_from_is_named(name: str) -> None:
    make, told = REFUSED[name]
    with pytest.raises((SuffuseError, ValueError, TypeError), match=told) as caught:
        DiffusionDetector(method="neighbours").fit(make())
    if isinstance(caught.value, SuffuseError):
        assert caught.value.field and (caught.value.expected or caught.value.got)


@pytest.fixture(scope="module")
def fitted() -> DiffusionDetector:
    return DiffusionDetector(method="neighbours").fit(GOOD)


def test_columns_go_by_name_in_memory(fitted: DiffusionDetector) -> None:
    scores = fitted.score_samples(GOOD)
    np.testing.assert_array_equal(fitted.score_samples(GOOD.select(GOOD.column_names[::-1])), scores)
    np.testing.assert_array_equal(fitted.score_samples(GOOD.append_column("more", GOOD["c"])), scores)


@pytest.mark.parametrize(
    ("name", "cell"),
    [("c", "never seen"), ("a", 1e300), ("a", -1.7e308), ("n", 2**62), ("d", datetime.date(1700, 1, 1))],
)
def test_cells_far_off_make_rows_odd(fitted: DiffusionDetector, name: str, cell: Any) -> None:
    scores = fitted.score_samples(first(name, cell))
    assert np.isfinite(scores).all() and scores[0] < fitted.score_samples(GOOD)[0]
    assert name == "c" or scores.argmin() == 0


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (GOOD.drop_columns(["b", "d"]), "'b', 'd'"),
        (first("a", None), "'a'(.|\n)*empty"),
        (first("a", math.inf), "'a'(.|\n)*inf"),
        (changed("a", ["x"] * COUNT), "'a'(.|\n)*'x'"),
        (changed("a", [[1.0]] * COUNT), "'a'"),
        (changed("d", ["not a date"] * COUNT), "'d'"),
        (changed("f", ["perhaps"] * COUNT), "'f'"),
        (GOOD.slice(0, 0), "no rows"),
    ],
)
def test_rows_that_do_not_fit_are_named(fitted: DiffusionDetector, table: pa.Table, told: str) -> None:
    with pytest.raises(SuffuseError, match=told):
        fitted.score_samples(table)


# --- files, by the command line ---------------------------------------------------------------------------------------


def as_csv(table: pa.Table = GOOD) -> str:
    sink = io.BytesIO()
    csv.write_csv(table, sink, csv.WriteOptions(quoting_style="needed"))
    return sink.getvalue().decode()


def as_parquet(table: pa.Table = GOOD, groups: int = 20) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink, row_group_size=groups)
    return sink.getvalue()


def as_lines(table: pa.Table = GOOD) -> list[str]:
    return [json.dumps(row, default=str, ensure_ascii=False) for row in table.to_pylist()]


def as_stream(table: pa.Table = GOOD) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, 20)
    return sink.getvalue()


def as_npz(**arrays: Any) -> bytes:
    sink = io.BytesIO()
    np.savez(sink, **arrays)
    return sink.getvalue()


TEXT, LINES = as_csv(), as_lines()
HEAD, *BODY = TEXT.splitlines(keepends=True)
FOREIGN = LINES[0].replace('"c": "', '"c": "ü')
BYTES = pa.StringArray.from_buffers(3, pa.py_buffer(np.arange(4, dtype=np.int32).tobytes()), pa.py_buffer(b"u\xffv"))
UNSEEN = pa.concat_arrays([BYTES, GOOD["c"].combine_chunks()[3:]])
"""Texts, the second of which is none."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of good rows; do not write into its folder."""
    folder = tmp_path_factory.mktemp("model")
    parquet.write_table(GOOD, folder / "good.parquet")
    result = suffuse(
        "train", "neighbours", "data.name=file", f"data.path={folder / 'good.parquet'}", "--out", folder / "run"
    )
    assert result.exit_code == 0, result.output
    return folder / "run"


@pytest.fixture(scope="module")
def usual(model: Path) -> np.ndarray:
    """The scores of good rows."""
    return load(model).score(Rows.of(GOOD)).value.numpy()


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def scored(folder: Path, model: Path, told: Any) -> tuple[Any, np.ndarray, list[str]]:
    """What a run says, the scores, and the reasons of the rows set apart."""
    out = folder / "out" / "scores.parquet"
    out.parent.mkdir(exist_ok=True)
    result = suffuse("score", model, told, "--out", out)
    apart = out.with_name("scores.quarantine.jsonl")
    reasons = [json.loads(line)["reason"] for line in apart.read_text().splitlines()] if apart.exists() else []
    values = parquet.read_table(out)["score"].to_numpy() if out.exists() else np.empty(0)
    return result, values, reasons


ALIKE: dict[str, tuple[str, str | bytes]] = {
    "columns in another order": ("t.parquet", as_parquet(GOOD.select(GOOD.column_names[::-1]))),
    "a mark of the byte order": ("t.csv", b"\xef\xbb\xbf" + TEXT.encode()),
    "semicolons": ("t.csv", TEXT.replace(",", ";")),
    "semicolons and decimal commas": ("t.csv", TEXT.replace(",", ";").replace(".", ",")),
    "tabs": ("t.tsv", TEXT.replace(",", "\t")),
    "tabs in a .csv": ("t.csv", TEXT.replace(",", "\t")),
    "bars": ("t.csv", TEXT.replace(",", "|")),
    "Windows' line ends": ("t.csv", TEXT.replace("\n", "\r\n")),
    "old line ends": ("t.csv", TEXT.replace("\n", "\r")),
    "empty lines": ("t.csv", "\n" + TEXT.replace("\n", "\n\n")),
    "no last line end": ("t.csv", TEXT.rstrip("\n")),
    "JSON lines": ("t.jsonl", "\n".join(LINES)),
    "blank JSON lines": ("t.jsonl", "\n\n" + "\n  \n".join(LINES) + "\n"),
    "categories": ("t.parquet", as_parquet(changed("c", GOOD["c"].combine_chunks().dictionary_encode()))),
    "views": ("t.arrow", as_stream(changed("c", GOOD["c"].cast(pa.string_view())))),
    "numbers as text": ("t.parquet", as_parquet(changed("n", [str(n) for n in GOOD["n"].to_pylist()]))),
    "whole numbers as floats": ("t.parquet", as_parquet(changed("n", GOOD["n"].cast(pa.float64())))),
    "truths as numbers": ("t.parquet", as_parquet(changed("f", GOOD["f"].cast(pa.int8())))),
    "truths as words": ("t.parquet", as_parquet(changed("f", ["yes" if f else "No" for f in GOOD["f"].to_pylist()]))),
    "dates as text": ("t.parquet", as_parquet(changed("d", [str(d) for d in GOOD["d"].to_pylist()]))),
    "dates as times": ("t.parquet", as_parquet(changed("d", GOOD["d"].cast(pa.timestamp("ns"))))),
    "a column more": ("t.parquet", as_parquet(GOOD.append_column("more", GOOD["c"]))),
}  # fmt: skip


@pytest.mark.parametrize("name", ALIKE)
def test_however_a_table_is_written_its_scores_are_the_same(name, tmp_path, model, usual) -> None:
    result, values, reasons = scored(tmp_path, model, written(tmp_path, *ALIKE[name]))
    assert result.exit_code == 0 and not reasons, result.output
    np.testing.assert_allclose(values, usual, rtol=1e-6)


APART: dict[str, tuple[str, str | bytes, int, str]] = {
    "an empty cell": ("t.csv", TEXT + ",1,2,u,2026-01-01,true\n", 1, "nothing in the column 'a'"),
    "NaN": ("t.parquet", as_parquet(first("a", math.nan)), 1, "nothing in the column 'a'"),
    "infinity": ("t.parquet", as_parquet(first("a", math.inf)), 1, "'a'; expected a finite number; got inf"),
    "a text among numbers": ("t.csv", TEXT + "abc,1,2,u,2026-01-01,true\n", 1, "expected a finite number; got 'abc'"),
    "no date": ("t.csv", TEXT + "1,1,2,u,soon,true\n", 1, "'d'; expected a date"),
    "no truth": ("t.csv", TEXT + "1,1,2,u,2026-01-01,perhaps\n", 1, "'f'; expected true or false; got 'perhaps'"),
    "ragged lines": ("t.csv", HEAD + "1,2\n" + "".join(BODY) + "1,2,3,4,5,6,7,8\n", 2, "expected 6 cells; got 2: 1,2"),
    "latin-1": ("t.csv", (TEXT + "1,1,2,ü,2026-01-01,true\n").encode("latin-1"), 1, f"line {COUNT + 2} is no UTF-8"),
    "latin-1 in JSON": ("t.jsonl", "\n".join([FOREIGN, *LINES]).encode("latin-1"), 1, "line 1 is no UTF-8"),
    "texts nobody looked at": ("t.parquet", as_parquet(changed("c", UNSEEN)), 1, "row 1 is no UTF-8"),
    "no JSON": ("t.jsonl", "\n".join([*LINES, '{"a":', "5", "null", "{}"]), 4, "is no JSON"),
    "null alone": ("t.jsonl", "\n".join(["null", *LINES]), 1, "is no row"),
    "two objects on a line": ("t.jsonl", "\n".join([*LINES, LINES[0] + LINES[1]]), 1, "is no JSON (Extra data)"),
    "a list that begins with null": ("t.jsonl", "\n".join([*LINES, '{"a": [null, 1]}']), 1, "got [None, 1]"),
    "a key missing before a broken line": ("t.jsonl", "\n".join(['{"b": 1}', "{", *LINES]), 2, "nothing in the column"),
    "lists": ("t.parquet", as_parquet(changed("a", [[1.0]] * COUNT)), COUNT, "'a'; expected a finite number"),
    "structs": ("t.parquet", as_parquet(changed("a", [{"x": 1}] * COUNT)), COUNT, "'a'; expected a finite number"),
    "spans of time": ("t.parquet", as_parquet(changed("a", [datetime.timedelta(1)] * COUNT)), COUNT, "'a'; expected a"),
}  # fmt: skip


@pytest.mark.parametrize("name", APART)
def test_a_bad_row_is_set_apart_with_its_reason(name, tmp_path, model) -> None:
    file, content, bad, told = APART[name]
    path = written(tmp_path, file, content)
    result, values, reasons = scored(tmp_path, model, path)
    assert result.exit_code == 0, result.output
    assert len(reasons) == bad and any(told in reason for reason in reasons), reasons
    rows = sum(len(part) for part in files.stream(path))
    assert len(values) == rows - bad and np.isfinite(values).all()


HANDLED: dict[str, bytes] = {
    "a category never seen": as_parquet(changed("c", ["never"] * COUNT)),
    "bytes for a category": as_parquet(changed("c", [b"\xff"] * COUNT)),
    "lists for a category": as_parquet(changed("c", [["u"]] * COUNT)),
    "very large": as_parquet(first("a", 1e300)),
    "the largest": as_parquet(first("a", -1.7e308)),
    "minus zero": as_parquet(first("a", -0.0)),
    "beyond 2^53": as_parquet(first("n", 2**63 - 1)),
    "beyond 2^63": as_parquet(changed("n", pa.array([2**64 - 1] * COUNT, pa.uint64()))),
    "decimals": as_parquet(changed("a", [Decimal("1.25")] * COUNT)),
    "huge decimals": as_parquet(changed("a", pa.array([Decimal("1e60")] * COUNT, pa.decimal256(70, 2)))),
    "before the calendar": as_parquet(changed("d", pa.array([-(2**62)] * COUNT).cast(pa.timestamp("us")))),
    "one row": as_parquet(GOOD.slice(0, 1)),
}


@pytest.mark.parametrize("name", HANDLED)
def test_odd_cells_are_scored(name, tmp_path, model, usual) -> None:
    result, values, reasons = scored(tmp_path, model, written(tmp_path, "t.parquet", HANDLED[name]))
    assert result.exit_code == 0 and not reasons, result.output
    assert len(values) and np.isfinite(values).all()
    assert name == "minus zero" or name == "one row" or values[0] > usual[0]


TWICE = as_parquet(pa.Table.from_arrays([GOOD["a"]] * 2, ["a", "a"]))

BROKEN: dict[str, tuple[str, str | bytes, str]] = {
    "a Parquet file cut in half": ("t.parquet", as_parquet()[: len(as_parquet()) // 2], "cannot be read"),
    "no Parquet": ("t.parquet", b"this is something else", "cannot be read"),
    "no Arrow": ("t.arrow", b"this is something else", "cannot be read"),
    "an empty file": ("t.csv", b"", "is empty"),
    "blank lines alone": ("t.csv", b"\n\n\n", "no columns"),
    "columns of one name in CSV": ("t.csv", b"a,a\n1,2\n3,4\n", "one name"),
    "columns of one name in Parquet": ("t.parquet", TWICE, "one name"),
    "a header in latin-1": ("t.csv", "a,ü\n1,2\n3,4\n".encode("latin-1"), "iconv -f latin1"),
    "UTF-16": ("t.csv", TEXT.encode("utf-16"), "iconv -f utf-16"),
    "objects in npz": ("t.npz", as_npz(X=np.array([[1, "a"]] * 9, dtype=object)), "cannot be read"),
    "complex numbers in npz": ("t.npz", as_npz(X=np.ones((9, 2), dtype=complex)), "complex"),
    "a line for a table in npz": ("t.npz", as_npz(X=np.ones(9)), "no table"),
    "labels of others in npz": ("t.npz", as_npz(X=np.eye(9), y=np.ones(3)), "no table"),
    "no X in npz": ("t.npz", as_npz(Z=np.eye(9)), "no array X"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_and_what_was_scored_before_is_kept(name, tmp_path, model, usual) -> None:
    file, content, told = BROKEN[name]
    broken = written(tmp_path, file, content)
    result = suffuse("train", "neighbours", "data.name=file", f"data.path={broken}", "--out", tmp_path / "run")
    assert result.exit_code == 3 and str(broken) in result.output and told in result.output, result.output
    assert not (tmp_path / "run").exists()
    folder = tmp_path / "many"
    folder.mkdir()
    broken.rename(folder / f"b{broken.suffix}")
    written(folder, "a.parquet", as_parquet())
    result, values, _ = scored(tmp_path, model, folder)
    assert result.exit_code != 0 and f"b{broken.suffix}" in result.output and told in result.output, result.output
    assert "kept" in result.output and not len(values)


def test_the_same_command_goes_on_where_a_file_broke_off(tmp_path, model, usual) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    written(folder, "a.parquet", as_parquet())
    written(folder, "b.parquet", as_parquet()[:700])
    result, _, _ = scored(tmp_path, model, folder)
    assert result.exit_code != 0 and "broke off after 0 items" in result.output
    written(folder, "b.parquet", as_parquet())
    result, values, reasons = scored(tmp_path, model, folder)
    assert result.exit_code == 0 and not reasons, result.output
    np.testing.assert_allclose(values, np.tile(usual, 2), rtol=1e-6)


def test_a_damaged_row_group_costs_what_is_behind_it(tmp_path, model) -> None:
    content = bytearray(as_parquet())
    start = parquet.read_metadata(io.BytesIO(content)).row_group(2).column(0).data_page_offset
    content[start : start + 60] = bytes(60)
    path = written(tmp_path, "t.parquet", bytes(content))
    result, _, _ = scored(tmp_path, model, path)
    assert result.exit_code != 0 and "row group 2 of 3" in result.output and "after 40 items" in result.output


@pytest.mark.parametrize("none", ["a.csv", "a.parquet", "a.arrow"])
def test_a_table_without_rows_among_others_is_no_matter(none, tmp_path, model, usual) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    empty = GOOD.slice(0, 0)
    content = {"a.csv": HEAD, "a.parquet": as_parquet(empty), "a.arrow": as_stream(empty)}[none]
    alone = written(folder, none, content)
    result, _, _ = scored(tmp_path, model, alone)
    assert result.exit_code == 3 and "no items" in result.output
    result = suffuse("train", "neighbours", "data.name=file", f"data.path={alone}", "--out", tmp_path / "run")
    assert result.exit_code == 3 and "no rows" in result.output
    written(folder, "b.csv", TEXT)
    result, values, _ = scored(tmp_path, model, folder)
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(values, usual, rtol=1e-6)
    assert len(files.read_all(folder)) == COUNT


TABLES: dict[str, tuple[str, str | bytes]] = {
    "constant columns": ("t.parquet", as_parquet(changed("a", [7.0] * COUNT))),
    "very large": ("t.parquet", as_parquet(first("a", 1e300))),
    "beyond 2^53": ("t.parquet", as_parquet(first("n", 2**63 - 1))),
    "one column": ("t.parquet", as_parquet(GOOD.select(["a"]))),
    "empty cells": ("t.parquet", as_parquet(first("a", None))),
    "an empty column": ("t.csv", as_csv(changed("a", pa.nulls(COUNT)))),
    "names of any kind": ("t.csv", 'mask,"a,\nb",,%\n' + "".join(f"{i},{i % 3},{i % 5},{i % 7}\n" for i in range(60))),
    "quoted line breaks": ("t.csv", HEAD + "".join(BODY).replace(",u,", ',"u\nu",')),
    "zones": ("t.parquet", as_parquet(changed("d", GOOD["d"].cast(pa.timestamp("us", "Europe/Berlin"))))),
    "truths as yes and no": ("t.parquet", as_parquet(changed("f", ["yes", "no"] * 30))),
}  # fmt: skip


FIELDS = ("empty cells", "names of any kind", "truths as yes and no")


@pytest.mark.parametrize(("name", "layout"), [*((n, "vector") for n in TABLES), *((n, "fields") for n in FIELDS)])
def test_rows_are_made_like_odd_tables(name, layout, tmp_path) -> None:
    path = written(tmp_path, *TABLES[name])
    network = {"vector": "neighbours", "fields": "tabular"}[layout]
    steps = ["train.steps=2", "network.width=8", "network.depth=1"] if layout == "fields" else []
    data = ("data.name=file", f"data.path={path}", f"codec.layout={layout}")
    result = suffuse("train", network, *data, *steps, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    result = suffuse("generate", tmp_path / "run", "--count", 5, "--steps", 4, "--out", tmp_path / "made.parquet")
    assert result.exit_code == 0, result.output
    made, real = files.read(tmp_path / "made.parquet"), files.read(path)
    assert len(made) == 5 and set(made.names) <= set(real.names)
    for column, cells in made.columns().items():
        assert cells.type == real.columns()[column].type or real.columns()[column].type == pa.date32()
        assert not pa.types.is_floating(cells.type) or np.isfinite(cells.drop_null().to_numpy()).all()
