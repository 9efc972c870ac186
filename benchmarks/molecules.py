"""How good the molecules of a model are at some numbers of evaluations, against the test part of its data.

Everything is raw: nothing is repaired, broken molecules count. Seconds are processor time of the sampling alone, all
threads added up. FCD depends on how many molecules there are, so ``n`` stands in every row, and ``fcd_floor`` is that
of as many training molecules.

    suffuse train qm9 --out runs/qm9
    python -m benchmarks.molecules runs/qm9 --count 10000 --steps 16 64 --seeds 0 1 2
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import markdown, parser, save, show, tell
from suffuse.domain import Dataset, examples_at
from suffuse.model import Model, load
from suffuse.tasks.data import open_splits
from suffuse_molecules import metrics

SHOWN = (
    "valid", "connected", "unique", "novel", "fcd", "fcd_floor", "snn", "scaffolds", "charged", "charged_real",
    "wasserstein_logp", "wasserstein_qed", "tv_size",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """A row for each number of steps: means over the seeds, and the standard error of the distance."""
    about = parser(__doc__)
    about.add_argument("model", type=Path, help="a run's folder, or a model's file")
    about.add_argument("--count", type=int, default=10_000, help="molecules of each row")
    about.add_argument("--steps", type=int, nargs="+", default=[16, 32, 64], help="evaluations of the network")
    about.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    about.add_argument("--sampler", default=None, help="other than the recipe's")
    about.add_argument("--grid", default=None)
    about.add_argument("--batch", type=int, default=256)
    about.add_argument("--out", type=Path, help="a folder for the molecules themselves")
    given = about.parse_args(arguments)
    model = load(given.model)
    splits = open_splits(model.recipe)
    train, test = (_all(part) for part in (splits.train, splits.test))
    options = {name: value for name in ("sampler", "grid") if (value := getattr(given, name)) is not None}
    rows = []
    for steps in given.steps:
        found = []
        for seed in given.seeds:
            made, seconds = _made(model, given.count, seed, steps=steps, batch=given.batch, **options)
            if given.out is not None:
                model.domain.write(made, given.out / f"{steps}-{seed}.smi")
            found.append({**metrics.evaluate(made, test, train, stereo=False), "seconds": seconds})
            tell(f"{steps} evaluations, seed {seed}: " + ", ".join(f"{k} {found[-1][k]:.4g}" for k in SHOWN[:5]))
        rows.append(_row(found, given.count, steps))
        show(f"{given.model}", rows)
    print(markdown(rows))
    save(given.json, molecules=rows)


def _made(model: Model, count: int, seed: int, **options: Any) -> tuple[list[Any], float]:
    begun = time.process_time()
    made = model.generate(count, seed=seed * count, **options)
    return made, time.process_time() - begun


def _row(found: Sequence[dict[str, float]], count: int, steps: int) -> dict[str, Any]:
    row: dict[str, Any] = {"n": count, "evaluations": steps}
    row |= {name: float(np.mean([one[name] for one in found])) for name in SHOWN if name in found[0]}
    if "fcd" in found[0] and len(found) > 1:
        row["± fcd"] = float(np.std([one["fcd"] for one in found], ddof=1) / np.sqrt(len(found)))
    return row | {"molecules a processor second": count / float(np.mean([one["seconds"] for one in found]))}


def _all(part: Dataset) -> Sequence[Any]:
    return examples_at(part, range(len(part))).items


if __name__ == "__main__":
    main()
