"""How well a bridge repairs speech: noise, clipping, lost highs, gaps (:mod:`benchmarks.audio_damaged`).

What came in and, where there is one, a rule that needs no learning stand beside: masks that know the noise, and linear
prediction of what is in a gap. Seconds are processor time of one thread.

    suffuse train restore --out runs/restore
    python -m benchmarks.audio_restored runs/restore --steps 1 2 4
    python -m benchmarks.audio_restored runs/denoise --damage white esc
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.audio_damaged import (
    RATE,
    Damaged,
    Samples,
    clipped,
    continued,
    gapped,
    narrow,
    noisy,
    oracle_masked,
)
from benchmarks.report import markdown, parser, save, show, tell
from suffuse.model import load
from suffuse_audio.clip import clip_of
from suffuse_audio.fidelity import log_spectral_distance, perceived, sdr, si_sdr

DAMAGES: Mapping[str, Callable[[], Damaged]] = {
    "white": lambda: noisy("white"),
    "esc": lambda: noisy("esc"),
    "clipped": clipped,
    "narrow": narrow,
    "gap-20": lambda: gapped(20),
    "gap-40": lambda: gapped(40),
    "gap-100": lambda: gapped(100),
}
RULES: Mapping[str, Callable[[Damaged], list[Samples]]] = {
    "white": oracle_masked,
    "esc": oracle_masked,
    "gap-20": continued,
    "gap-40": continued,
    "gap-100": continued,
}
AROUND = 256
"""The samples on either side of a gap whose spectra are compared too."""


def main(arguments: Sequence[str] | None = None) -> None:
    """A row for each damage and number of steps."""
    about = parser(__doc__)
    about.add_argument("model", type=Path, help="a run's folder, or a model's file: of a bridge from damaged to clean")
    about.add_argument("--damage", nargs="+", choices=list(DAMAGES), default=list(DAMAGES))
    about.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4])
    about.add_argument("--batch", type=int, default=16)
    about.add_argument("--keep", type=Path, metavar="FOLDER", help="write a few of the sounds there, to be heard")
    given = about.parse_args(arguments)
    torch.set_num_threads(1)
    model = load(given.model)
    rows: list[dict[str, Any]] = []
    for damage in given.damage:
        damaged = DAMAGES[damage]()
        rows.append(_row(damage, "as it came", 0, damaged, [np.nan_to_num(x) for x in damaged.left], 0.0))
        if damage in RULES:
            rows.append(_row(damage, RULES[damage].__name__, 0, damaged, RULES[damage](damaged), 0.0))
        for steps in given.steps:
            begun = time.process_time()
            made = model.bridge([clip_of(x, RATE) for x in damaged.left], steps=steps, batch=given.batch)
            seconds = time.process_time() - begun
            rows.append(_row(damage, "bridge", steps, damaged, [one.samples[:, 0] for one in made], seconds))
            tell(f"{damage}, {steps} steps: {rows[-1]['(si-)sdr']:.2f} dB")
            if given.keep is not None:
                _keep(given.keep / f"{damage}-{steps}", damaged, made)
    show(str(given.model), rows)
    print(markdown(rows))
    save(given.json, audio_restored=rows)


def _row(
    damage: str, what: str, steps: int, damaged: Damaged, made: Sequence[Samples], seconds: float
) -> dict[str, Any]:
    judged = [_in_gap(*found) for found in zip(damaged.clean, made, damaged.gaps, strict=True)] if damaged.gaps else [
        {"(si-)sdr": si_sdr(x, y), "lsd": log_spectral_distance(x, y), **perceived(x, y, RATE)}
        for x, y in zip(damaged.clean, made, strict=True)
    ]  # fmt: skip
    row: dict[str, Any] = {"damage": damage, "what": what, "evaluations": steps, "n": len(judged)}
    for name in ("(si-)sdr", "lsd", "pesq", "stoi", "estoi"):
        values = [one[name] for one in judged if name in one]
        row[name] = float(np.mean(values)) if values else None
    return row | {"real-time factor": seconds / (sum(map(len, damaged.clean)) / RATE)}


def _in_gap(clean: Samples, made: Samples, gap: slice) -> dict[str, float]:
    """Of what was made, only what is in the gap counts: the rest is known."""
    whole = clean.copy()
    whole[gap] = made[gap]
    near = slice(max(0, gap.start - AROUND), gap.stop + AROUND)
    return {
        "(si-)sdr": sdr(clean[gap], whole[gap]),
        "lsd": log_spectral_distance(clean[near], whole[near], window=256, hop=64),
    }


def _keep(folder: Path, damaged: Damaged, made: Sequence[Any], count: int = 3) -> None:
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        for name, samples in (("clean", damaged.clean[i]), ("left", damaged.left[i]), ("made", made[i].samples[:, 0])):
            soundfile.write(folder / f"{i}-{name}.wav", np.nan_to_num(samples), RATE, subtype="FLOAT")


if __name__ == "__main__":
    main()
