"""Generated sounds: in tune, of the kind that they claim, and the same for the same number and seed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("soundfile")

from suffuse.conditions import Label, Number
from suffuse.datasets import condition_space
from suffuse.domain import examples_at
from suffuse_audio.synthesis import KINDS, frequency, make, sounds
from suffuse_audio.synthesis.snare import RATIOS as SKIN
from suffuse_audio.synthesis.vowel import formants

MOUTHS = {"a": (730, 1090), "e": (530, 1840), "i": (270, 2290), "o": (570, 840), "u": (300, 870)}
"""Peterson and Barney's first two resonances of men, in Hz."""

VOWELS = tuple(MOUTHS)
PITCHED = [name for name, kind in KINDS.items() if kind.pitches]


@pytest.fixture(scope="module")
def every():
    return make(33 * len(KINDS), seed=1)


def of(every, label: str) -> list[tuple[np.ndarray, float | None]]:
    """The samples and the pitches of a kind."""
    found = [every[i] for i in range(len(every)) if every.conditions["label"][i] == label]
    return [(example.item.samples[:, 0].astype(np.float64), example.conditions["pitch"]) for example in found]


def spectrum(x: np.ndarray, rate: int = 8000, size: int = 1 << 17) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz, and magnitudes."""
    return np.fft.rfftfreq(size, 1 / rate), np.abs(np.fft.rfft(x * np.hanning(len(x)), size))


def peak(x: np.ndarray, near: float, rate: int = 8000) -> float:
    """The frequency of the strongest part within a semitone and a half."""
    f, magnitude = spectrum(x, rate)
    around = np.flatnonzero((f > near * 0.92) & (f < near * 1.09))
    return float(f[around[magnitude[around].argmax()]])


def cents(f: float, reference: float) -> float:
    return abs(1200 * np.log2(f / reference))


@pytest.mark.parametrize("label", PITCHED)
def test_what_has_a_pitch_is_in_tune(every, label):
    errors = [cents(peak(x, frequency(pitch)), frequency(pitch)) for x, pitch in of(every, label)]
    assert len(errors) == 33
    assert max(errors) < (5.0 if label in VOWELS else 1.0)


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
@pytest.mark.parametrize("label", ["string", "bell", "flute", "a"])
def test_in_tune_at_every_rate(rate, label):
    number = tuple(KINDS).index(label)
    example = sounds([number, number + len(KINDS)], rate, 0.5)[1]
    f = frequency(example.conditions["pitch"])
    assert cents(peak(example.item.samples[:, 0], f, rate), f) < 5.0


def test_pitches_are_told_in_midi_notes():
    assert frequency(69) == 440.0 and frequency(57) == 220.0
    assert frequency(60) == pytest.approx(261.6256, abs=1e-3)


def test_a_string_has_harmonics_and_a_bell_its_own_partials(every):
    for x, pitch in of(every, "string")[:10]:
        for k in (2, 3):
            f = k * frequency(pitch)
            assert cents(peak(x, f), f) < 12.0  # what tunes a string is exact at the first alone
    for x, pitch in of(every, "bell")[:10]:
        for ratio in (0.5, 1.0, 1.183, 1.506, 2.0):  # hum, prime, tierce, quint, nominal
            f = ratio * frequency(pitch)
            assert cents(peak(x, f), f) < 5.0


def test_the_skin_of_a_drum_vibrates_as_bessel_has_it():
    assert pytest.approx([1.0, 1.594, 2.136, 2.296, 2.653, 2.918], abs=1e-3) == SKIN


@pytest.mark.parametrize("label", VOWELS)
def test_a_vowel_is_strongest_where_its_mouth_resonates(every, label):
    """The envelope of a low voice, smoothed over a harmonic, against the first two formants of a man."""
    low = [(x, pitch) for x, pitch in of(every, label) if pitch < 48]
    assert low
    for x, _ in low:
        f, magnitude = spectrum(np.diff(x), size=8000)
        power = np.convolve(magnitude**2, np.hanning(300), "same")
        for centre in MOUTHS[label]:
            nearest = _peaks(f, power)[np.abs(_peaks(f, power) - centre).argmin()]
            assert abs(nearest - centre) < max(150.0, 0.15 * centre)


def _peaks(f: np.ndarray, power: np.ndarray) -> np.ndarray:
    inner = power[1:-1]
    return f[1:-1][(inner > power[:-2]) & (inner >= power[2:])]


def test_high_voices_have_small_mouths():
    low, high = (formants(np.random.default_rng(0), pitch, "i") for pitch in (40.0, 70.0))
    assert (high > low).all()


def centroid(x: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(x)) ** 2
    return float(np.fft.rfftfreq(len(x), 1 / 8000) @ power / power.sum())


def test_drums_are_low_middle_and_high(every):
    kick, snare, hihat = ([centroid(x) for x, _ in of(every, label)] for label in ("kick", "snare", "hihat"))
    assert max(kick) < 300 < np.median(snare) < 1800 < min(hihat)


def test_strings_bells_and_drums_die_away_and_flutes_are_held(every):
    def late(label: str) -> np.ndarray:
        """The level of the second half against that of the first."""
        return np.array([x[2000:].std() / x[:2000].std() for x, _ in of(every, label)])

    for label in ("string", "bell", "kick", "snare", "hihat"):
        assert (late(label) < 0.9).all()
    for label in ("flute", *VOWELS):
        assert (late(label) > 0.6).all()


def test_sounds_are_finite_within_full_scale_and_end_in_silence(every):
    for i in range(len(every)):
        x = every[i].item.samples
        assert x.shape == (4000, 1) and x.dtype == np.float32 and every[i].item.rate == 8000
        assert np.isfinite(x).all() and 0.2 < np.abs(x).max() < 0.96
        assert abs(x.mean()) < 0.01 and abs(x[-1, 0]) < 1e-3


def test_any_part_is_the_same_for_a_seed():
    few, many, other = make(12, seed=5), make(40, seed=5), make(12, seed=6)
    for i in (0, 3, 11):
        assert np.array_equal(few[i].item.samples, many[i].item.samples)
        assert not np.array_equal(few[i].item.samples, other[i].item.samples)
    alone = sounds([11], seed=5)
    assert np.array_equal(alone[0].item.samples, few[11].item.samples)
    assert alone[0].conditions == few[11].conditions
    picked = examples_at(many, [7, 3])
    assert np.array_equal(picked.items[1].samples, few[3].item.samples)
    assert picked.conditions["label"] == [many.conditions["label"][i] for i in (7, 3)]


def test_two_of_a_kind_differ():
    every = make(2 * len(KINDS))
    for i in range(len(KINDS)):
        first, second = (every[k].item.samples[:, 0] for k in (i, i + len(KINDS)))
        assert np.abs(first - second).max() > 0.05


def test_conditions_are_a_label_and_a_number(every):
    space = condition_space(every)
    assert isinstance(space["label"], Label) and set(space["label"].classes) == set(KINDS)
    assert isinstance(space["pitch"], Number) and 45 < space["pitch"].mean < 70
    drums = [
        p for p, label in zip(every.conditions["pitch"], every.conditions["label"], strict=True) if label == "kick"
    ]
    assert set(drums) == {None}


@pytest.mark.parametrize("seconds", [0.02, 0.1, 2.0])
def test_any_length(seconds):
    made = make(len(KINDS), 8000, seconds)
    assert all(len(clip) == round(8000 * seconds) and np.isfinite(clip.samples).all() for clip in made.items)
