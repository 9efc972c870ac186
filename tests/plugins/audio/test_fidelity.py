"""How near restorations are: closed forms."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("torchaudio")

from suffuse.errors import DomainInputError
from suffuse_audio.clip import clip_of
from suffuse_audio.fidelity import fidelity, log_spectral_distance, perceived, sdr, si_sdr
from suffuse_audio.resampling import resample

RANDOM = np.random.default_rng(0)
SOUND = np.sin(np.arange(8000) * 2.0 * np.pi * 440.0 / 8000.0)  # whole turns: its mean is 0
NOISE = np.cos(np.arange(8000) * 2.0 * np.pi * 1000.0 / 8000.0)  # at a right angle to it, of the same power


@pytest.mark.parametrize("decibels", [-10.0, 0.0, 20.0])
@pytest.mark.parametrize("scale", [0.1, 1.0, -3.0])
def test_si_sdr_is_that_of_orthogonal_noise_whatever_the_scale(decibels: float, scale: float) -> None:
    estimate = scale * (SOUND + 10.0 ** (-decibels / 20.0) * NOISE) + 0.3
    assert si_sdr(SOUND, estimate) == pytest.approx(decibels, abs=1e-6)


def test_sdr_minds_the_scale() -> None:
    assert sdr(SOUND, 0.9 * SOUND) == pytest.approx(20.0)
    assert sdr(SOUND, np.zeros_like(SOUND)) == pytest.approx(0.0)
    assert sdr(SOUND, SOUND) == float("inf")


def test_the_log_spectral_distance_of_a_scale_is_its_square() -> None:
    noise = RANDOM.normal(0.0, 0.1, 8000)
    assert log_spectral_distance(noise, noise) == 0.0
    assert log_spectral_distance(noise, 10.0 * noise) == pytest.approx(2.0, abs=1e-4)


def test_listeners_prefer_less_noise() -> None:
    pytest.importorskip("pystoi", reason="pystoi is not installed: pip install suffuse[speech]")
    speech = np.repeat(RANDOM.random(40), 400) * RANDOM.normal(0.0, 0.1, 16_000)
    little, much = (perceived(speech, speech + level * RANDOM.normal(0.0, 0.1, 16_000), 8000) for level in (0.05, 1.0))
    assert 1.0 >= little["stoi"] > much["stoi"] and little["estoi"] > much["estoi"]


def test_sounds_of_other_lengths_are_refused() -> None:
    with pytest.raises(DomainInputError, match="alike in length"):
        si_sdr(SOUND, SOUND[:-1])


def test_clips_are_judged_as_one_channel_at_the_originals_rate() -> None:
    original = clip_of(np.stack([SOUND, SOUND], 1), 8000)
    found = fidelity([resample(clip_of(SOUND + 0.1 * NOISE, 8000), 16000)], [original])
    assert found["si_sdr"] == pytest.approx(20.0, abs=0.2)
    assert 0.0 < found["log_spectral_distance"] < 4.0
    assert fidelity([clip_of(np.zeros(100), 8000)], [clip_of(np.zeros(100), 8000)]) == {}
