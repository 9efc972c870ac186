"""Sounds of any kind to states and back: what is kept, trimmed and filled, and by which unit that is told."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

pytest.importorskip("torchaudio")

from suffuse.datasets import Listed
from suffuse.errors import DomainInputError, RecipeError
from suffuse.rng import Rng
from suffuse.tasks.region import Region
from suffuse_audio.clip import Clip, clip_of
from suffuse_audio.codec import FADE, SoundCodec
from suffuse_audio.domain import Audio
from suffuse_audio.fitting import Options, fit_codec
from suffuse_audio.representations import ComplexStft, LogMel, Magnitude, Waveform

STFT = SoundCodec(ComplexStft(), 8000, 1, 64, std=0.2)
MAGNITUDE = SoundCodec(Magnitude(window=0.032), 8000, 1, 64, mean=-70.0, std=20.0)
WAVES = SoundCodec(Waveform(), 8000, 1, 4096, std=0.1)
CODECS = {"stft": STFT, "magnitude": MAGNITUDE, "waveform": WAVES}
every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


def sound(seconds: float = 0.4, rate: int = 8000, channels: int = 1, frequency: float = 440.0) -> Clip:
    """A tone that ends loudly, with a little noise, each channel at a loudness of its own."""
    t = np.arange(max(1, round(seconds * rate))) / rate
    rng = np.random.default_rng(round(frequency))
    x = 0.4 * np.cos(2 * np.pi * frequency * t) + 0.01 * rng.standard_normal(len(t))
    return clip_of(x[:, None] / (1.0 + np.arange(channels)), rate)


def bits(clip: Clip) -> Clip:
    """As 8 bits have it."""
    return Clip(np.round(clip.samples * 127).astype(np.float32) / 128, clip.rate)


def filled(codec: SoundCodec, text: str) -> torch.Tensor:
    """What is known if a stretch that is told by text is filled."""
    states = codec.like(1)
    return ~Region.parse(text, codec.units()).inside(states, {})[""].expand_as(states)


@pytest.mark.parametrize(
    "clip",
    [sound(0.01), sound(1 / 8000), sound(0.3, 96000, 2), bits(sound(0.3)), sound(0.2, 44100, 6), sound(60.0, 11025),
     sound(5.0, 48000, 2), clip_of(np.zeros(3000), 8000), clip_of(np.zeros((9, 2)), 44100)],
    ids=lambda clip: f"{clip.rate} Hz {clip.channels} ch {clip.seconds:.4g} s",
)  # fmt: skip
def test_every_sound_becomes_a_state_of_one_shape_and_a_sound_again(clip):
    for codec in CODECS.values():
        state = codec.encode([clip])
        assert state.shape == codec.like(1).shape and state.dtype == torch.float32 and state.isfinite().all()
        (back,) = codec.decode(state)
        assert (back.rate, back.channels) == (8000, 1) and np.isfinite(back.samples).all()
        assert codec.hop <= len(back) <= codec.frames


@pytest.mark.parametrize("codec", [STFT, WAVES], ids=["stft", "waveform"])
def test_the_round_trip_is_exact_where_the_representation_is(codec):
    clip = sound(0.4)
    (back,) = codec.decode(codec.encode([clip]))
    assert len(back) == len(clip)
    assert np.abs(back.samples - (clip.samples - clip.samples.mean())).max() < 1e-5


def test_magnitudes_round_trip_to_the_same_spectrum():
    clip = sound(0.4)
    state = MAGNITUDE.encode([clip])
    (back,) = MAGNITUDE.decode(state)
    assert abs(len(back) - len(clip)) <= MAGNITUDE.representation.stft(8000).window
    loud = state > -0.5  # −80 dB
    assert (MAGNITUDE.encode([back]) - state)[loud].abs().mean() < 0.1  # 2 dB


def test_several_channels_and_another_rate():
    codec = SoundCodec(ComplexStft(), 16000, 2, 64)
    clip = sound(0.3, 16000, 2)
    (back,) = codec.decode(codec.encode([clip]))
    assert np.abs(back.samples - (clip.samples - clip.samples.mean(0))).max() < 1e-5
    (back,) = codec.decode(codec.encode([sound(0.3, 8000)]))
    assert np.array_equal(back.samples[:, 0], back.samples[:, 1])
    tone = sound(0.3, 16000).samples[:, 0]
    assert np.corrcoef(back.samples[800:4000, 0], tone[800:4000])[0, 1] > 0.99


@every_codec
def test_silence_at_the_end_is_no_part_of_a_sound(codec):
    clip = sound(0.2)
    padded = clip_of(np.pad(clip.samples[:, 0], (0, 1600)), 8000)
    more = 256 if codec is MAGNITUDE else 0  # phases that are found smear an end over a window
    for one in (clip, padded):
        (back,) = codec.decode(codec.encode([one]))
        assert len(clip) - 2 <= len(back) <= len(clip) + more
    short = clip_of(np.pad(sound(0.512).samples[:-40, 0], (0, 40)), 8000)  # 5 ms, which nobody hears
    assert len(WAVES.decode(WAVES.encode([short]))[0]) == 4096


@every_codec
def test_silence_is_silence(codec):
    (back,) = codec.decode(codec.encode([clip_of(np.zeros(2000), 8000)]))
    assert len(back) == codec.hop and np.abs(back.samples).max() < 1e-6
    assert not codec.encode([clip_of(np.full(2000, 0.25), 8000)]).sub(codec.encode([clip_of(np.zeros(9), 8000)])).any()


def test_offsets_are_removed_or_kept():
    clip = sound(0.5)
    moved = Clip(clip.samples + np.float32(0.1), 8000)
    assert torch.allclose(STFT.encode([moved]), STFT.encode([clip]), atol=1e-3)
    (back,) = STFT.decode(STFT.encode([moved]))
    assert abs(back.samples.mean()) < 1e-5
    kept = SoundCodec(ComplexStft(), 8000, 1, 64, offset="keep")
    (back,) = kept.decode(kept.encode([moved]))
    assert np.abs(back.samples - moved.samples).max() < 1e-5


@every_codec
def test_an_item_is_the_same_whatever_its_batch(codec):
    clips = [sound(0.3), sound(0.4, 44100, 2, 700.0), sound(0.05, frequency=1200.0)]
    states = codec.encode(clips)
    for i, clip in enumerate(clips):
        assert torch.equal(codec.encode([clip])[0], states[i])
    together = codec.decode(states)
    for i in range(3):
        assert np.array_equal(codec.decode(states[i : i + 1])[0].samples, together[i].samples)


@every_codec
def test_it_goes_through_json(codec):
    again = Audio().load_codec(json.loads(json.dumps(codec.to_json())))
    assert again == codec and torch.equal(again.encode([sound()]), codec.encode([sound()]))


# ---- gaps


def with_gap(clip: Clip, first: float, last: float) -> Clip:
    samples = clip.samples.copy()
    samples[round(first * clip.rate) : round(last * clip.rate)] = np.nan
    return Clip(samples, clip.rate)


def test_what_a_gap_leaves_known():
    gap = with_gap(sound(0.5), 0.2, 0.25)  # samples 1600 to 2000
    known = WAVES.known([gap])
    assert known is not None and torch.equal(known[0, 0].logical_not().nonzero()[:, 0], torch.arange(1600, 2000))
    known = STFT.known([gap])
    assert known is not None and known.shape == (1, 1, 1, 64)
    reach, hop = STFT.representation.reach(8000), STFT.hop
    expected = [p for p in range(64) if p * hop - reach < 2000 and (p + 1) * hop + reach > 1600]
    assert known[0, 0, 0].logical_not().nonzero()[:, 0].tolist() == expected
    assert STFT.known([sound(0.5)]) is None


@every_codec
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 2), (11025, 1)])
def test_a_gap_is_filled_and_nothing_else_is_touched(codec, rate, channels):
    gap = with_gap(sound(0.5, rate, channels), 0.2, 0.25)
    known = codec.known([gap])
    made = clip_of(np.full(4096, 0.5), 8000)
    whole = codec.merge(gap, made, known.expand(codec.like(1).shape))
    inside = np.isnan(gap.samples).any(1)
    assert (whole.rate, whole.channels, len(whole)) == (rate, channels, len(gap))
    assert np.array_equal(whole.samples[~inside], gap.samples[~inside])
    middle = np.flatnonzero(inside)[round(FADE * rate) : -round(FADE * rate)]
    mean = np.nanmean(gap.samples, axis=0)
    assert np.abs(whole.samples[middle] - mean - 0.5).max() < 2e-3
    assert np.isfinite(whole.samples).all()


@every_codec
def test_what_is_told_to_be_filled_is(codec):
    clip, made = sound(0.5, 16000, 2), clip_of(np.full(4096, 0.25), 8000)
    whole = codec.merge(clip, made, filled(codec, "0.2s:0.3s"))
    changed = np.flatnonzero((whole.samples != clip.samples).any(1)) / 16000
    assert len(whole) == len(clip)
    assert 0.2 - codec.hop / 8000 <= changed.min() <= 0.2 + 1e-3
    assert 0.3 - 1e-3 <= changed.max() <= 0.3 + codec.hop / 8000
    assert np.abs(whole.samples[3300:4700] - 0.25 - clip.samples.mean(0)).max() < 1e-2


@every_codec
def test_a_gap_besides_what_is_told(codec):
    gap = with_gap(sound(0.5), 0.1, 0.15)
    known = filled(codec, "300ms:350ms") & codec.known([gap])
    whole = codec.merge(gap, clip_of(np.full(4096, 0.5), 8000), known)
    changed = np.flatnonzero(whole.samples[:, 0] != gap.samples[:, 0])
    first, second = changed[changed < 1600], changed[changed > 2000]
    assert (first.min(), first.max()) == (800, 1199) and len(first) + len(second) == len(changed)
    assert abs(second.min() - 2400) <= codec.hop and abs(second.max() - 2800) <= codec.hop


@every_codec
@pytest.mark.parametrize(
    ("part", "first", "last"), [("0.13s:", 1000, 4096), ("0.16s:0.2s", 1000, 1600), (":0.13s", 0, 1200)]
)
def test_nothing_is_left_between_a_gap_and_what_is_told_beside_it(codec, part, first, last):
    gap = with_gap(sound(0.5), 0.125, 0.15)  # samples 1000 to 1200
    shown = codec.emptied(gap, filled(codec, part) & codec.known([gap]))
    empty = np.flatnonzero(np.isnan(shown.samples[:, 0]))
    if part == "0.16s:0.2s":  # begins 80 samples behind it
        assert empty.min() == 1000 and set(range(1000, 1200)) | set(range(1280 + codec.hop, 1600)) <= set(empty)
    else:
        assert len(empty) == empty.max() - empty.min() + 1
    assert abs(empty.min() - first) <= codec.hop and abs(empty.max() + 1 - min(last, 4000)) <= codec.hop


def test_what_is_given_between_two_gaps_stays_however_short():
    gap = with_gap(with_gap(sound(0.5), 0.1, 0.15), 0.155, 0.2)
    whole = STFT.merge(gap, clip_of(np.full(4096, 0.5), 8000), STFT.known([gap]).expand(STFT.like(1).shape))
    assert np.array_equal(whole.samples[1200:1240], gap.samples[1200:1240])


@every_codec
def test_what_is_made_fades_in_where_it_lies(codec):
    clip = clip_of(np.where(np.arange(4000) % 2, 0.1, -0.1), 8000)
    ones = clip_of(np.ones(4096), 8000)
    whole = codec.merge(with_gap(clip, 0.2, 0.3), ones, codec.known([with_gap(clip, 0.2, 0.3)]))
    seam = whole.samples[1600:1640, 0]
    assert seam[0] < 0.01 and seam[-1] > 0.99 and (np.diff(seam) > 0).all()


@every_codec
def test_a_beginning_goes_on_and_an_end_gets_a_beginning(codec):
    clip, made = sound(0.3), clip_of(np.full(4096, 0.5), 8000)
    longer = codec.merge(clip, made, filled(codec, "0.3s:"))
    assert len(longer) == 4096 and np.abs(longer.samples[2500:] - 0.5).max() < 1e-2
    assert np.array_equal(longer.samples[: 2400 - codec.hop], clip.samples[: 2400 - codec.hop])
    assert len(codec.merge(clip, clip_of(np.full(3000, 0.5), 8000), filled(codec, "0.3s:"))) == 3000
    assert len(codec.merge(clip, clip_of(np.zeros(64), 8000), filled(codec, "0.3s:"))) == 2400
    before = codec.merge(clip, made, filled(codec, ":0.1s"))
    changed = np.flatnonzero((before.samples != clip.samples).any(1))
    assert len(before) == 2400 and changed.min() == 0 and abs(changed.max() - 800) <= codec.hop


def test_offsets_come_back_where_a_gap_is_filled():
    clip = Clip(sound(0.5).samples + np.float32(0.2), 8000)
    gap = with_gap(clip, 0.2, 0.3)
    whole = STFT.merge(gap, clip_of(np.zeros(4096), 8000), STFT.known([gap]))
    assert np.abs(whole.samples[1700:2300] - 0.2).max() < 0.01


@every_codec
def test_what_is_kept_is_shown_with_a_gap(codec):
    clip = sound(0.5, 16000, 2)
    shown = codec.emptied(clip, filled(codec, "0.2s:0.3s"))
    gap = np.flatnonzero(np.isnan(shown.samples).all(1))
    assert gap.max() - gap.min() + 1 == len(gap)
    assert abs(gap.min() - 3200) <= 2 * codec.hop and abs(gap.max() - 4800) <= 2 * codec.hop
    kept = ~np.isnan(shown.samples)
    assert np.array_equal(shown.samples[kept], clip.samples[kept])
    one = with_gap(clip, 0.2, 0.3)
    assert np.array_equal(np.isnan(codec.emptied(one, codec.known([one])).samples), np.isnan(one.samples))


def test_gaps_are_encoded_as_silence_where_they_are_to_be_filled():
    gap = with_gap(sound(0.5), 0.2, 0.3)
    heard = gap.samples - np.nanmean(gap.samples)
    expected = WAVES.encode_gaps([gap])[0, 0, :4000]
    assert torch.allclose(expected, torch.from_numpy(np.nan_to_num(heard[:, 0]) / 0.1), atol=1e-5)
    with pytest.raises(DomainInputError, match="has a gap") as caught:
        STFT.encode([sound(), gap])
    assert caught.value.field == "items[1]"
    assert set(STFT.faults([sound(), gap])) == {1}


def test_a_gap_that_the_model_does_not_hear():
    long = with_gap(sound(2.0), 1.0, 1.1)
    with pytest.raises(DomainInputError, match="beyond the window") as caught:
        STFT.encode_gaps([with_gap(sound(2.0), 0.1, 0.2), long])
    assert caught.value.field == "items[1]" and "one at 1 s" in str(caught.value)


def test_nothing_but_a_gap():
    nothing = clip_of(np.full(4000, np.nan), 8000)
    assert STFT.encode_gaps([nothing]).isfinite().all()
    known = STFT.known([nothing])
    made = sound(0.5)
    assert np.array_equal(
        STFT.merge(nothing, made, known.expand(STFT.like(1).shape)).samples[:3900], made.samples[:3900]
    )


# ---- units


@pytest.mark.parametrize("codec", [STFT, WAVES], ids=["stft", "waveform"])
def test_units_are_seconds_of_the_last_axis(codec):
    assert torch.equal(filled(codec, "0.1s:0.2s"), filled(codec, "100ms:200ms"))
    lacking = ~filled(codec, "0.1s:0.2s").flatten(1, -2).all(1)[0]
    reach = codec.representation.reach(8000)
    first, last = (0.1 * 8000 - reach) / codec.hop, (0.2 * 8000 + reach) / codec.hop
    assert lacking.nonzero()[:, 0].tolist() == list(range(math.floor(first), math.ceil(last)))
    with pytest.raises(RecipeError, match="unit"):
        filled(codec, "0.1m:0.2m")
    with pytest.raises(DomainInputError, match="outside"):
        filled(codec, "0.6s:0.7s")


# ---- what is refused


@pytest.mark.parametrize(
    ("item", "message"),
    [("a.wav", "is no sound"), (np.zeros(9), "is no sound"), (Clip(np.zeros((0, 1), np.float32), 8000), "is empty"),
     (Clip(np.zeros((9, 0), np.float32), 8000), "is empty"), (clip_of(np.array([0.0, np.inf]), 8000), "not finite")],
)  # fmt: skip
def test_what_is_no_sound_is_named_by_its_place(item, message):
    for call in (STFT.encode, STFT.encode_gaps):
        with pytest.raises(DomainInputError, match=message) as caught:
            call([sound(), item])
        assert caught.value.field == "items[1]"


def test_no_sounds_and_states_of_another_shape():
    with pytest.raises(DomainInputError, match="is empty"):
        STFT.encode([])
    for state in (torch.zeros(1, 2, 64), torch.zeros(1, 3, 129, 64), {"x": torch.zeros(1, 2, 129, 64)}):
        with pytest.raises(DomainInputError, match="another shape"):
            STFT.decode(state)


# ---- fitting


def listed(clips: list[Clip]) -> Listed:
    return Listed(clips, {})


def test_rate_channels_and_window_are_those_of_most_clips():
    clips = [sound(0.2, 16000)] * 30 + [sound(0.3, 8000, 2)] * 20
    codec = fit_codec(Options(), listed(clips))
    assert (codec.rate, codec.channels) == (16000, 1)
    assert 0.3 <= codec.frames / codec.rate < 0.3 + 8 * codec.hop / codec.rate and codec.places % 8 == 0
    assert fit_codec(Options(), listed([sound(0.1, 96000, 2)] * 9)).rate == 24000
    assert fit_codec(Options(), listed([sound(0.1, 8000, 2)] * 9)).channels == 2
    rare = [sound(0.2)] * 99 + [sound(9.0)]
    assert fit_codec(Options(), listed(rare)).frames < 3000
    told = fit_codec(Options(rate=8000, channels=2, seconds=0.1), listed(clips))
    assert (told.rate, told.channels, told.places) == (8000, 2, 16)


@pytest.mark.parametrize("representation", ["stft", "magnitude", "log-mel", "waveform"])
def test_states_of_training_clips_are_standardized(representation):
    clips = [sound(0.2 + 0.01 * i, frequency=200.0 + 100 * i) for i in range(12)]
    codec = fit_codec(Options(representation={"name": representation}), listed(clips))
    states = codec.encode(clips)
    assert float(states.square().mean()) == pytest.approx(1.0, rel=0.01)
    assert abs(float(states.mean())) < 0.05
    if representation in ("stft", "waveform"):
        assert codec.mean == 0.0  # silence is 0
        assert not codec.encode([clip_of(np.zeros(9), 8000)]).any()


def test_silent_data_can_be_fitted():
    codec = fit_codec(Options(representation=LogMel()), listed([clip_of(np.zeros(4000), 8000)] * 5))
    assert codec.encode([sound()]).isfinite().all()


def test_windows_of_longer_clips_begin_anywhere_where_that_is_asked():
    ramp = clip_of(np.arange(40000) / 40000, 8000)
    kept = {"places": 4096, "std": 1.0, "offset": "keep"}
    start, anywhere = (SoundCodec(Waveform(), 8000, 1, crop=crop, **kept) for crop in ("start", "random"))
    first = start.encode([ramp] * 4, Rng.of(0, 4))[:, 0, 0]
    assert torch.equal(first, start.encode([ramp] * 4)[:, 0, 0]) and not first.any()
    drawn = anywhere.encode([ramp] * 16, Rng.of(0, 16))[:, 0, 0] * 40000
    assert len(drawn.unique()) == 16 and drawn.max() <= 40000 - 4096 and drawn.max() - drawn.min() > 20000
    assert torch.equal(anywhere.encode([ramp] * 16, Rng.of(0, 16))[:, 0, 0] * 40000, drawn)
    assert not anywhere.encode([ramp])[:, 0, 0].any()


def test_shorter_clips_are_repeated_where_that_is_asked():
    short, long = clip_of(np.linspace(0.1, 1.0, 500), 8000), clip_of(np.full(9000, 0.5), 8000)
    codec = SoundCodec(Waveform(), 8000, 1, 4096, std=1.0, offset="keep", crop="repeat")
    waves = codec.waves([short] * 16 + [long], Rng.of(0, 17))[:, 0]
    assert waves.shape == (17, 4096) and len(np.unique(waves[:16, :600], axis=0)) == 16
    assert (waves[16] == 0.5).all()
    for wave in waves[:16]:
        silent = wave == 0.0
        assert silent.mean() < 0.85 and np.isclose(wave.max(), 1.0)
        starts = np.flatnonzero(np.isclose(wave, 0.1))
        gaps = np.diff(starts)
        assert (gaps == gaps[:1]).all() and (gaps >= 500).all() and (gaps <= 500 + 1024).all()
    assert np.array_equal(codec.waves([short], Rng.of([3]))[0], codec.waves([long, short], Rng.of([0, 3]))[1])
    padded = codec.waves([short])[0, 0]
    assert padded[:500] == pytest.approx(np.linspace(0.1, 1.0, 500)) and not padded[500:].any()
