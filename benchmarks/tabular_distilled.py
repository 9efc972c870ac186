"""What distilling the exact score costs in accuracy, and what it gains in speed, on ADBench's sets.

``neighbours`` asks about all training rows, ``distilled`` about a few centres of them. ``regression`` is what else can
be done: an MLP that learns the exact score itself, at the rows and where odd ones might be. The split is that of
``benchmarks.tabular``; only sets with more training rows than centres are of interest.

    python -m benchmarks.tabular_distilled --csv benchmarks/results/tabular_distilled.csv
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from benchmarks.tabular import LEFT_OUT, split
from suffuse_tabular.detector import DiffusionDetector

Floats = NDArray[np.float64]
Score = Callable[[Floats], Floats]
Method = Callable[[Floats], Score]
"""From training rows to a function from rows to their oddness."""

QUERIES, ROUNDS = 20_000, 3
MOST_JUDGED = 4000


def detector(method: str, **network: Any) -> Method:
    """Ours."""

    def fitted(train: Floats) -> Score:
        made = DiffusionDetector(method, recipe={"network": network} if network else None).fit(train)
        return lambda rows: -made.score_samples(rows)

    return fitted


def regression(train: Floats) -> Score:
    """An MLP of 3 × 96 that learns ln(1 + score) of the exact detector, half of it at the training rows."""
    teacher, rng = DiffusionDetector("neighbours").fit(train), np.random.default_rng(0)
    asked = np.concatenate([train[rng.integers(len(train), size=QUERIES // 2)], _elsewhere(train, QUERIES // 2, rng)])
    scaler, wanted = StandardScaler().fit(train), np.log1p(-teacher.score_samples(asked))
    net = MLPRegressor(
        hidden_layer_sizes=(96, 96, 96), batch_size=512, learning_rate_init=3e-3, max_iter=20, random_state=0
    )
    net.fit(_tamed(scaler.transform(asked)), (wanted - wanted.mean()) / wanted.std())
    return lambda rows: net.predict(_tamed(scaler.transform(rows)))


def _elsewhere(train: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Where odd rows might be: noised rows, and rows whose columns come from several."""
    half, width = count // 2, train.shape[1]
    size = np.exp(rng.uniform(np.log(0.03), np.log(1.5), (half, 1))) * train.std(0)
    noised = train[rng.integers(len(train), size=half)] + size * rng.normal(size=(half, width))
    others = train[rng.integers(len(train), size=(half, width)), np.arange(width)]
    swapped = rng.random((half, width)) < rng.random((half, 1))
    return np.concatenate([noised, np.where(swapped, others, train[rng.integers(len(train), size=half)])])


def _tamed(z: Floats) -> Floats:
    """Logarithmic beyond three deviations, as the detector's own columns are."""
    far = np.maximum(np.abs(z), 3.0)
    return np.where(np.abs(z) > 3.0, np.sign(z) * 3.0 * (1.0 + np.log(far / 3.0)), z)


METHODS: Mapping[str, Method] = {
    "neighbours": detector("neighbours"),
    "distilled": detector("distilled"),
    "distilled, 1000": detector("distilled", name="centres", count=1000),
    "regression": regression,
}


def figures(
    paths: Sequence[Path], seeds: Sequence[int], least: int, methods: Sequence[str] = (*METHODS,)
) -> Iterator[dict[str, Any]]:
    """A row for each set, seed and method; AUROC and AUPRC in per cent, seconds of the processor."""
    for path in paths:
        for seed in seeds:
            train, judged, odd = split(path, seed)
            if len(train) < least:
                continue
            kept = np.random.default_rng(seed).permutation(len(judged))[:MOST_JUDGED]
            for name in methods:
                begun = time.process_time()
                score = METHODS[name](train)
                fit, scores = time.process_time() - begun, score(judged[kept])
                yield {
                    "set": path.stem, "seed": seed, "method": name, "rows": len(train), "columns": train.shape[1],
                    "auroc": round(100.0 * roc_auc_score(odd[kept], scores), 3),
                    "auprc": round(100.0 * average_precision_score(odd[kept], scores), 3),
                    "fit": round(fit, 3), "per_second": round(len(kept) / _seconds(score, judged[kept])),
                }  # fmt: skip


def _seconds(score: Score, rows: Floats) -> float:
    """The least of a few rounds."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        score(rows)
        taken.append(time.process_time() - begun)
    return max(min(taken), 1e-6)


def report(rows: Sequence[Mapping[str, Any]]) -> None:
    """The means over sets and seeds; of the times the medians."""
    print(f"{len({row['set'] for row in rows})} sets")
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        auroc, auprc = (np.mean([row[key] for row in mine]) for key in ("auroc", "auprc"))
        fit, rate = (np.median([row[key] for row in mine]) for key in ("fit", "per_second"))
        print(f"{method:<15} auroc {auroc:.2f}  auprc {auprc:.2f}  fit {fit:.2f} s  {rate / 1000:.0f} thousand rows/s")


def main() -> None:
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--data", type=Path, default=Path(os.environ.get("SUFFUSE_DATA", ".")) / "tabular")
    about.add_argument("--seeds", type=int, nargs="+", default=[0])
    about.add_argument("--least", type=int, default=1250, help="training rows of a set")
    about.add_argument("--methods", nargs="+", default=[*METHODS], choices=[*METHODS])
    about.add_argument("--csv", type=Path, help="where the rows of all sets go")
    asked = about.parse_args()
    paths = [path for path in sorted(asked.data.glob("*.npz")) if path.stem != LEFT_OUT]
    if not paths:
        raise SystemExit(f"{asked.data} holds no such sets: tell --data, or set SUFFUSE_DATA")
    rows = list(figures(paths, asked.seeds, asked.least, asked.methods))
    if asked.csv is not None:
        asked.csv.parent.mkdir(parents=True, exist_ok=True)
        with asked.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    report(rows)


if __name__ == "__main__":
    main()
