"""What travels to workers: models as bytes, batches without what they were cut from, errors whole."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
import torch

from suffuse import TableScorer, load
from suffuse.errors import DataError
from suffuse.tasks.score import make_scorer
from suffuse.tasks.scoring import tables
from suffuse.tasks.scoring.columns import Layout
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.scoring.shipping import Shipment
from suffuse.tasks.scoring.sources import Batch, BrokenSourceError, Span
from suffuse.tasks.scoring.worker import Worker
from suffuse_tabular.rows import Rows
from tests.engines.same import assert_same


@pytest.mark.parametrize("options", [{}, {"statistic": "profile", "levels": 3, "seed": 5}], ids=["own", "another"])
def test_a_scorer_arrives_whole(model_file: Path, table: pa.Table, options: dict) -> None:
    scorer = make_scorer(load(model_file), **options)
    arrived = pickle.loads(pickle.dumps(Shipment.of(scorer))).open()
    rows = Rows.of(table.slice(0, 50))
    here, there = scorer(rows), arrived(rows)
    assert torch.equal(here.value, there.value)
    assert (here.p is None) == (there.p is None) == bool(options)
    assert here.p is None or torch.equal(here.p, there.p)
    assert (here.labels, here.statistic, here.units) == (there.labels, there.statistic, there.units)
    assert arrived.model.facts == scorer.model.facts


def test_no_file_is_needed_where_a_model_arrives(model_file: Path, table: pa.Table, tmp_path: Path) -> None:
    copy = tmp_path / "model.safetensors"
    copy.write_bytes(model_file.read_bytes())
    scorer = TableScorer(copy, keep=["id"])
    copy.unlink()
    sent = pickle.dumps(scorer)
    assert copy.parent.name.encode() not in sent
    assert pickle.loads(sent)(table.slice(0, 9)).equals(scorer(table.slice(0, 9)))


def test_a_worker_loads_its_model_once(model_file: Path, table: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    real = Shipment.open
    monkeypatch.setattr(Shipment, "open", lambda self: (loads.append(1), real(self))[1])
    worker = Worker(Shipment.of(make_scorer(load(model_file))), Layout(keep=("id",)))
    for first in (0, 10, 20):
        rows = Rows.of(table.slice(first, 10))
        worker.score(Batch(rows, (Span(0, "a", first, 10),), first))
    assert len(loads) == 1


def test_a_process_that_gets_a_scorer_often_loads_it_once(model_file: Path) -> None:
    sent = [pickle.dumps(TableScorer(model_file, keep=["id"])), pickle.dumps(TableScorer(model_file))]
    tables._opened.cache_clear()
    arrived = [pickle.loads(sent[i % 2]) for i in range(6)]
    assert tables._opened.cache_info().misses == 1
    assert [one.keep for one in arrived] == [("id",), None] * 3
    other = pickle.loads(pickle.dumps(TableScorer(model_file, statistic="profile")))
    assert tables._opened.cache_info().misses == 2
    assert isinstance(other.scorer, Scorer)
    assert other.scorer.statistic.name == "profile"


def test_a_slice_of_rows_leaves_the_rest_behind(table: pa.Table) -> None:
    rows = Rows.of(table)[100:110]
    sent = pickle.dumps(rows)
    assert len(sent) < 5_000, "the whole table is more than 60,000 bytes"
    assert pickle.loads(sent).table.equals(rows.table)
    assert isinstance(pickle.loads(sent), Rows)


def test_errors_arrive_whole() -> None:
    error = BrokenSourceError("a.csv", 7, DataError("is broken", field="line 9", expected="3 cells", got=4, fix="mend"))
    arrived = pickle.loads(pickle.dumps(error))
    assert str(arrived) == str(error)
    assert (arrived.source, arrived.as_dict()) == ("a.csv", error.as_dict())
    plain = pickle.loads(pickle.dumps(DataError("is broken", field="x", got=3)))
    assert plain.as_dict() == DataError("is broken", field="x", got=3).as_dict()
    assert str(plain) == str(DataError("is broken", field="x", got=3))


def test_scores_do_not_depend_on_how_a_table_is_cut(model_file: Path, table: pa.Table, expected: pa.Table) -> None:
    scorer = TableScorer(model_file)
    cuts = [0, 1, 3, 700, 777, 778, 1500, 2000]
    parts = [scorer(table.slice(a, b - a)) for a, b in pairwise(cuts)]
    assert_same(pa.concat_tables(parts), expected)
