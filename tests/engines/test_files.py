"""Files of scores, by every engine: the same, with the same rows set apart, and kept where a source breaks off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import torch

from suffuse import load
from suffuse.errors import RecipeError
from suffuse.tasks.score import make_scorer
from suffuse.tasks.scoring.columns import Layout
from suffuse.tasks.scoring.engines import make_engine
from suffuse.tasks.scoring.files import Engine, Summary, in_this_process, parts_of, quarantine_of, score_files
from suffuse.tasks.scoring.flags import make_flagging
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.scoring.sources import BrokenSourceError, find_sources
from tests.engines.same import assert_same

pytestmark = pytest.mark.slow
BATCH = 150
THREADS = torch.get_num_threads()


@pytest.fixture(scope="module")
def scorer(model_file: Path) -> Scorer:
    return make_scorer(load(model_file))


@pytest.fixture
def ray() -> Iterator[Any]:
    """A cluster that this process has joined before any engine does."""
    found = pytest.importorskip("ray", reason="ray is not installed: pip install suffuse[ray]")
    found.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        yield found
    finally:
        found.shutdown()


def in_files(table: pa.Table, folder: Path) -> str:
    """The table as three CSV files, one cell of which is no number; the pattern that they answer to."""
    folder.mkdir(parents=True)
    for i, first in enumerate((0, 700, 1400)):
        part = table.slice(first, 700)
        if i == 1:
            part = part.set_column(2, "x1", pa.array(["many", *map(str, part["x1"].to_pylist()[1:])]))
        pyarrow.csv.write_csv(part, folder / f"{i}.csv")
    return str(folder / "*.csv")


def scored(scorer: Scorer, told: str | Path, out: Path, engine: Engine) -> Summary:
    sources = find_sources(scorer.model, [told])
    flagging = make_flagging(scorer)
    layout = Layout(keep=("id",))
    return score_files(scorer, sources, out, engine=engine, batch=BATCH, flagging=flagging, layout=layout)


def check(scorer: Scorer, table: pa.Table, folder: Path, engine: Engine) -> None:
    """The engine writes the files that this process writes, byte by byte.

    Where a file breaks off, what the engine scored before is kept, and this process goes on from there.
    """
    told = in_files(table, folder / "in")
    here = scored(scorer, told, folder / "here.parquet", in_this_process)
    there = scored(scorer, told, folder / "there.parquet", engine)
    assert (here.rows, here.quarantined, here.flagged) == (there.rows, there.quarantined, there.flagged)
    assert here.rows == len(table) - 2
    assert here.flagged
    assert (folder / "there.parquet").read_bytes() == (folder / "here.parquet").read_bytes()
    lines = quarantine_of(folder / "there.parquet").read_text()
    assert lines == quarantine_of(folder / "here.parquet").read_text()
    assert "many" in lines

    whole = (folder / "in" / "1.csv").read_text()
    (folder / "in" / "1.csv").write_text(whole.replace("x3", "y3", 1))  # the column is missing there
    again = folder / "again.parquet"
    with pytest.raises(BrokenSourceError) as error:
        scored(scorer, told, again, engine)
    assert error.value.source.endswith("1.csv")
    assert parts_of(again).exists()
    (folder / "in" / "1.csv").write_text(whole)
    resumed = scored(scorer, told, again, in_this_process)
    assert resumed.resumed > 300
    assert_same(*(pyarrow.parquet.read_table(path) for path in (again, folder / "here.parquet")))  # batches are others


@pytest.mark.parametrize("name", ["local", "processes"])
def test_workers_of_this_machine(scorer: Scorer, table: pa.Table, tmp_path: Path, name: str) -> None:
    check(scorer, table, tmp_path, make_engine(name, 2))
    assert torch.get_num_threads() == THREADS, "the processors are given back"


def test_an_error_of_a_process_is_the_same_error(scorer: Scorer, table: pa.Table, tmp_path: Path) -> None:
    """A column that is missing is found where batches are scored."""
    path = tmp_path / "short.parquet"
    pyarrow.parquet.write_table(table.drop_columns("x3"), path)
    told = []
    for engine in (in_this_process, make_engine("local", 2), make_engine("processes", 1)):
        with pytest.raises(BrokenSourceError, match="x3") as error:
            scored(scorer, path, tmp_path / "out.parquet", engine)
        told.append(str(error.value))
    assert told[0] == told[1] == told[2]


def test_ray_with_a_cluster_of_its_own(scorer: Scorer, table: pa.Table, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="ray is not installed: pip install suffuse[ray]")
    path = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(table, path)
    scored(scorer, path, tmp_path / "here.parquet", in_this_process)
    scored(scorer, path, tmp_path / "there.parquet", make_engine("ray", 2))
    assert (tmp_path / "there.parquet").read_bytes() == (tmp_path / "here.parquet").read_bytes()
    assert not ray.is_initialized()


def test_ray_with_a_cluster_that_is_there(scorer: Scorer, table: pa.Table, tmp_path: Path, ray: Any) -> None:
    check(scorer, table, tmp_path, make_engine("ray", 2))
    assert ray.is_initialized()
    for _ in range(100):
        if ray.available_resources().get("CPU", 0) == 2:
            break
        time.sleep(0.1)
    assert ray.available_resources()["CPU"] == 2, "the workers are gone"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:nothing", "nonsense"])
def test_a_cluster_that_cannot_be_reached_is_told_at_once(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Ray itself is asked only where somebody answers, as it waits for two minutes."""
    found = pytest.importorskip("ray", reason="ray is not installed: pip install suffuse[ray]")
    monkeypatch.setenv("RAY_ADDRESS", address)
    if ":" in address:
        monkeypatch.setattr(found, "init", lambda *rest, **options: pytest.fail("ray was asked"))
    with pytest.raises(RecipeError, match="RAY_ADDRESS: cannot be reached"):
        list(make_engine("ray", 1)(scorer, Layout(), iter(())))
