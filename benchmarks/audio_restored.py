"""How well a bridge takes noise off speech: connected digits in white noise and in that of ESC-10's fifth fold.

Thirty utterances, of each speaker and recording of FSDD's test part the digits 0 to 9 with 80 ms between them, each at
0, 5, 10 and 15 dB. The input's own figures and those of oracle Wiener masks, which no real mask beats, stand beside.
Seconds are processor time of one thread.

    suffuse train denoise process.coupling.noises=NOISES --out runs/denoise
    python -m benchmarks.audio_restored runs/denoise --steps 1 2 4
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.report import markdown, parser, save, show, tell
from suffuse.model import load
from suffuse_audio.clip import Clip, clip_of
from suffuse_audio.data import Data
from suffuse_audio.fidelity import log_spectral_distance, perceived, si_sdr
from suffuse_audio.sets import esc10, fsdd
from suffuse_audio.stft import Stft

RATE = 8000
PAUSE = 640
RATIOS = (0, 5, 10, 15)
PEAK = 0.7


def main(arguments: Sequence[str] | None = None) -> None:
    """A row for each kind of noise and number of steps."""
    about = parser(__doc__)
    about.add_argument("model", type=Path, help="a run's folder, or a model's file: of a bridge from noisy to clean")
    about.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4])
    about.add_argument("--utterances", type=int, default=30)
    about.add_argument("--batch", type=int, default=16)
    given = about.parse_args(arguments)
    torch.set_num_threads(1)
    model = load(given.model)
    rows = []
    for kind in ("white", "esc"):
        clean, noisy = noisy_set(kind, given.utterances)
        rows += [
            _row(kind, "noisy", 0, clean, noisy, 0.0),
            _row(kind, "oracle mask", 0, clean, _oracle(clean, noisy), 0.0),
        ]
        for steps in given.steps:
            begun = time.process_time()
            made = model.bridge([clip_of(x, RATE) for x in noisy], steps=steps, batch=given.batch)
            seconds = time.process_time() - begun
            rows.append(_row(kind, "bridge", steps, clean, [one.samples[:, 0] for one in made], seconds))
            tell(f"{kind}, {steps} steps: SI-SDR {rows[-1]['si-sdr']:.2f} dB")
    show(str(given.model), rows)
    print(markdown(rows))
    save(given.json, audio_restored=rows)


def utterances(count: int) -> list[NDArray[np.float32]]:
    """Connected digits, one utterance for each speaker and recording, in the order of their names."""
    test = fsdd(Data(name="fsdd")).test
    spoken: dict[tuple[str, int], list[NDArray[np.float32]]] = {}
    met: dict[tuple[str, str], int] = {}
    for i in range(len(test)):
        example = test[i]
        speaker, digit = example.conditions["speaker"], example.conditions["label"]
        take = met.get((speaker, digit), 0)
        met[speaker, digit] = take + 1
        spoken.setdefault((speaker, take), []).append(_single(example.item))
    chosen = [spoken[key] for key in sorted(spoken)][:count]
    gap = np.zeros(PAUSE, np.float32)
    return [np.float32(PEAK) * np.concatenate([part for one in digits for part in (one, gap)]) for digits in chosen]


def noisy_set(kind: str, count: int) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Clean utterances and the same in noise: every utterance at every ratio."""
    random = torch.Generator().manual_seed(1234)
    part = esc10(Data(name="esc10")).test if kind == "esc" else None
    bank = [] if part is None else [part[i].item.samples[:, 0] for i in range(len(part))]
    clean, noisy = [], []
    for spoken in utterances(count):
        for ratio in RATIOS:
            if part is None:
                noise = torch.randn(len(spoken), generator=random).numpy()
            else:
                noise = np.resize(bank[int(torch.randint(len(bank), (1,), generator=random))], len(spoken))
            gain = np.sqrt(np.square(spoken).mean() / (np.square(noise).mean() + 1e-10) * 10.0 ** (-ratio / 10.0))
            clean.append(spoken)
            noisy.append((spoken + gain * noise).astype(np.float32))
    return clean, noisy


def _single(clip: Clip) -> NDArray[np.float32]:
    samples = clip.samples[:, 0] - clip.samples[:, 0].mean()
    return samples / np.abs(samples).max()


def _oracle(clean: Sequence[NDArray[np.float32]], noisy: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """What the Wiener masks give that know both speech and noise."""
    stft, found = Stft(256, 64), []
    for x, y in zip(clean, noisy, strict=True):
        padded = [torch.from_numpy(np.pad(z, (0, -len(z) % 64))) for z in (x, y)]
        speech, heard = stft(padded[0]), stft(padded[1])
        mask = speech.abs().square() / (speech.abs().square() + (heard - speech).abs().square() + 1e-9)
        found.append(stft.inverse(mask * heard).numpy()[: len(x)])
    return found


def _row(
    noise: str, what: str, steps: int, clean: Sequence[Any], made: Sequence[Any], seconds: float
) -> dict[str, Any]:
    judged = [
        {"si-sdr": si_sdr(x, y), "lsd": log_spectral_distance(x, y), **perceived(x, y, RATE)}
        for x, y in zip(clean, made, strict=True)
    ]
    row: dict[str, Any] = {"noise": noise, "what": what, "evaluations": steps, "n": len(clean)}
    row |= {name: float(np.mean([one[name] for one in judged if name in one])) for name in judged[0]}
    return row | {"real-time factor": seconds / (sum(map(len, clean)) / RATE)}


if __name__ == "__main__":
    main()
