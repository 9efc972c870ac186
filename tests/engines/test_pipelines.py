"""The recipes of docs/pipelines.md, each run as it stands there on a local cluster: `suffuse score` says the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from suffuse.cli import app
from tests.docs.pages import ROOT, blocks
from tests.engines.conftest import BAD
from tests.engines.same import assert_same

pytestmark = pytest.mark.slow


def recipe(word: str) -> str:
    """The one block of the page that has a word."""
    (found,) = (b.code for b in blocks(ROOT / "docs" / "pipelines.md") if b.language == "python" and word in b.code)
    return found


def run(code: str) -> dict[str, Any]:
    """What a script of this code leaves."""
    left: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(code, "pipelines.md", "exec"), left)
    return left


@pytest.fixture
def here(model_file: Path, table: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the model, and the rows: in one file, in three, and as text."""
    (tmp_path / "rows").mkdir()
    for i in range(3):
        pyarrow.parquet.write_table(table.slice(700 * i, 700), tmp_path / "rows" / f"{i}.parquet")
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    pyarrow.csv.write_csv(table, tmp_path / "rows.csv")
    (tmp_path / "detector.safetensors").symlink_to(model_file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def told(here: Path) -> pa.Table:
    """What `suffuse score` says of one file; a row that cannot be scored is not in it."""
    result = CliRunner().invoke(app, ["score", "detector.safetensors", "rows.parquet", "--out", "told.parquet"])
    assert result.exit_code == 0, result.output
    return pyarrow.parquet.read_table(here / "told.parquet")


def check(found: pa.Table, told: pa.Table) -> None:
    """The rows of `suffuse score`, and the one that cannot be scored with its reason."""
    ordered = found.sort_by("id")
    assert "x0" in ordered["fault"][BAD].as_py()
    whole = ordered.take([i for i in range(len(ordered)) if i != BAD])
    assert_same(whole.drop_columns("fault"), told)


@contextmanager
def spark() -> Iterator[None]:
    try:
        yield
    finally:
        sys.modules["pyspark.sql"].SparkSession.getActiveSession().stop()


@contextmanager
def dask() -> Iterator[None]:
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with distributed.Client(n_workers=1, threads_per_worker=1, dashboard_address=None):
        yield


@contextmanager
def ray() -> Iterator[None]:
    found = sys.modules["ray"]
    found.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        yield
    finally:
        found.shutdown()


ENGINES: dict[str, tuple[str, Callable[[], Any], str]] = {
    "pandas": ("chunksize", nullcontext, "scored.csv"),
    "polars": ("scan_parquet", nullcontext, "scored.parquet"),
    "pyspark": ("pyspark", spark, "scored"),
    "dask.dataframe": ("dask", dask, "scored"),
    "ray.data": ("ray.data", ray, "scored"),
}
"""By the package: a word of its recipe, its cluster, and what it writes."""


@pytest.mark.parametrize("package", ENGINES)
def test_engines_say_what_suffuse_score_says(package: str, told: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed")
    for name, value in (("PYSPARK_PYTHON", sys.executable), ("SPARK_LOCAL_IP", "127.0.0.1")):
        monkeypatch.setenv(name, value)
    word, cluster, out = ENGINES[package]
    with cluster():
        run(recipe(word))
    read = pyarrow.csv.read_csv if out.endswith(".csv") else lambda path: pyarrow.dataset.dataset(path).to_table()
    check(read(out), told)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("share", "success"), [("0.9", True), ("0.99", False)])
def test_great_expectations_of_the_share_of_odd_rows(share: str, success: bool) -> None:
    pytest.importorskip("great_expectations", reason="great_expectations is not installed")
    found = run(recipe("great_expectations").replace("mostly=0.9)", f"mostly={share})"))["found"]
    assert found.success is success
    odd, faults = found.results
    assert (odd.success, faults.success) == (success, True)
    assert faults.result["unexpected_count"] == 1


def test_dbt(here: Path, told: pa.Table) -> None:
    pytest.importorskip("dbt.adapters.duckdb", reason="dbt-duckdb is not installed")
    (here / "models").mkdir()
    (here / "models" / "orders.sql").write_text("select * from read_parquet('rows.parquet')")
    (here / "models" / "scored.py").write_text(recipe("dbt.ref"))
    (here / "dbt_project.yml").write_text(
        'name: shop\nversion: "1.0"\nprofile: shop\nmodels:\n  shop:\n    +materialized: table\n'
    )
    (here / "profiles.yml").write_text("shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}\n")
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "run", "--profiles-dir", "."]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    with pytest.importorskip("duckdb").connect("shop.duckdb") as shop:
        check(pa.table(shop.sql("select * from scored")), told)


@pytest.mark.parametrize(("rate", "state"), [("0.1", "success"), ("0.001", "failed")])
def test_airflow(here: Path, told: pa.Table, rate: str, state: str) -> None:
    pytest.importorskip("airflow", reason="apache-airflow is not installed")
    code = recipe("airflow").replace("/data/orders", str(here)).replace("--fail-over 0.1", f"--fail-over {rate}")
    code = code.replace("retries=2", "retries=0").replace("suffuse score", f"{sys.executable} -m suffuse score")
    (here / "dags").mkdir()
    (here / "dags" / "daily.py").write_text(code)
    test = "import sys; sys.path.insert(0, 'dags'); import daily; print('ended in', daily.orders.test().state)"
    environment = {**os.environ, "AIRFLOW_HOME": str(here), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    environment |= {"AIRFLOW__CORE__DAGS_FOLDER": str(here / "dags"), "PYTHONPATH": os.pathsep.join(sys.path)}
    for arguments in (["-m", "airflow", "db", "migrate"], ["-c", test]):
        done = subprocess.run(
            [sys.executable, *arguments], check=False, env=environment, capture_output=True, text=True
        )
    assert f"ended in {state}" in done.stdout, done.stdout + done.stderr
    (scored,) = here.glob("scored-*.parquet")
    assert_same(pyarrow.parquet.read_table(scored).drop_columns("source_file"), told)
