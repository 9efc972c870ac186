"""Phases found for magnitudes, as well as torchaudio finds them."""

from __future__ import annotations

import math

import pytest
import torch

pytest.importorskip("torchaudio")

import torchaudio

from suffuse_audio.griffin_lim import griffin_lim
from suffuse_audio.stft import Stft

STFT = Stft(256, 64)


def known(frames: int = 64 * 60) -> dict[str, torch.Tensor]:
    """A tone, a rising tone, and noise that decays."""
    t = torch.arange(frames, dtype=torch.float64) / 8000
    noise = torch.randn(frames, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return {
        "tone": 0.5 * torch.sin(2 * math.pi * 440 * t),
        "rising": 0.5 * torch.sin(2 * math.pi * (300 + 1500 * t) * t),
        "noise": noise * torch.exp(-10 * t),
    }


def convergence(made: torch.Tensor, wanted: torch.Tensor) -> float:
    """The relative distance of magnitudes: 0 is perfect."""
    return float(torch.linalg.norm(made - wanted) / torch.linalg.norm(wanted))


def ours(x: torch.Tensor, iterations: int) -> float:
    wanted = STFT(x).abs()
    return convergence(STFT(griffin_lim(STFT, wanted, iterations)).abs(), wanted)


def theirs(x: torch.Tensor, iterations: int) -> float:
    """torchaudio's, by its own frames of the same signal."""
    hann = torch.hann_window(256, dtype=torch.float64)

    def spectrum(signal: torch.Tensor) -> torch.Tensor:
        return torch.stft(signal, 256, 64, window=hann, pad_mode="constant", return_complex=True)

    wanted = spectrum(x).abs()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = torchaudio.functional.griffinlim(
            wanted, hann, 256, 64, 256, power=1.0, n_iter=iterations, momentum=0.99, length=len(x), rand_init=True
        )
    return convergence(spectrum(made).abs(), wanted)


@pytest.mark.parametrize("name", ["tone", "rising", "noise"])
def test_magnitudes_are_met_as_torchaudio_meets_them(name):
    x = known()[name]
    assert ours(x, 32) < 1.1 * theirs(x, 32) + 0.01


@pytest.mark.parametrize(("name", "most"), [("tone", 0.1), ("rising", 0.1), ("noise", 0.2)])
def test_magnitudes_are_met_and_the_better_the_longer(name, most):
    errors = [ours(known()[name], n) for n in (0, 8, 64)]
    assert errors[0] > errors[1] > errors[2] and errors[2] < most


def test_nothing_is_drawn_from_outside():
    magnitude = STFT(known()["rising"]).abs()
    before = torch.random.get_rng_state()
    first = griffin_lim(STFT, magnitude, 4)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(7)
    assert torch.equal(griffin_lim(STFT, magnitude, 4), first)


def test_silence_and_silent_frames_stay_silent():
    assert not griffin_lim(STFT, torch.zeros(129, 12), 8).any()
    magnitude = STFT(known()["tone"]).abs()
    magnitude[:, 30:] = 0.0
    made = griffin_lim(STFT, magnitude, 16)
    assert made.isfinite().all()
    assert made[64 * 34 :].abs().max() < 1e-6 < 0.3 < made[64 * 10 : 64 * 20].abs().max()


def test_signals_beside_each_other_are_each_as_alone():
    magnitudes = torch.stack([STFT(x).abs() for x in known().values()])
    together = griffin_lim(STFT, magnitudes, 4)
    for one, magnitude in zip(together, magnitudes, strict=True):
        assert torch.allclose(one, griffin_lim(STFT, magnitude, 4), atol=1e-9)
