"""What a network sees of a sound: decibels of full scale, mel bands, exact inverses, and how far a place hears."""

from __future__ import annotations

import math

import pytest
import torch

pytest.importorskip("torchaudio")

import torchaudio

from suffuse.errors import RecipeError
from suffuse.recipe import read_section
from suffuse_audio.fitting import Options
from suffuse_audio.representations import ComplexStft, LogMel, Magnitude, Waveform

RATE = 8000
ALL = [ComplexStft(), ComplexStft(power=0.3, overlap=2), Magnitude(window=0.032), LogMel(), Waveform()]


def tone(frequency: float, rate: int = RATE, seconds: float = 0.512, amplitude: float = 1.0) -> torch.Tensor:
    t = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return (amplitude * torch.sin(2 * math.pi * frequency * t)).float()[None, None]


def noise(frames: int, channels: int = 1, batch: int = 1, deviation: float = 0.1) -> torch.Tensor:
    return deviation * torch.randn(batch, channels, frames, generator=torch.Generator().manual_seed(0))


def middle(x: torch.Tensor) -> torch.Tensor:
    """Without the places that hear the ends."""
    return x[..., 8:-8]


@pytest.mark.parametrize("amplitude", [1.0, 0.1, 0.001])
def test_a_full_scale_tone_is_at_no_decibels(amplitude):
    told = 20.0 * math.log10(amplitude)
    for overlap in (2, 4, 8):
        seen = middle(Magnitude(window=0.032, overlap=overlap).forward(tone(1000.0, amplitude=amplitude), RATE))
        assert seen.amax(2).sub(told).abs().max() < 0.1
        assert seen[0, 0].mean(1).argmax() == 32  # 1000 Hz of 31.25 each
    mel = middle(LogMel().forward(tone(1000.0, amplitude=amplitude), RATE)).amax(2) - told
    assert mel.min() > -3.0 and mel.max() < 6.1  # a wide band has all three lines of a Hann window
    seen = middle(ComplexStft().forward(tone(1000.0, amplitude=amplitude), RATE))
    size = seen.square().sum(1).sqrt().square().amax(1)  # to the power 1 / 0.5
    assert size.mul(4.0 / 16.0).div(amplitude).sub(1.0).abs().max() < 0.01  # √256 / 4 is full scale


def test_silence_is_at_the_lowest_value_and_comes_back_as_zeros():
    for representation in ALL:
        seen = representation.forward(torch.zeros(1, 1, 4096), RATE)
        assert seen.isfinite().all()
        assert seen.unique().tolist() in ([0.0], [-100.0])
        back = representation.inverse(seen, RATE, 1)
        assert back.shape == (1, 1, 4096) and not back.any(), representation


def test_mel_bands_are_those_of_torchaudio():
    mel, x = LogMel(bands=40, lowest=0.0), noise(4096)
    linear = mel.stft(RATE)(x).abs()
    scale = torchaudio.transforms.MelScale(40, RATE, 0.0, RATE / 2, linear.shape[-2])
    full = scale.fb.amax(0) >= 0.5  # narrower ones take the nearest frequency here
    expected = 20.0 * (scale(linear) * 4.0 / math.sqrt(256)).clamp_min(1e-5).log10()
    assert full.sum() > 30
    assert torch.allclose(mel.forward(x, RATE)[:, :, full], expected[:, :, full], atol=1e-3)


@pytest.mark.parametrize("band", [3, 20, 40, 60])
def test_a_tone_is_in_its_mel_band(band):
    low, high = (2595 * math.log10(1 + f / 700) for f in (20.0, RATE / 2))
    centre = 700 * (10 ** ((low + (high - low) * (band + 1) / 65) / 2595) - 1)
    seen = middle(LogMel().forward(tone(centre), RATE))[0, 0].mean(1)
    assert abs(int(seen.argmax()) - band) <= 1


