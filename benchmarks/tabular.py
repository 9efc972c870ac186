"""The detector on ADBench's sets, beside the nearest neighbour (1-NN) and the fifth (KNN), on a clean split.

A random half of the usual rows trains, the rest and all odd rows are judged; at most 10,000 rows of a set, in their
natural shares, but at least 50 odd ones where there are as many. Nothing is drawn twice, nothing is set by set.

    python -m benchmarks.tabular --csv benchmarks/results/tabular.csv
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from suffuse_tabular.detector import DiffusionDetector

MOST, LEAST_ODD = 10_000, 50
LEFT_OUT = "17_InternetAds"
"""Not in the headline's mean: 1,555 binary columns, on which most peers fail."""

Floats = NDArray[np.float64]
Method = Callable[[Floats, Floats], Floats]
"""``(training rows, rows to judge) -> oddness``."""


def split(path: Path, seed: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Training rows, rows to judge, and which of these are odd."""
    with np.load(path) as file:
        rows, labels = file["X"].astype(np.float64), file["y"].astype(int)
    rng = np.random.default_rng(seed)
    usual, odd = (rng.permutation(np.flatnonzero(labels == kind)) for kind in (0, 1))
    if len(rows) > MOST:
        odd = odd[: max(round(MOST * len(odd) / len(rows)), LEAST_ODD)]
        usual = usual[: MOST - len(odd)]
    half = len(usual) // 2
    judged = np.concatenate([usual[half:], odd])
    return rows[usual[:half]], rows[judged], labels[judged] == 1


def neighbour(number: int) -> Method:
    """The distance to a neighbour, on standardized columns."""

    def oddness(train: Floats, judged: Floats) -> Floats:
        scaler = StandardScaler().fit(train)
        found = NearestNeighbors(n_neighbors=number).fit(scaler.transform(train))
        distances: Floats = found.kneighbors(scaler.transform(judged))[0][:, -1]
        return distances

    return oddness


def detector(**options: Any) -> Method:
    """Ours."""
    return lambda train, judged: -DiffusionDetector(**options).fit(train).score_samples(judged)


PEERS: dict[str, Method] = {"1-NN": neighbour(1), "KNN": neighbour(5)}


def figures(paths: Sequence[Path], seeds: Sequence[int], methods: dict[str, Method]) -> Iterator[dict[str, Any]]:
    """A row for each set, seed and method; AUROC and AUPRC in per cent."""
    for path in paths:
        for seed in seeds:
            train, judged, odd = split(path, seed)
            for name, method in methods.items():
                begun = time.perf_counter()
                scores = method(train, judged)
                yield {
                    "set": path.stem, "seed": seed, "method": name, "n_train": len(train), "n_test": len(judged),
                    "auroc": round(100.0 * roc_auc_score(odd, scores), 3),
                    "auprc": round(100.0 * average_precision_score(odd, scores), 3),
                    "seconds": round(time.perf_counter() - begun, 3),
                }  # fmt: skip


def means(rows: Sequence[dict[str, Any]], method: str, metric: str) -> Floats:
    """Of each set over the seeds, the sets in their order."""
    names = sorted({row["set"] for row in rows} - {LEFT_OUT})
    chosen = [[row[metric] for row in rows if (row["set"], row["method"]) == (name, method)] for name in names]
    return np.array([np.mean(values) for values in chosen])


def report(rows: Sequence[dict[str, Any]], methods: Sequence[str]) -> None:
    """The means over sets, and the sets won against each peer."""
    for method in methods:
        told = [f"{metric} {means(rows, method, metric).mean():.2f}" for metric in ("auroc", "auprc")]
        for peer in PEERS:
            gaps = means(rows, method, "auroc") - means(rows, peer, "auroc")
            if method not in PEERS and np.any(gaps):
                told.append(f"{peer}: {np.sum(gaps > 0)}-{np.sum(gaps < 0)} p={wilcoxon(gaps).pvalue:.3g}")
        print(f"{method:<18}", "  ".join(told))


def main() -> None:
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--data", type=Path, default=Path(os.environ.get("SUFFUSE_DATA", ".")) / "tabular")
    about.add_argument("--sets", nargs="*", help="names; all by default")
    about.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    about.add_argument("--methods", nargs="+", default=["auto"], help="of the detector")
    about.add_argument("--csv", type=Path, help="where the rows of all sets go")
    asked = about.parse_args()
    paths = sorted(asked.data.glob("*.npz"))
    paths = [path for path in paths if not asked.sets or path.stem in asked.sets]
    if not paths:
        raise SystemExit(f"{asked.data} holds no such sets: tell --data, or set SUFFUSE_DATA")
    methods = PEERS | {f"suffuse {name}": detector(method=name) for name in asked.methods}
    rows = list(figures(paths, asked.seeds, methods))
    if asked.csv is not None:
        asked.csv.parent.mkdir(parents=True, exist_ok=True)
        with asked.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    report(rows, list(methods))


if __name__ == "__main__":
    main()
