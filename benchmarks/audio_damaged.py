"""Speech that something happened to, as `benchmarks.audio_restored` gives it to models: sets that are always the same.

Thirty utterances, of each speaker and recording of FSDD's test part the digits 0 to 9 with 80 ms between them: each in
noise at 0, 5, 10 and 15 dB (white, or ESC-10's fifth fold), clipped to a ratio of signal to distortion of 7 dB, and
without what is above 2 kHz. And the test digits one by one, each with a gap where it is loudest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from torchaudio.functional import resample

from suffuse_audio.clip import Clip
from suffuse_audio.data import Data
from suffuse_audio.fidelity import sdr
from suffuse_audio.sets import esc10, fsdd
from suffuse_audio.stft import Stft

Samples = NDArray[np.float32]
RATE = 8000
PAUSE = 640
RATIOS = (0, 5, 10, 15)
PEAK = 0.7
BESIDE = 256
"""The least samples that a digit has on either side of its gap."""
ORDER, CONTEXT = 48, 1024
"""Of the autoregressive fill of gaps: its coefficients, and the samples that they are learnt from."""


@dataclass(frozen=True, eq=False)
class Damaged:
    """Sounds, and what is left of each; in a gap, NaN.

    Arguments:
        clean, left: ``[samples]`` each.
        gaps: the first and the last but one sample of each one's gap.
    """

    clean: list[Samples]
    left: list[Samples]
    gaps: list[slice] | None = None


def utterances(count: int = 30) -> list[Samples]:
    """Connected digits, one utterance for each speaker and recording, in the order of their names."""
    test = fsdd(Data(name="fsdd")).test
    spoken: dict[tuple[str, int], list[Samples]] = {}
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


def noisy(kind: str, count: int = 30) -> Damaged:
    """Every utterance at every ratio, in ``white`` noise or that of recordings (``esc``)."""
    random = torch.Generator().manual_seed(1234)
    part = esc10(Data(name="esc10")).test if kind == "esc" else None
    bank = [] if part is None else [part[i].item.samples[:, 0] for i in range(len(part))]
    clean, left = [], []
    for spoken in utterances(count):
        for ratio in RATIOS:
            if part is None:
                noise = torch.randn(len(spoken), generator=random).numpy()
            else:
                noise = np.resize(bank[int(torch.randint(len(bank), (1,), generator=random))], len(spoken))
            gain = np.sqrt(np.square(spoken).mean() / (np.square(noise).mean() + 1e-10) * 10.0 ** (-ratio / 10.0))
            clean.append(spoken)
            left.append((spoken + gain * noise).astype(np.float32))
    return Damaged(clean, left)


def clipped(count: int = 30, ratio: float = 7.0) -> Damaged:
    """Clipped at the level that leaves the ratio of signal to distortion."""
    clean = utterances(count)
    return Damaged(clean, [_clipped(spoken, ratio) for spoken in clean])


def narrow(count: int = 30) -> Damaged:
    """Resampled to half the rate and back."""
    clean = utterances(count)
    return Damaged(clean, [_halved(spoken) for spoken in clean])


def gapped(milliseconds: int) -> Damaged:
    """Test digits that are long enough, without that long a stretch where they are loudest."""
    test, length = fsdd(Data(name="fsdd")).test, milliseconds * RATE // 1000
    clean, left, gaps = [], [], []
    for i in range(len(test)):
        spoken = test[i].item.samples[:, 0]
        power = torch.from_numpy(spoken.copy()).square()[None, None]
        first = int(torch.nn.functional.avg_pool1d(power, length, 1)[0, 0].argmax()) if len(spoken) > length else 0
        if first < BESIDE or first + length + BESIDE > len(spoken):
            continue
        clean.append(spoken)
        gaps.append(slice(first, first + length))
        left.append(spoken.copy())
        left[-1][gaps[-1]] = np.nan
    return Damaged(clean, left, gaps)


def oracle_masked(damaged: Damaged) -> list[Samples]:
    """What the Wiener masks give that know both speech and noise."""
    stft, found = Stft(256, 64), []
    for x, y in zip(damaged.clean, damaged.left, strict=True):
        padded = [torch.from_numpy(np.pad(z, (0, -len(z) % 64))) for z in (x, y)]
        speech, heard = stft(padded[0]), stft(padded[1])
        mask = speech.abs().square() / (speech.abs().square() + (heard - speech).abs().square() + 1e-9)
        found.append(stft.inverse(mask * heard).numpy()[: len(x)])
    return found


def continued(damaged: Damaged) -> list[Samples]:
    """Gaps filled by linear prediction from both sides, faded into each other (Janssen et al. 1986, in one pass)."""
    assert damaged.gaps is not None
    found = []
    for left, gap in zip(damaged.left, damaged.gaps, strict=True):
        length = gap.stop - gap.start
        forth = _predicted(left[max(0, gap.start - CONTEXT) : gap.start], length)
        back = _predicted(left[gap.stop : gap.stop + CONTEXT][::-1], length)[::-1]
        weight = np.linspace(0.0, 1.0, length)
        whole = left.copy()
        whole[gap] = forth * (1.0 - weight) + back * weight
        found.append(whole)
    return found


def _single(clip: Clip) -> Samples:
    samples = clip.samples[:, 0] - clip.samples[:, 0].mean()
    return samples / np.abs(samples).max()


def _clipped(spoken: Samples, ratio: float) -> Samples:
    low, high = 0.0, 1.0
    for _ in range(30):
        level = (low + high) / 2.0
        low, high = (level, high) if sdr(spoken, spoken.clip(-level, level)) < ratio else (low, level)
    return spoken.clip(-level, level)


def _halved(spoken: Samples) -> Samples:
    half = resample(torch.from_numpy(spoken), RATE, RATE // 2)
    back = resample(half, RATE // 2, RATE)[: len(spoken)]
    return torch.nn.functional.pad(back, (0, len(spoken) - len(back))).numpy()


def _predicted(before: Sequence[float] | Samples, length: int) -> NDArray[np.float64]:
    context = np.asarray(before, np.float64)
    powers = np.array([context[: len(context) - k] @ context[k:] for k in range(ORDER + 1)])
    powers[0] = powers[0] * (1.0 + 1e-5) + 1e-10
    coefficients = solve_toeplitz(powers[:-1], powers[1:])
    known = list(context[-ORDER:])
    for _ in range(length):
        known.append(float(np.clip(coefficients @ known[: -ORDER - 1 : -1], -1.0, 1.0)))
    return np.array(known[ORDER:])
