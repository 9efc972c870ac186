"""Long sounds in windows: nothing is lost, no seam is heard, and what the model does not know of comes back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("torchaudio")

from suffuse_audio.clip import Clip, clip_of
from suffuse_audio.codec import SoundCodec
from suffuse_audio.representations import ComplexStft
from suffuse_audio.windows import Pieces

RATE = 8000


def tone(frames: int, rate: int = RATE, channels: int = 1, hertz: float = 440.0) -> Clip:
    """Full turns of a tone in each channel, the second an octave above the first."""
    time = np.arange(frames)[:, None] / rate
    return clip_of(0.3 * np.sin(2.0 * np.pi * hertz * 2.0 ** np.arange(channels) * time), rate)


def together(pieces: Pieces, made: Iterable[Clip]) -> Clip:
    return Clip(np.concatenate(list(pieces.joined(made))), pieces.sound.rate)


@pytest.mark.parametrize("frames", [1, 100, 1000, 1001, 1750, 1751, 12345])
@pytest.mark.parametrize("channels", [1, 2])
def test_windows_put_together_are_the_sound(frames: int, channels: int) -> None:
    clip = tone(frames, channels=channels)
    pieces = Pieces(clip, 0.125, 1)
    windows = list(pieces)
    assert len(windows) == len(pieces)
    assert all(len(window) <= 1000 and window.channels == 1 for window in windows)
    whole = together(pieces, windows)
    assert whole.rate == clip.rate and whole.samples.shape == clip.samples.shape
    np.testing.assert_allclose(whole.samples, clip.samples, atol=1e-6)


def test_every_frame_is_in_a_window_and_few_are_in_two() -> None:
    windows = Pieces(tone(10_000), 0.125, 1)
    assert sum(map(len, windows)) == pytest.approx(10_000 * 4 / 3, rel=0.05)


def test_windows_that_disagree_fade_into_each_other() -> None:
    clip = tone(1750)
    first, second = pieces = Pieces(clip, 0.125, 1)
    low, high = (Clip(np.full_like(window.samples, value), RATE) for window, value in ((first, 0.0), (second, 1.0)))
    mixed = together(pieces, [low, high]).samples[:, 0]
    assert (mixed[:750] == 0.0).all() and (mixed[1000:] == 1.0).all()
    steps = np.diff(mixed)
    assert steps.min() >= 0.0 and steps.max() < 0.01


def test_a_stereo_model_keeps_channels_together() -> None:
    clip = tone(3000, channels=2)
    windows = Pieces(clip, 0.125, 2)
    assert all(window.channels == 2 for window in windows)
    np.testing.assert_allclose(together(windows, windows).samples, clip.samples, atol=1e-6)


@pytest.mark.parametrize(("rate", "channels", "loud"), [(RATE, 1, 1.0), (44100, 2, 1e-3), (RATE, 2, 3.0)])
def test_a_codec_gives_back_length_rate_channels_and_loudness(rate: int, channels: int, loud: float) -> None:
    codec = SoundCodec(ComplexStft(), RATE, 1, 32, 0.0, 0.05, level=-12.0)
    clip = tone(3 * rate, rate, channels)
    clip = Clip(np.float32(loud) * clip.samples, rate)
    pieces = codec.pieces(clip)
    power = np.mean([np.square(piece.samples).mean() for piece in pieces])
    assert 10.0 * np.log10(power) == pytest.approx(-12.0, abs=0.1)
    made = [codec.decode(codec.encode([piece]))[0] for piece in pieces]
    back = codec.join(made, clip)
    assert back.rate == rate and back.samples.shape == clip.samples.shape
    inside = slice(rate // 10, -rate // 10)
    np.testing.assert_allclose(back.samples[inside], clip.samples[inside], atol=0.02 * loud)


def test_silence_stays_silence() -> None:
    codec = SoundCodec(ComplexStft(), RATE, 1, 32)
    clip = clip_of(np.zeros(20_000), RATE)
    back = codec.join([codec.decode(codec.encode([piece]))[0] for piece in codec.pieces(clip)], clip)
    assert len(back) == 20_000 and not back.samples.any()
