"""The detector on ADBench's sets without labels: fitted on all rows, odd ones among them, and asked about the same.

At most 10,000 rows of a set, in their natural shares, but at least 50 odd ones where there are as many. Nobody tells
how many rows are odd: ours is told 10 % of every set (``contamination=0.1``).

    python -m benchmarks.tabular_unsupervised --csv benchmarks/tabular_unsupervised.csv
"""

from __future__ import annotations

import argparse
import csv
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import MinCovDet
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from benchmarks.tabular import LEAST_ODD, MOST
from suffuse_tabular.detector import DiffusionDetector

CONTAMINATION = 0.1
WIDE = 500
"""Columns from which MinCovDet, whose time rises with their cube, is told their 100 first principal components."""

Floats = NDArray[np.float64]
Method = Callable[[Floats, int], Floats]
"""``(rows, seed) -> oddness``."""


def unlabelled(path: Path, seed: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Rows, and which of these are odd."""
    with np.load(path) as file:
        rows, odd = file["X"].astype(np.float64), file["y"].astype(int) == 1
    rng = np.random.default_rng(seed)
    strange, usual = rng.permutation(np.flatnonzero(odd)), rng.permutation(np.flatnonzero(~odd))
    if len(rows) > MOST:
        strange = strange[: max(round(MOST * len(strange) / len(rows)), LEAST_ODD)]
        usual = usual[: MOST - len(strange)]
    chosen = rng.permutation(np.concatenate([usual, strange]))
    return rows[chosen], odd[chosen]


def forest(rows: Floats, seed: int) -> Floats:
    """Isolation forest."""
    return np.asarray(-IsolationForest(random_state=seed).fit(rows).score_samples(rows))


def determinant(rows: Floats, seed: int) -> Floats:
    """Minimum covariance determinant."""
    values = StandardScaler().fit_transform(rows)
    if values.shape[1] > WIDE:
        from sklearn.decomposition import PCA

        values = PCA(100, random_state=seed).fit_transform(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of covariances without full rank
        return np.asarray(MinCovDet(random_state=seed).fit(values).mahalanobis(values))


def neighbour(rows: Floats, seed: int) -> Floats:
    """The distance to the fifth other row."""
    found = NearestNeighbors(n_neighbors=5).fit(StandardScaler().fit_transform(rows))
    return np.asarray(found.kneighbors()[0][:, -1])


def detector(method: str = "auto") -> Method:
    """Ours."""

    def oddness(rows: Floats, seed: int) -> Floats:
        made = DiffusionDetector(method, contamination=CONTAMINATION, random_state=seed)
        return -made.fit(rows).score_samples(rows)

    return oddness


def filtered(rows: Floats, seed: int) -> Floats:
    """What the filter itself thinks, which only chooses the rows that ours learns from."""
    from suffuse_tabular.filter import oddness
    from suffuse_tabular.rows import Rows

    return oddness(Rows.of(rows), seed=seed)


METHODS: dict[str, Method] = {
    "IsolationForest": forest,
    "MinCovDet": determinant,
    "KNN": neighbour,
    "filter alone": filtered,
    "neighbours": detector("neighbours"),
    "suffuse": detector(),
}


def figures(paths: Sequence[Path], seeds: Sequence[int], methods: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A row for each set, seed and method; AUROC and AUPRC in per cent."""
    for path in paths:
        for seed in seeds:
            rows, odd = unlabelled(path, seed)
            for name in methods:
                begun = time.perf_counter()
                scores = METHODS[name](rows, seed)
                yield {
                    "set": path.stem, "seed": seed, "method": name, "n": len(rows), "odd": round(float(odd.mean()), 4),
                    "auroc": round(100.0 * roc_auc_score(odd, scores), 3),
                    "auprc": round(100.0 * average_precision_score(odd, scores), 3),
                    "seconds": round(time.perf_counter() - begun, 3),
                }  # fmt: skip


def report(rows: Sequence[dict[str, Any]]) -> None:
    """The means over sets and seeds."""
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        told = "  ".join(f"{metric} {np.mean([row[metric] for row in mine]):.2f}" for metric in ("auroc", "auprc"))
        print(f"{method:<16} {told}  ({len({row['set'] for row in mine})} sets)")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SUFFUSE_DATA", ".")) / "tabular")
    parser.add_argument("--sets", nargs="*", default=[""], help="parts of their names")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--csv", type=Path, help="the rows of all sets")
    asked = parser.parse_args(arguments)
    paths = sorted(path for path in asked.data.glob("*.npz") if any(name in path.stem for name in asked.sets))
    rows: list[dict[str, Any]] = []
    for row in figures(paths, range(asked.seeds), asked.methods):
        rows.append(row)
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    if asked.csv and rows:
        with asked.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    report(rows)


if __name__ == "__main__":
    main()
