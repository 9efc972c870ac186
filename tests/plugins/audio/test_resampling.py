"""Another rate and another number of channels, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torchaudio")

from suffuse.errors import DomainInputError
from suffuse_audio.clip import Clip, clip_of
from suffuse_audio.resampling import mixed, resample


def tone(rate: int, frames: int, hertz: float, phase: float = 0.3) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(frames) / rate + phase)


RATES = [(44100, 8000), (48000, 8000), (8000, 44100), (16000, 8000), (8000, 16000), (22050, 16000), (96000, 11025)]


@pytest.mark.parametrize(("old", "new"), RATES)
def test_a_tone_is_the_same_tone(old, new):
    made = resample(clip_of(tone(old, old // 2 + 7, 1000.0), old), new)
    expected = tone(new, len(made), 1000.0)
    inner = slice(new // 20, -new // 20)  # a tone that begins at once is none at its ends
    assert made.rate == new and made.samples.dtype == np.float32
    assert np.abs(made.samples[inner, 0] - expected[inner]).max() < 1e-5


@pytest.mark.parametrize("hertz", [100.0, 2000.0, 3500.0])
def test_what_both_rates_can_hold_comes_back(hertz):
    there = resample(clip_of(tone(8000, 4000, hertz), 8000), 22050)
    back = resample(there, 8000)
    assert np.abs(back.samples[400:-400, 0] - tone(8000, 4000, hertz)[400:-400]).max() < 2e-5


def test_what_the_lower_rate_cannot_hold_is_gone():
    made = resample(clip_of(tone(44100, 22050, 4400.0), 44100), 8000)
    assert np.abs(made.samples[400:-400]).max() < 1e-4


@pytest.mark.parametrize("frames", [1, 2, 79, 80, 81, 441, 1000, 44101])
@pytest.mark.parametrize(("old", "new"), RATES)
def test_lengths_are_exact(old, new, frames):
    assert len(resample(clip_of(np.ones(frames), old), new)) == math.ceil(frames * new / old)


def test_rates_without_a_common_factor():
    made = resample(clip_of(tone(8000, 4001, 1000.0), 8000), 8009)
    assert len(made) == math.ceil(4001 * 8009 / 8000)
    assert np.abs(made.samples[400:-400, 0] - tone(8009, len(made), 1000.0)[400:-400]).max() < 1e-5


def test_channels_stay_apart():
    left, right = tone(44100, 9000, 500.0), tone(44100, 9000, 900.0)
    both = resample(clip_of(np.stack([left, right], 1), 44100), 16000)
    for channel, alone in enumerate((left, right)):
        assert np.abs(both.samples[:, channel] - resample(clip_of(alone, 44100), 16000).samples[:, 0]).max() < 1e-6


def test_a_gap_stays_a_gap_and_does_not_spread():
    samples = tone(44100, 44100, 300.0)
    samples[22050:26460] = np.nan
    made = resample(clip_of(samples, 44100), 8000).samples[:, 0]
    gap = np.flatnonzero(np.isnan(made))
    assert abs(gap[0] - 4000) <= 1 and abs(gap[-1] - 4799) <= 1
    assert len(gap) == gap[-1] - gap[0] + 1
    rest = np.r_[400:3900, 4900:7600]
    assert np.abs(made[rest] - tone(8000, 8000, 300.0)[rest]).max() < 0.01
    assert np.isnan(resample(clip_of(np.full(100, np.nan), 44100), 8000).samples).all()


def test_nothing_to_do_gives_the_same_object():
    clip = clip_of(np.zeros((10, 2)), 8000)
    assert resample(clip, 8000) is clip and mixed(clip, 2) is clip


def test_channels_are_mixed():
    stereo = clip_of(np.array([[1.0, 0.0], [0.5, -0.5]]), 8000)
    assert mixed(stereo, 1).samples.tolist() == [[0.5], [0.0]]
    assert mixed(mixed(stereo, 1), 2).samples.tolist() == [[0.5, 0.5], [0.0, 0.0]]
    assert mixed(clip_of(np.ones((3, 6)), 8000), 2).samples.shape == (3, 2)


def test_what_is_no_rate_or_number_of_channels():
    clip = clip_of(np.zeros(10), 8000)
    for change in (resample, mixed):
        with pytest.raises(DomainInputError, match="is no"):
            change(clip, 0)


def test_an_empty_clip():
    assert len(resample(Clip(np.zeros((0, 1), np.float32), 8000), 16000)) == 0
