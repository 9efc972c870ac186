"""A table with scores from a table, whatever kind of table it is, and whatever is wrong with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import suffuse
from suffuse import TableScorer
from suffuse.domain import Domain
from suffuse.errors import DomainInputError, ModelFileError
from suffuse_tabular.rows import Rows
from tests.engines.conftest import BAD
from tests.engines.same import assert_same


def test_scores_are_those_of_the_model(model_file: Path, table: pa.Table, expected: pa.Table) -> None:
    model = suffuse.load(model_file)
    whole = [i for i in range(len(table)) if i != BAD]
    scores = model.score(Rows.of(table.take(whole)))
    found = expected.take(whole)
    np.testing.assert_allclose(found["score"].to_numpy(), scores.value.numpy(), rtol=0.0, atol=1e-6)
    assert model.calibration is not None
    assert found["flag"].to_pylist() == [v > model.calibration.threshold for v in scores.values]
    assert 0 < sum(found["flag"].to_pylist()) < 300
    assert expected.column_names == [*table.column_names, "score", "p", "flag", "fault"]


def test_a_row_that_cannot_be_scored_says_why(expected: pa.Table) -> None:
    row = expected.slice(BAD, 1).to_pylist()[0]
    assert (row["score"], row["p"], row["flag"]) == (None, None, None)
    assert "x0" in row["fault"]
    assert expected["fault"].null_count == len(expected) - 1


KINDS = {
    "pandas": (lambda t: t.to_pandas().set_index(pd.Index(range(100, 100 + len(t)))), pa.Table.from_pandas),
    "polars": (pl.DataFrame, lambda f: f.to_arrow()),
    "record batch": (lambda t: t.combine_chunks().to_batches()[0], lambda b: pa.Table.from_batches([b])),
    "another": (lambda t: _Other(t), lambda t: t),
}


class _Other:
    """Something of the Arrow C stream interface alone."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_tables(kind: str, model_file: Path, table: pa.Table, expected: pa.Table) -> None:
    make, back = KINDS[kind]
    told = make(table.slice(0, 1000))
    found = TableScorer(model_file)(told)
    assert isinstance(found, pa.Table if kind == "another" else type(told))
    assert_same(back(found), expected.slice(0, 1000))
    if kind == "pandas":
        assert found.index.equals(told.index)


def test_columns_that_are_kept_and_figures(model_file: Path, table: pa.Table) -> None:
    scorer = TableScorer(model_file, keep=["id"], figures=True, statistic="residual", levels=3)
    found = scorer(table.slice(0, 10))
    assert found.column_names == ["id", *scorer.added.names]
    figures = [name for name in found.column_names if name.startswith("σ")]
    assert len(figures) == 3
    mean = np.mean([found[name].to_numpy() for name in figures], axis=0)
    np.testing.assert_allclose(found["score"].to_numpy(), mean, atol=1e-9)
    assert TableScorer(model_file, keep=(), threshold=1e9)(table)["flag"].to_pylist().count(True) == 0


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(rows: int, model_file: Path, table: pa.Table) -> None:
    scorer = TableScorer(model_file)
    found = scorer(table.slice(0, rows))
    assert found.num_rows == rows
    assert found.schema == pa.schema([*table.schema, *scorer.added])


def test_only_rows_that_cannot_be_scored(model_file: Path, table: pa.Table) -> None:
    scorer = TableScorer(model_file)
    found = scorer(table.slice(BAD, 1))
    assert found.schema == pa.schema([*table.schema, *scorer.added])
    assert found["fault"].null_count == 0


def test_what_is_wrong_with_a_whole_table_is_an_error(model_file: Path, table: pa.Table) -> None:
    scorer = TableScorer(model_file)
    with pytest.raises(DomainInputError, match="x2") as told:
        scorer(table.drop_columns("x2"))
    assert "broke off" not in str(told.value)
    with pytest.raises(DomainInputError, match="is a column of the table, and of the scores"):
        scorer(table.append_column("score", table["x0"]))
    with pytest.raises(DomainInputError, match="no table"):
        scorer([1, 2])
    with pytest.raises(DomainInputError, match="ids"):
        TableScorer(model_file, keep=["ids"])(table)
    with pytest.raises(DomainInputError, match="do not go together"):
        scorer(table.slice(0, 2).to_pandas().assign(x0=["one", 2.0]))
    with pytest.raises(ModelFileError):
        TableScorer("nothing.safetensors")


class _Notes(Domain):
    """A domain whose items are text files, one each; only reading is asked of it here."""

    def read(self, path: Path) -> list[Any]:
        return path.read_text().splitlines()


_Notes.__abstractmethods__ = frozenset()


def test_items_that_are_no_rows_are_named_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a")
    (tmp_path / "two").write_text("a\nb")
    paths = [str(tmp_path / name) for name in ("one", "two", "none")] + [None]
    items = _Notes().from_table(pa.table({"path": paths}))
    assert items[0] == "a"
    assert "one item" in str(items[1].error)
    assert "No such file" in str(items[2].error)
    assert items[3].error.field is None or "None" not in items[3].error.field
    with pytest.raises(DomainInputError, match="path"):
        _Notes().from_table(pa.table({"file": paths}))


def test_who_scores_loads_no_more_than_it_needs(model_file: Path, tmp_path: Path) -> None:
    """What draws and what learns is a sixth of a gigabyte, in every process that scores."""
    code = (
        "import sys, pyarrow as pa; from suffuse import TableScorer\n"
        f"TableScorer({str(model_file)!r})(pa.table({{**{{f'x{{i}}': [0.0] for i in range(4)}}, 'colour': ['red']}}))\n"
        "print([name for name in ('sklearn', 'matplotlib', 'torchvision', 'torch._dynamo') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
