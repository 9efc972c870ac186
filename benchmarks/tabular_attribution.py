"""Which column is to blame: one number of usual rows is moved by 3 to 5 deviations, and ``explain`` is asked which.

Of each set of ADBench a random half of the usual rows, at most 2000, is learnt, and some of the others are moved, each
in one column that is not constant, up or down. ``most`` is the share of rows of which the moved column adds most to the
score, ``blamed`` that of which it is the first to be blamed after the trial that ``explain`` makes of the five that add
most.

    python -m benchmarks.tabular_attribution --csv benchmarks/tabular_attribution.csv
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from suffuse_tabular.detector import DiffusionDetector
from suffuse_tabular.rows import Rows

Floats = NDArray[np.float64]

TRAIN = 2000
FEWEST = 60
"""Usual rows that a set must have."""


def moved(usual: Floats, train: Floats, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Rows with one number each that is 3 to 5 deviations of the training rows off, and in which column it is."""
    deviation = train.std(0)
    column = rng.choice(np.flatnonzero(deviation > 0.0), len(usual))
    by = rng.choice([-1.0, 1.0], len(usual)) * rng.uniform(3.0, 5.0, len(usual))
    rows = usual.copy()
    rows[np.arange(len(rows)), column] += by * deviation[column]
    return rows, column


def figures(path: Path, count: int, method: str, seed: int) -> dict[str, Any] | None:
    """A row of the table; nothing where a set has too few usual rows."""
    with np.load(path) as file:
        usual = file["X"].astype(np.float64)[file["y"] == 0]
    if len(usual) < FEWEST:
        return None
    rng = np.random.default_rng(seed)
    usual = rng.permutation(usual)
    train = usual[: min(TRAIN, len(usual) // 2)]
    rows, column = moved(usual[len(train) :][:count], train, rng)
    detector = DiffusionDetector(method).fit(train)
    begun = time.perf_counter()
    found = detector.model_.explain(Rows.of(rows), parts=1)
    names = [f"x{i}" for i in column]
    return {
        "set": path.stem, "columns": usual.shape[1], "rows": len(rows),
        "most": round(100.0 * np.mean([next(iter(one.shares)) == n for one, n in zip(found, names, strict=True)]), 1),
        "blamed": round(100.0 * np.mean([one.guilty[0] == n for one, n in zip(found, names, strict=True)]), 1),
        "chance": round(100.0 / int((train.std(0) > 0.0).sum()), 1),
        "seconds": round(time.perf_counter() - begun, 2),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each set, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SUFFUSE_DATA", ".")) / "tabular")
    parser.add_argument("--sets", nargs="*", default=[""], help="parts of their names")
    parser.add_argument("--rows", type=int, default=100, help="of each set")
    parser.add_argument("--columns", type=int, default=100, help="of a set at most")
    parser.add_argument("--method", default="neighbours", help="of the detector")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path, help="the rows of all sets")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for path in sorted(path for path in asked.data.glob("*.npz") if any(name in path.stem for name in asked.sets)):
        with np.load(path) as file:
            columns = file["X"].shape[1]
        row = figures(path, asked.rows, asked.method, asked.seed) if columns <= asked.columns else None
        if row is not None:
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
            rows.append(row)
    if asked.csv and rows:
        with asked.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    if rows:
        told = {name: np.mean([row[name] for row in rows]) for name in ("most", "blamed", "chance")}
        print(f"mean of {len(rows)} sets:", "  ".join(f"{name} {value:.1f}" for name, value in told.items()))


if __name__ == "__main__":
    main()