@pytest.mark.filterwarnings("error")
def test_no_band_is_empty_however_narrow():
    for window, bands in ((0.016, 120), (0.032, 64), (0.032, 80)):
        mel = LogMel(bands=bands, window=window)
        weights = mel._weights(RATE)
        assert weights.amax(1).min() >= 0.5 and (weights.argmax(1).diff() >= 0).all()
        assert mel.forward(noise(4096), RATE).mean(3).amin() > -50.0


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("deviation", [0.3, 1e-4, 1e-7])
def test_the_complex_spectrogram_is_exactly_invertible(power, deviation):
    stft, x = ComplexStft(power=power), noise(4096, 2, 3, deviation)
    seen = stft.forward(x, RATE)
    assert seen.shape == (3, 4, 129, 64)
    assert (stft.inverse(seen, RATE, 2) - x).abs().max() < 1e-5 * deviation + 1e-11


def test_compression_keeps_phases_and_takes_roots_of_magnitudes():
    x = noise(4096)
    plain, root = (ComplexStft(power=p).forward(x, RATE) for p in (1.0, 0.25))
    a, b = (torch.complex(seen[:, 0], seen[:, 1]) for seen in (plain, root))
    assert torch.allclose(b.abs(), a.abs() ** 0.25, rtol=1e-4)
    assert ((a * b.conj()).angle().abs() < 1e-3).all()


def test_magnitudes_come_back_nearly():
    x = tone(440.0, amplitude=0.4) + 0.5 * tone(1320.0, amplitude=0.4)
    for representation, most in ((Magnitude(window=0.032), 1.0), (Magnitude(), 1.0), (LogMel(), 1.5)):
        seen = representation.forward(x, RATE)
        again = representation.forward(representation.inverse(seen, RATE, 1), RATE)
        loud = middle(seen) > seen.max() - 30.0
        error = middle(again - seen)[loud].abs().mean()
        assert error < most, (representation, error)


def test_values_beyond_any_sound_are_bounded():
    back = Magnitude(window=0.032).inverse(torch.full((1, 1, 128, 8), 1e6), RATE, 1)
    assert back.isfinite().all() and back.abs().max() < 1e4


@pytest.mark.parametrize("representation", ALL, ids=lambda r: r.name)
def test_each_sound_is_as_alone_to_the_last_bit(representation):
    x = noise(2048, 2, 3)
    seen = representation.forward(x, RATE)
    together = representation.inverse(seen, RATE, 2)
    for i in range(3):
        assert torch.equal(representation.inverse(seen[i : i + 1], RATE, 2)[0], together[i])


@pytest.mark.parametrize("representation", ALL, ids=lambda r: r.name)
def test_a_place_hears_as_far_as_it_says_and_no_further(representation):
    x, place = noise(4096), 20
    hop, reach = representation.hop(RATE), representation.reach(RATE)
    first, last = place * hop - reach, (place + 1) * hop + reach
    changed = x.clone()
    changed[..., : max(0, first)] += 0.5
    changed[..., last:] -= 0.5
    before, after = (representation.forward(one, RATE)[..., place] for one in (x, changed))
    assert torch.allclose(before, after, atol=1e-6)
    for edge in (first + reach // 8 + 1, last - reach // 8 - 2) if reach else (first,):
        nearer = x.clone()
        nearer[..., edge] += 5.0
        assert not torch.allclose(before, representation.forward(nearer, RATE)[..., place], atol=1e-3)


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("representation", [ComplexStft(), Magnitude(), LogMel(overlap=3)], ids=lambda r: r.name)
def test_windows_are_of_seconds_at_any_rate(representation, rate):
    stft = representation.stft(rate)
    assert stft.window == representation.overlap * stft.hop and stft.hop == representation.hop(rate)
    assert stft.window / rate == pytest.approx(representation.window, abs=representation.overlap / rate)
    seen = representation.forward(noise(stft.hop * 16), rate)
    assert seen.shape[-1] == 16 and seen.isfinite().all()


def test_a_recipe_tells_them_by_name_or_with_options():
    plain = read_section(Options, {"representation": "log-mel"}, "codec")
    assert plain.representation == LogMel()
    told = {"name": "stft", "power": 0.7}
    assert read_section(Options, {"representation": told}, "codec").representation == ComplexStft(power=0.7)
    for wrong in ("mel", {"name": "stft", "power": 2.0}, {"name": "waveform", "window": 0.1}):
        with pytest.raises(RecipeError):
            read_section(Options, {"representation": wrong}, "codec")
