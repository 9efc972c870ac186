"""Molecules steered by a scorer, beside the best of as many made without: the same evaluations of the network.

Two scorers: QED, which shall be high, and the distance of logP from 1, which shall be small. A row tells of the items
that come out, one of each group of k: plain (k = 1), the best of k, and k particles steered. Broken molecules have no
score; the share of the others is told as ``valid``.

    python -m benchmarks.molecules_steered runs/qm9 --count 200 --particles 4 8
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rdkit.Chem import QED, Crippen

from benchmarks.report import markdown, parser, save, tell
from suffuse.model import Model, load
from suffuse.tasks.generate import generate
from suffuse_molecules.chemistry import Mol, fault, smiles

TARGET = 1.0
"""Of logP."""

Score = Callable[[Mol], float]
SCORES: dict[str, tuple[Score, float]] = {
    "qed": (QED.qed, 100.0),
    "logp": (lambda mol: -abs(Crippen.MolLogP(mol) - TARGET), 20.0),
}
"""What a whole molecule scores, and λ."""


def main(arguments: Sequence[str] | None = None) -> None:
    """A table of each score; plain molecules and the best of k are of one pool, made once."""
    about = parser(__doc__)
    about.add_argument("model", type=Path, help="a run's folder, or a model's file")
    about.add_argument("--count", type=int, default=200, help="molecules of each row")
    about.add_argument("--particles", type=int, nargs="+", default=[4, 8])
    about.add_argument("--every", type=int, default=2, help="steps from one scoring to the next")
    about.add_argument("--steps", type=int, default=64)
    about.add_argument("--sampler", default="ddpm")
    about.add_argument("--grid", default="power")
    about.add_argument("--seed", type=int, default=0)
    given = about.parse_args(arguments)
    model = load(given.model)
    how = {"steps": given.steps, "sampler": given.sampler, "grid": given.grid, "batch": 256}
    pool = model.generate(given.count * max(given.particles), seed=given.seed, **how)
    tables = {}
    for name, (score, weight) in SCORES.items():
        rows = [_row("plain", 1, pool[: given.count], score, given.steps)]
        for k in given.particles:
            groups = [pool[i * k : (i + 1) * k] for i in range(given.count)]
            rows.append(_row("best of k", k, [max(group, key=scorer(score)) for group in groups], score, given.steps))
            made = _steered(model, given.count, score, weight, k, seed=given.seed, reward_every=given.every, **how)
            rows.append(_row(f"steered, λ = {weight:g}", k, made, score, given.steps))
            tell(f"{name}, k = {k}: " + ", ".join(f"{row['way']} {row['score']:.4g}" for row in rows[-2:]))
        tables[name] = rows
        print(markdown(rows))
    save(given.json, **tables)


def scorer(score: Score) -> Score:
    """The same of any molecule: what is broken is the worst."""
    return lambda mol: -math.inf if fault(mol) else score(mol)


def _steered(model: Model, count: int, score: Score, weight: float, particles: int, **options: Any) -> list[Mol]:
    def reward(mols: list[Mol]) -> list[float]:
        return [scorer(score)(mol) for mol in mols]

    return generate(model, count, reward=reward, reward_weight=weight, particles=particles, **options).items


def _row(way: str, particles: int, mols: Sequence[Mol], score: Score, steps: int) -> dict[str, Any]:
    whole = [mol for mol in mols if not fault(mol)]
    values = np.array([score(mol) for mol in whole])
    return {
        "way": way, "k": particles, "n": len(mols), "evaluations": particles * steps, "score": float(values.mean()),
        "±": float(values.std() / math.sqrt(len(values))), "valid": len(whole) / len(mols),
        "unique": len({smiles(mol) for mol in whole}) / len(whole),
    }  # fmt: skip


if __name__ == "__main__":
    main()
