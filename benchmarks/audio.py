"""How good the sounds of a model are at some numbers of evaluations, against the test part of its data.

Labels are dealt out evenly: as many sounds of every combination of classes. Seconds are processor time of the sampling
and decoding alone, of one thread. Distances depend on how many sounds there are: compare equal ``n`` only.

    suffuse train fsdd --out runs/fsdd
    python -m benchmarks.audio runs/fsdd --count 300 --steps 8 16 --seeds 0 1 2 --out made
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.report import markdown, parser, save, show, tell
from suffuse.conditions import Label
from suffuse.model import Model, load
from suffuse.tasks.data import open_splits
from suffuse_audio import metrics
from suffuse_audio.files import write_clip


def main(arguments: Sequence[str] | None = None) -> None:
    """A row for each number of steps: means over the seeds."""
    about = parser(__doc__)
    about.add_argument("model", type=Path, help="a run's folder, or a model's file")
    about.add_argument("--count", type=int, default=300, help="sounds of each row")
    about.add_argument("--steps", type=int, nargs="+", default=[8, 16], help="steps of the sampler")
    about.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    about.add_argument("--sampler", default=None, help="other than the recipe's")
    about.add_argument("--guidance", type=float, default=None)
    about.add_argument("--batch", type=int, default=32)
    about.add_argument("--out", type=Path, help="a folder for the sounds themselves, named by their classes")
    given = about.parse_args(arguments)
    torch.set_num_threads(1)
    model = load(given.model)
    splits = open_splits(model.recipe)
    asked = dealt(model, given.count)
    options = {name: value for name in ("sampler", "guidance") if (value := getattr(given, name)) is not None}
    rows = []
    for steps in given.steps:
        found = []
        for seed in given.seeds:
            begun = time.process_time()
            made = model.generate(
                given.count, seed=seed * given.count, steps=steps, batch=given.batch, **asked, **options
            )
            seconds = time.process_time() - begun
            if given.out is not None:
                _written(made, asked, given.out / f"{steps}-{seed}")
            scores = metrics.evaluate(made, asked, splits, model.codec)
            sound = sum(clip.seconds for clip in made)
            found.append({**scores, "real-time factor": seconds / sound})
            tell(f"{steps} steps, seed {seed}: " + ", ".join(f"{k} {v:.4g}" for k, v in found[-1].items()))
        row = {"steps": steps} | {name: float(np.mean([one[name] for one in found])) for name in found[0]}
        rows.append(row)
        show(f"{given.model}", rows)
    print(markdown(rows))
    save(given.json, audio=rows)


def dealt(model: Model, count: int) -> dict[str, list[Any]]:
    """Every combination of classes in turn, for as many sounds as are wanted."""
    kinds = {name: kind.classes for name, kind in model.conditions.items() if isinstance(kind, Label)}
    combinations = list(itertools.islice(itertools.cycle(itertools.product(*kinds.values())), count))
    return {name: [combination[i] for combination in combinations] for i, name in enumerate(kinds)}


def _written(made: Sequence[Any], asked: dict[str, list[Any]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, clip in enumerate(made):
        name = "_".join([*(values[i] for values in asked.values()), f"{i:04}"])
        write_clip(clip, folder / f"{name}.wav", "float")


if __name__ == "__main__":
    main()
