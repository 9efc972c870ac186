"""Claim: 10 million rows of 16 numbers are scored from Parquet on two processors in two minutes, in less than 1 GiB.

`suffuse score` in a process of its own, of a file that is made here: rows a second, processor time, and the largest
resident size, by two models: the exact score of 5,000 rows, and a network of 128 by 3 that is asked once a row. Then
what the pipeline takes by itself, in processor time: reading, encoding, parts and the file, around a statistic that
measures nothing.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import torch
from pyarrow import parquet
from torch import Tensor

from benchmarks.report import Row, parser, save, show
from suffuse.conditions import Conditions
from suffuse.model import load
from suffuse.state import State, batch_size
from suffuse.tasks.scoring.engines import make_engine
from suffuse.tasks.scoring.files import score_files
from suffuse.tasks.scoring.scorer import Scorer
from suffuse.tasks.scoring.sources import find_sources
from suffuse.trained import Trained
from suffuse_tabular.detector import DiffusionDetector

COLUMNS, HIDDEN, USUAL = 16, 5, 5_000
GROUP = 2**18
"""Rows that are made, and written, at a time."""
ODD = 0.01
MODELS: dict[str, tuple[str, ...]] = {"neighbours": (), "denoiser": ("--statistic", "residual", "--levels", "1")}
"""By how a detector learns, how it is asked."""


def made(rng: np.random.Generator, count: int, odd: float = 0.0) -> pa.Table:
    """Numbers that hang together; of a share of the rows they do not."""
    mix = np.random.default_rng(1).normal(size=(HIDDEN, COLUMNS))
    x = rng.normal(size=(count, HIDDEN)) @ mix + 0.3 * rng.normal(size=(count, COLUMNS))
    wrong = rng.random(count) < odd
    x[wrong] += 4.0 * rng.normal(size=(int(wrong.sum()), COLUMNS))
    return pa.table({f"x{i}": x[:, i] for i in range(COLUMNS)})


def write_rows(path: Path, count: int) -> None:
    """Rows, in groups of a usual size, without holding them all."""
    rng = np.random.default_rng(0)
    with parquet.ParquetWriter(path, made(rng, 1).schema, use_dictionary=False) as writer:
        for first in range(0, count, GROUP):
            writer.write_table(made(rng, min(GROUP, count - first), ODD))


def run(model: Path, rows: Path, count: int, options: Sequence[str], processors: int) -> Row:
    """Score the file as a person does, in a process of its own."""
    out = rows.with_name("scored.parquet")
    command = [sys.executable, "-m", "suffuse", "score", str(model), str(rows), "--out", str(out), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": str(processors)}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    out.unlink()
    return {
        "model": model.stem,
        "rows": count,
        "seconds": seconds,
        "rows a second": count / seconds,
        "processor seconds": cpu,
        "µs of a processor a row": 1e6 * cpu / count,
        "largest MiB so far": after.ru_maxrss / 1024,
    }


@dataclass(frozen=True)
class Nothing:
    """A statistic that costs nothing."""

    name: ClassVar[str] = "nothing"
    needs_reference: ClassVar[bool] = False

    def units(self, calibrated: bool) -> str:
        return ""

    def labels(self, model: Trained) -> tuple[str, ...]:
        return ("nothing",)

    def measure(self, model: Trained, x: State, given: Conditions) -> Tensor:
        return torch.zeros(batch_size(x), 1, dtype=torch.float64)

    def combine(self, figures: Tensor, usual: Tensor | None) -> Tensor:
        return figures[:, 0]


def alone(model: Path, rows: Path, count: int) -> Row:
    """What the pipeline takes by itself."""
    loaded, out = load(model), rows.with_name("alone.parquet")
    scorer = Scorer(loaded, Nothing(), None)
    seconds = _processor_seconds(lambda: score_files(scorer, find_sources(loaded, [rows]), out, engine=make_engine()))
    out.unlink()
    return {"rows": count, "processor seconds": seconds, "µs of a processor a row": 1e6 * seconds / count}


def _processor_seconds(job: Callable[[], object]) -> float:
    begun = time.process_time()
    job()
    return time.process_time() - begun


def main(arguments: Sequence[str] | None = None) -> None:
    """Print rows a second, memory, and the pipeline's share."""
    command = parser(__doc__)
    command.add_argument("--rows", type=int, default=1_000_000)
    command.add_argument("--processors", type=int, default=2)
    command.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options = command.parse_args(arguments)
    torch.set_num_threads(options.processors)
    with tempfile.TemporaryDirectory() as folder:
        rows, usual = Path(folder) / "rows.parquet", made(np.random.default_rng(2), USUAL)
        write_rows(rows, options.rows)
        models = {
            name: DiffusionDetector(name).fit(usual).save(Path(folder) / f"{name}.safetensors") for name in MODELS
        }
        runs = [run(models[name], rows, options.rows, MODELS[name], options.processors) for name in options.models]
        pipeline = [alone(models["neighbours"], rows, options.rows)]
    show("suffuse score, beginning and loading included", runs)
    show("the pipeline alone", pipeline)
    save(options.json, runs=runs, pipeline=pipeline)


if __name__ == "__main__":
    main()
