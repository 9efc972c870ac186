"""The share of false discoveries that conformal p-values and Benjamini-Hochberg promise, and the share that comes out.

Each data set of ADBench with enough rows and anomalies is split many times: usual rows for training, calibration and
test, with some anomalies among the last. Rows are scored, p-values come from the calibration rows, and those
that Benjamini and Hochberg reject at the rate are looked up. `contaminated` has unlabelled anomalies among the
calibration rows (and trains on clean ones); `trimmed` leaves as many of the oddest of these out again, which is right
only where anomalies score above all usual rows.

FDR is the mean over all splits of (usual rows rejected)/(rows rejected), power that of (anomalies found)/(anomalies), ±
the standard error over trainings. The promise is FDR ≤ rate x the share of usual rows in the test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import parser, save, show, tell
from suffuse.conformal import benjamini_hochberg, p_values, storey, trim

Rows = NDArray[np.float64]
Score = Callable[[Rows], Rows]
Scorer = Callable[[Rows], Score]

FEWEST_ROWS, FEWEST_ANOMALIES = 2000, 90
CONTAMINATION = 0.05


def nearest(train: Rows) -> Score:
    """The distance to the nearest training row, in units of each column's deviation."""
    from sklearn.neighbors import NearestNeighbors

    mean, deviation = train.mean(0), train.std(0)
    unit = np.where(deviation > 0.0, deviation, 1.0)
    index = NearestNeighbors(n_neighbors=1).fit((train - mean) / unit)
    return lambda rows: index.kneighbors((rows - mean) / unit)[0][:, 0]


SCORERS: dict[str, Scorer] = {"nearest": nearest}
"""What may score: a function that is shown usual training rows, and gives one that tells how odd rows are."""


@dataclass(frozen=True)
class Split:
    """Scores of one split.

    Arguments:
        clean: of the calibration rows.
        contaminated: of as many, some of them anomalies.
        test: of the test rows.
        odd: which of these are anomalies.
    """

    clean: Rows
    contaminated: Rows
    test: Rows
    odd: NDArray[np.bool_]


def main(arguments: Sequence[str] | None = None) -> None:
    about = parser(__doc__)
    about.add_argument("--data", type=Path, default=Path(os.environ.get("SUFFUSE_DATA", ".")) / "tabular")
    about.add_argument("--sets", nargs="*", help="names of data sets; all that are large enough by default")
    about.add_argument("--scorer", choices=list(SCORERS), default="nearest")
    about.add_argument("--rate", type=float, default=0.1, help="of false discoveries")
    about.add_argument("--trainings", type=int, default=20, help="of each set")
    about.add_argument("--splits", type=int, default=10, help="of the rows held out, for each training")
    about.add_argument("--train", type=int, default=2000, help="training rows at most")
    about.add_argument("--calibrate", type=int, default=1000, help="calibration rows at most")
    about.add_argument("--test", type=int, default=1000, help="test rows at most")
    given = about.parse_args(arguments)
    sizes = (given.train, given.calibrate, given.test)
    rows = []
    for name, usual, odd in data_sets(given.data, given.sets):
        rows.append(measure(name, usual, odd, SCORERS[given.scorer], given.rate, sizes, given.trainings, given.splits))
        tell(f"{name}: FDR {rows[-1]['FDR clean']:.4f}")
    if not rows:
        tell(f"no data set of {FEWEST_ROWS} rows and {FEWEST_ANOMALIES} anomalies in {given.data}")
        return
    rows.append(mean_of(rows))
    show(f"{given.scorer}, rate {given.rate}, {given.trainings} x {given.splits} splits of each set", told(rows))
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


def measure(
    name: str, usual: Rows, odd: Rows, scorer: Scorer, rate: float, sizes: tuple[int, int, int], trainings: int,
    splits: int,
) -> dict[str, Any]:  # fmt: skip
    """A row of the table."""
    found: dict[str, list[tuple[float, float]]] = {}
    for training in range(trainings):
        rng = np.random.default_rng([training, len(usual)])
        here: dict[str, list[tuple[float, float]]] = {}
        for split in drawn(usual, odd, scorer, sizes, splits, rng):
            for kind, flags in decisions(split, rate).items():
                here.setdefault(kind, []).append(realised(flags, split.odd))
        for kind, figures in here.items():
            found.setdefault(kind, []).append(tuple(np.mean(figures, axis=0)))
    row: dict[str, Any] = {"set": name, "odd": float(split.odd.mean())}
    for kind, figures in found.items():
        rates, powers = np.array(figures).T
        row |= {f"FDR {kind}": float(rates.mean()), f"± {kind}": float(rates.std(ddof=1) / np.sqrt(trainings))}
        row |= {f"power {kind}": float(powers.mean())}
    return row


def drawn(
    usual: Rows, odd: Rows, scorer: Scorer, sizes: tuple[int, int, int], splits: int, rng: np.random.Generator
) -> Iterator[Split]:
    """Several splits of what one training leaves; half of the usual rows at most are trained on."""
    count = min(sizes[0], len(usual) // 2)
    order = rng.permutation(len(usual))
    calibrate = min(sizes[1], (len(usual) - count) // 2)
    test = min(sizes[2], len(usual) - count - calibrate)
    dirty = round(CONTAMINATION * calibrate)
    flagged = min(len(odd) - min(dirty, len(odd) // 2), test // 5)
    score = scorer(usual[order[:count]])
    # More than one split needs, so that splits differ; no more than is quickly scored.
    held = score(usual[order[count : count + 3 * (calibrate + test)]])
    anomalies = score(odd[rng.permutation(len(odd))[: 3 * (flagged + dirty)]])
    for _ in range(splits):
        normal, strange = rng.permutation(held), rng.permutation(anomalies)
        clean, spoilt = normal[:calibrate], strange[flagged : flagged + dirty]
        yield Split(
            clean,
            np.concatenate([clean[: calibrate - len(spoilt)], spoilt]),
            np.concatenate([normal[calibrate : calibrate + test], strange[:flagged]]),
            np.arange(test + flagged) >= test,
        )


def decisions(split: Split, rate: float) -> dict[str, NDArray[np.bool_]]:
    """What is rejected, by kind."""
    clean, spoilt = p_values(split.test, split.clean), p_values(split.test, split.contaminated)
    trimmed = p_values(split.test, trim(split.contaminated, CONTAMINATION))
    return {
        "clean": benjamini_hochberg(clean, rate),
        "Storey": storey(clean, rate),
        "contaminated": benjamini_hochberg(spoilt, rate),
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
