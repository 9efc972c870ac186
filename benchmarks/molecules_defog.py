"""Graphs of molecules beside those of ``torch-molecule``'s DeFoG, after equal training times, in one run.

Both learn from the same molecules on one thread of this machine: first ours, for some steps, then theirs, with all of
its own defaults, for as many seconds of processor time. Theirs makes 500 steps, ours an eighth of these. The loop of
``DeFoG.generate`` in version 0.2.0 counts time down although its flow runs up; so it is measured as it is shipped, and
with time turned.

    pip install torch-molecule fcd
    python -m benchmarks.molecules_defog --steps 2400 --count 500

FCD depends on how many molecules there are: compare no row with those of another ``n``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.report import markdown, parser, save, show
from suffuse import load, train
from suffuse.recipe import load_recipe
from suffuse.tasks.data import open_splits
from suffuse_molecules import metrics
from suffuse_molecules.chemistry import Mol, smiles, spelled
from suffuse_molecules.domain import molecules_of

THEIRS, OURS = 500, 62
"""Evaluations of the network."""

SHOWN = ("valid", "connected", "unique", "novel", "fcd", "charged", "charged_real")


def main(arguments: Sequence[str] | None = None) -> None:
    """A row for each."""
    about = parser(__doc__)
    about.add_argument("--recipe", default="qm9")
    about.add_argument("--steps", type=int, default=2400, help="of our training")
    about.add_argument("--count", type=int, default=500, help="molecules of each row")
    about.add_argument("--run", type=Path, help="a folder for our run, other than a temporary one")
    given = about.parse_args(arguments)
    torch.set_num_threads(1)
    recipe = load_recipe(given.recipe, [f"train.steps={given.steps}"])
    splits = open_splits(recipe)
    train_part, test = molecules_of(splits.train), molecules_of(splits.test)
    rows: list[dict[str, Any]] = []

    def add(name: str, evaluations: int, trained: float, made: Sequence[Mol], seconds: float) -> None:
        found = metrics.evaluate(made, test, train_part, stereo=False)
        rows.append(
            {"model": name, "n": len(made), "evaluations": evaluations, "seconds of training": trained}
            | {key: found[key] for key in SHOWN if key in found}
            | {"molecules a second": len(made) / seconds}
        )
        show("after equal times of training", rows)

    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        run = train(recipe, out=given.run or Path(folder) / "run")
        trained = time.process_time() - begun
        begun = time.process_time()
        made = load(run.folder).generate(given.count, steps=OURS)
        add("suffuse", OURS, trained, made, time.process_time() - begun)

    rival = fitted([smiles(mol, stereo=False) for mol in train_part], trained)
    for name, order in (("DeFoG, as shipped", reversed), ("DeFoG, time turned", iter)):
        begun = time.process_time()
        told = generated(rival, given.count, order)
        add(name, THEIRS, trained, told, time.process_time() - begun)
    print(markdown(rows))
    save(given.json, defog=rows)


def fitted(lines: Sequence[str], seconds: float) -> Any:
    """DeFoG by its defaults, trained for some seconds of training alone: what it prepares does not count."""
    from torch_molecule import DeFoGMolecularGenerator

    class Limited(DeFoGMolecularGenerator):  # type: ignore[misc, valid-type]
        until: float | None = None

        def _train_epoch(self, loader: Iterable[Any], *rest: Any) -> list[float]:
            self.until = self.until or time.process_time() + seconds
            losses = super()._train_epoch(_before(self.until, loader), *rest)
            return losses or [float("nan")]

    torch.manual_seed(0)
    return Limited(device="cpu").fit(list(lines))


def _before(until: float, loader: Iterable[Any]) -> Iterator[Any]:
    for batch in loader:
        if time.process_time() > until:
            return
        yield batch


def generated(rival: Any, count: int, order: Any, batch: int = 100) -> list[Mol]:
    """Molecules, broken where it tells none, its steps in an order of ours."""
    from torch_molecule.generator.defog import modeling_defog as module

    module.reversed = order
    lines: list[str | None] = []
    while len(lines) < count:
        lines += rival.generate(batch_size=min(batch, count - len(lines)))
    return [spelled(line or "") for line in lines]


if __name__ == "__main__":
    main()
