"""The share of false discoveries that conformal p-values and Benjamini-Hochberg promise, and the share that comes out.

Each data set of ADBench with enough rows and anomalies is split many times: a detector is fitted on usual rows, others
are judged together with some anomalies, and those that Benjamini and Hochberg reject by the detector's ``p_values`` at
the rate are looked up. The detector calibrates itself: on the rows that it was fitted on, each scored as if it had not
been.

``clean`` has usual rows alone to learn from. Of ``contaminated`` a twentieth are anomalies, and nobody tells; ``told``
is the same, with ``contamination=0.05``; of ``trimmed`` as many of the oddest of the reference are left out again,
which is right only where anomalies score above all usual rows.

FDR is the mean over all splits of (usual rows rejected)/(rows rejected), power that of (anomalies found)/(anomalies), ±
the standard error over splits. The promise is FDR ≤ rate x the share of usual rows among those judged.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import parser, save, show, tell
from suffuse.conformal import benjamini_hochberg, p_values, storey, trim
from suffuse_tabular.detector import DiffusionDetector

Rows = NDArray[np.float64]

FEWEST_ROWS, FEWEST_ANOMALIES = 2000, 90
CONTAMINATION = 0.05


@dataclass(frozen=True)
class Split:
    """Rows of one split.

    Arguments:
        clean: to learn from.
        contaminated: as many, some of them anomalies.
        test: to judge.
        odd: which of these are anomalies.
    """

    clean: Rows
    contaminated: Rows
    test: Rows
    odd: NDArray[np.bool_]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each set, and their mean."""
    about = parser(__doc__)
    about.add_argument("--data", type=Path, default=Path(os.environ.get("SUFFUSE_DATA", ".")) / "tabular")
    about.add_argument("--sets", nargs="*", help="names of data sets; all that are large enough by default")
    about.add_argument("--method", default="neighbours", help="of the detector")
    about.add_argument("--rate", type=float, default=0.1, help="of false discoveries")
    about.add_argument("--splits", type=int, default=20, help="of each set")
    about.add_argument("--train", type=int, default=2000, help="training rows at most")
    about.add_argument("--test", type=int, default=1000, help="usual rows to judge at most")
    given = about.parse_args(arguments)
    rows = []
    for name, usual, odd in data_sets(given.data, given.sets):
        splits = [drawn(usual, odd, given.train, given.test, seed) for seed in range(given.splits)]
        rows.append(measure(name, splits, given.method, given.rate))
        tell(f"{name}: FDR {rows[-1]['FDR clean']:.4f}")
    if not rows:
        tell(f"no data set of {FEWEST_ROWS} rows and {FEWEST_ANOMALIES} anomalies in {given.data}")
        return
    rows.append(mean_of(rows))
    show(f"{given.method}, rate {given.rate}, {given.splits} splits of each set", told(rows))
    save(given.json, fdr=rows)


def data_sets(folder: Path, wanted: Sequence[str] | None) -> Iterator[tuple[str, Rows, Rows]]:
    """Name, usual rows and anomalies of each set that is large enough, or of those wanted."""
    for path in sorted(folder.glob("*.npz")):
        name = path.stem.partition("_")[2]
        if wanted and name not in wanted:
            continue
        with np.load(path) as held:
            rows, labels = held["X"].astype(np.float64), held["y"] != 0
        if wanted or (len(rows) >= FEWEST_ROWS and labels.sum() >= FEWEST_ANOMALIES):
            yield name, rows[~labels], rows[labels]


def drawn(usual: Rows, odd: Rows, most: int, judged: int, seed: int) -> Split:
    """A split; half of the usual rows at most are learnt from, and of those judged a sixth at most are anomalies."""
    rng = np.random.default_rng([seed, len(usual)])
    usual, odd = rng.permutation(usual), rng.permutation(odd)
    count = min(most, len(usual) // 2)
    test = usual[count : count + judged]
    dirty = min(round(CONTAMINATION * count), len(odd) // 2)
    strange = odd[dirty : dirty + len(test) // 5]
    clean = usual[:count]
    return Split(
        clean,
        np.concatenate([clean[: count - dirty], odd[:dirty]]),
        np.concatenate([test, strange]),
        np.arange(len(test) + len(strange)) >= len(test),
    )


def measure(name: str, splits: Sequence[Split], method: str, rate: float) -> dict[str, Any]:
    """A row of the table."""
    found: dict[str, list[tuple[float, float]]] = {}
    for split in splits:
        for kind, flags in decisions(split, method, rate).items():
            found.setdefault(kind, []).append(realised(flags, split.odd))
    row: dict[str, Any] = {"set": name, "odd": float(np.mean([split.odd.mean() for split in splits]))}
    for kind, figures in found.items():
        rates, powers = np.array(figures).T
        row |= {f"FDR {kind}": float(rates.mean()), f"± {kind}": float(rates.std(ddof=1) / np.sqrt(len(splits)))}
        row |= {f"power {kind}": float(powers.mean())}
    return row


def decisions(split: Split, method: str, rate: float) -> dict[str, NDArray[np.bool_]]:
    """What is rejected, by kind."""
    clean = DiffusionDetector(method).fit(split.clean).p_values(split.test)
    unknown = DiffusionDetector(method).fit(split.contaminated).p_values(split.test)
    detector = DiffusionDetector(method, contamination=CONTAMINATION).fit(split.contaminated)
    known = detector.p_values(split.test)
    assert detector.model_.calibration is not None
    reference = trim(detector.model_.calibration.values.numpy(), CONTAMINATION)
    trimmed = p_values(-detector.score_samples(split.test), reference)
    return {
        "clean": benjamini_hochberg(clean, rate),
        "Storey": storey(clean, rate),
        "contaminated": benjamini_hochberg(unknown, rate),
        "told": benjamini_hochberg(known, rate),
        "trimmed": benjamini_hochberg(trimmed, rate),
    }


def realised(flags: NDArray[np.bool_], odd: NDArray[np.bool_]) -> tuple[float, float]:
    """The share of false discoveries, and that of anomalies found."""
    return float((flags & ~odd).sum() / max(1, flags.sum())), float((flags & odd).sum() / max(1, odd.sum()))


def mean_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean over the sets; errors of a mean of independent figures."""
    mean: dict[str, Any] = {"set": f"mean of {len(rows)}"}
    for name in [n for n in rows[0] if n != "set"]:
        values = np.array([row[name] for row in rows])
        mean[name] = float(np.sqrt((values**2).sum()) / len(rows) if name.startswith("±") else values.mean())
    return mean


def told(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows as they are printed: a rate and its error in one column, in per cent."""
    kinds = [name.partition(" ")[2] for name in rows[0] if name.startswith("FDR ")]
    return [
        {"set": row["set"], "odd, %": 100.0 * row["odd"]}
        | {f"FDR {k}": f"{100 * row[f'FDR {k}']:.1f} ± {100 * row[f'± {k}']:.1f}" for k in kinds}
        | {f"power {k}": f"{100 * row[f'power {k}']:.1f}" for k in kinds}
        for row in rows
    ]


if __name__ == "__main__":
    main()
