"""The model that comes along works right after installation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torchaudio")

import soundfile
from typer.testing import CliRunner

import suffuse
import suffuse_audio
from suffuse.cli import app
from suffuse_audio.clip import Clip

FOLDER = Path(str(suffuse_audio.__file__)).parent / "starters"
MOST = 16 * 2**20


def high(clip: Clip) -> float:
    """The share of a sound's energy above 2 kHz."""
    energy = np.square(np.abs(np.fft.rfft(clip.samples[:, 0])))
    return float(energy[np.fft.rfftfreq(len(clip), 1.0 / clip.rate) > 2000.0].sum() / energy.sum())


def test_digits_are_spoken_into_files(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["generate", "digits-audio", "--label", "seven", "--count", "3", "--steps", "8", "--out", str(tmp_path)]
    )
    assert result.exit_code == 0, result.output
    files = sorted(tmp_path.glob("*.wav"))
    assert len(files) == 3
    for file in files:
        samples, rate = soundfile.read(file)
        assert rate == 8000 and 0.15 < len(samples) / rate <= 1.03
        assert 0.01 < np.abs(samples).max() <= 1.0


def test_a_six_hisses_and_a_one_does_not() -> None:
    made = suffuse.load("digits-audio").generate(12, label=["six", "one"], speaker="jackson", steps=8)
    sixes, ones = [high(clip) for clip in made[::2]], [high(clip) for clip in made[1::2]]
    assert float(np.median(sixes)) > 3.0 * float(np.median(ones))


def test_it_is_small_and_has_a_card() -> None:
    assert (FOLDER / "digits-audio.safetensors").stat().st_size <= MOST
    card = (FOLDER / "digits-audio.md").read_text()
    for word in ("Free Spoken Digit Dataset", "CC BY-SA 4.0", "What to expect"):
        assert word in card
