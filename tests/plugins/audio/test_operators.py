"""What happens to sounds: by as much as was asked, drawn for each, and undone by bridges of any length."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("soundfile")
pytest.importorskip("torchaudio")

from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.model import load
from suffuse.operators.base import pull_back
from suffuse.process import Interpolant
from suffuse.process.interpolant import Degraded
from suffuse.recipe import load_recipe
from suffuse.report import write_report
from suffuse.rng import Rng
from suffuse.tasks.bridge import bridge
from suffuse.tasks.evaluate import evaluate
from suffuse.tasks.restore import restore
from suffuse.tasks.train import train
from suffuse_audio.clip import Clip, clip_of
from suffuse_audio.codec import SoundCodec
from suffuse_audio.files import write_clip
from suffuse_audio.operators import ClippedSound, GapSound, NarrowSound, NoisySound, clipped_sound, noisy_sound
from suffuse_audio.representations import ComplexStft, Magnitude, Waveform

RATE = 8000
CODECS = [SoundCodec(ComplexStft(), RATE, 1, 32, 0.0, 0.05), SoundCodec(Waveform(), RATE, 1, 2048, 0.0, 0.1)]
TINY = [
    "data.rate=4000", "data.seconds=0.25", "data.limit=60", "codec.representation=stft",
    "network={name: unet, width: 16, multipliers: [1, 2], blocks: 1, fold: 4, heads: 2}", "train.batch=8",
    "train.sample_every=1000", "train.validation_count=8", "sample.steps=2", "sample.count=2", "sample.sampler=ddim",
]  # fmt: skip


def chords(count: int = 6) -> list[Clip]:
    """Two tones each, at 300 Hz and at 3 kHz, as long as the codecs' windows."""
    time = np.arange(2048) / RATE
    low, high = np.sin(2.0 * np.pi * 300.0 * time), np.sin(2.0 * np.pi * 3000.0 * time)
    return [clip_of(0.1 * (i + 1) * (low + 0.5 * high), RATE) for i in range(count)]


@pytest.mark.parametrize("codec", CODECS, ids=["stft", "waveform"])
def test_noise_has_the_loudness_that_was_asked(codec: SoundCodec) -> None:
    x = codec.encode(chords())
    drawn = NoisySound(snr=(5.0, 5.0)).bound(codec).drawn(Rng.of(range(6)))
    clean, noisy = codec.to_waves(x), codec.to_waves(drawn(x))
    ratio = clean.square().mean((1, 2)) / (noisy - clean).square().mean((1, 2))
    torch.testing.assert_close(10.0 * ratio.log10(), torch.full((6,), 5.0), atol=1e-3, rtol=0.0)


def test_noise_is_drawn_for_each_sound_by_its_own_stream() -> None:
    codec, x = CODECS[1], CODECS[1].encode(chords())
    operator = NoisySound(snr=(0.0, 20.0)).bound(codec)
    together = operator.drawn(Rng.of(range(6)))(x)
    alone = operator.drawn(Rng.of([3]))(x[3:4])
    torch.testing.assert_close(together[3:4], alone, atol=1e-6, rtol=0.0)
    clean, noisy = codec.to_waves(x), codec.to_waves(together)
    ratio = 10.0 * (clean.square().mean((1, 2)) / (noisy - clean).square().mean((1, 2))).log10()
    assert ratio.min() >= -0.01 and ratio.max() <= 20.01 and ratio.std() > 1.0


def test_noise_of_recordings_is_cut_from_them(tmp_path: Path) -> None:
    time = np.arange(800) / RATE
    write_clip(clip_of(0.5 * np.sin(2.0 * np.pi * 1000.0 * time), RATE), tmp_path / "hum.wav", "float")
    codec, x = CODECS[1], CODECS[1].encode(chords())
    drawn = NoisySound(snr=(0.0, 0.0), noises=tmp_path).bound(codec).drawn(Rng.of(range(6)))
    noise = (codec.to_waves(drawn(x)) - codec.to_waves(x))[:, 0]
    spectrum = torch.fft.rfft(noise).abs()
    assert (spectrum.argmax(1) == round(1000.0 * 2048 / RATE)).all()
    white = NoisySound(snr=(0.0, 0.0), noises=tmp_path, white=1.0).bound(codec).drawn(Rng.of(range(6)))
    flat = torch.fft.rfft((codec.to_waves(white(x)) - codec.to_waves(x))[:, 0]).abs()
    assert float(flat.max()) < 0.2 * float(spectrum.max())


def test_clipping_reaches_the_share_of_each_peak() -> None:
    codec, x = CODECS[1], CODECS[1].encode(chords())
    clean = codec.to_waves(x)
    clipped = codec.to_waves(ClippedSound(level=(0.25, 0.25)).bound(codec)(x))
    torch.testing.assert_close(clipped.abs().amax((1, 2)), 0.25 * clean.abs().amax((1, 2)))
    inside = clean.abs() < 0.249 * clean.abs().amax((1, 2), keepdim=True)
    torch.testing.assert_close(clipped[inside], clean[inside])


@pytest.mark.parametrize("codec", CODECS, ids=["stft", "waveform"])
def test_what_is_above_the_cutoff_is_lost(codec: SoundCodec) -> None:
    x = codec.encode(chords())
    narrow = torch.fft.rfft(codec.to_waves(NarrowSound(cutoff=(1000.0, 1000.0)).bound(codec)(x))[:, 0]).abs()
    whole = torch.fft.rfft(codec.to_waves(x)[:, 0]).abs()
    edge = round(1000.0 * 2048 / RATE)
    torch.testing.assert_close(narrow[:, :edge], whole[:, :edge], atol=1e-2, rtol=1e-3)
    assert float(narrow[:, edge + 1 :].max()) < 1e-2 < float(whole[:, edge + 1 :].max())


def test_gaps_are_as_long_as_asked_and_anywhere() -> None:
    codec, x = CODECS[1], CODECS[1].encode(chords())
    operator = GapSound(seconds=(0.02, 0.02)).bound(codec)
    clean, gapped = codec.to_waves(x)[:, 0], codec.to_waves(operator.drawn(Rng.of(range(6)))(x))[:, 0]
    lacking = (gapped.abs() < 1e-6) & (clean.abs() > 1e-4)
    firsts = [int(row.nonzero()[0]) for row in lacking]
    lasts = [int(row.nonzero()[-1]) for row in lacking]
    assert len(set(firsts)) >= 5
    assert all(abs(b - a + 1 - 0.02 * RATE) <= 3 for a, b in zip(firsts, lasts, strict=True) if a > 0 and b < 2047)
    torch.testing.assert_close(gapped[~lacking], clean[~lacking], atol=1e-4, rtol=0.0)
    late = torch.cat([0.01 * x[:1, :, :1024], x[:1, :, 1024:]], dim=-1)
    sounds = codec.to_waves(operator.drawn(Rng.of(range(40)))(late.expand(40, -1, -1)))[:, 0]
    lost = ((sounds.abs() < 1e-6) & (codec.to_waves(late)[0].abs() > 1e-5)).any(0)
    assert lost[1100:].any() and not lost[:900].any()
    middle = codec.to_waves(operator(x))[0, 0].abs() < 1e-6
    assert abs(float(middle.nonzero().float().mean()) - 1023.5) <= 1.0


def test_derivatives_are_those_of_the_measurement() -> None:
    codec, x = CODECS[0], CODECS[0].encode(chords(1)).double()
    operator = NarrowSound(cutoff=(1000.0, 1000.0)).bound(codec)
    towards = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    _, pulled = pull_back(operator, x, weight)
    step = 1e-5
    change = (operator(x + step * towards) - operator(x - step * towards)) / (2.0 * step)
    assert float((change * weight).sum()) == pytest.approx(float((pulled * towards).sum()), rel=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [lambda: NoisySound(snr=(5.0, 0.0)), lambda: noisy_sound(white=2.0), lambda: ClippedSound(level=(0.0, 0.5)),
     lambda: NarrowSound(cutoff=(-1.0, 2.0)), lambda: GapSound(seconds=(0.1, 0.05))],
)  # fmt: skip
def test_options_out_of_range_are_refused(wrong: Any) -> None:
    with pytest.raises(RecipeError, match="range"):
        wrong()


def test_magnitudes_alone_cannot_be_measured() -> None:
    with pytest.raises(UnsupportedError, match=r"(?s)stft or waveform.*suffuse bridge"):
        clipped_sound().bound(SoundCodec(Magnitude(), RATE, 1, 32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a bridge from noisy sounds, hardly trained."""
    folder = tmp_path_factory.mktemp("bridge")
    noisy = "process={coupling: {name: noisy-sound, snr: [0, 10]}}"
    train(load_recipe("audio/sounds", [*TINY, noisy, "train.steps=2"]), out=folder)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return load(folder)


def test_a_bridge_takes_sounds_of_any_length_rate_and_channels(model: Any) -> None:
    assert isinstance(model.process, Interpolant) and isinstance(model.process.coupling, Degraded)
    random = np.random.default_rng(0)
    shapes = ((100, 1, 4000), (1024, 1, 4000), (5000, 1, 4000), (9000, 2, 11025))
    clips = [clip_of(random.normal(0.0, 0.1, (frames, channels)), rate) for frames, channels, rate in shapes]
    made = bridge(model, clips, seed=3)
    assert made.seeds == [3, 4, 5, 6]
    for clip, one in zip(clips, made.items, strict=True):
        assert one.rate == clip.rate and one.samples.shape == clip.samples.shape and np.isfinite(one.samples).all()


def test_the_same_seed_gives_the_same_sound_whatever_the_batch(model: Any) -> None:
    clip = clip_of(np.random.default_rng(1).normal(0.0, 0.1, 4000), 4000)
    assert len(model.codec.pieces(clip)) > 3
    together, small = (bridge(model, [clip], seed=7, batch=batch).items[0] for batch in (64, 2))
    np.testing.assert_allclose(together.samples, small.samples, atol=1e-5)
    other = bridge(model, [clip], seed=8, degrade=True).items[0]
    assert np.abs(other.samples - bridge(model, [clip], seed=7, degrade=True).items[0].samples).max() > 1e-3


def test_gaps_are_zeros_to_a_bridge(model: Any) -> None:
    whole = np.random.default_rng(2).normal(0.0, 0.1, (4000, 1)).astype(np.float32)
    lacking, zero = whole.copy(), whole.copy()
    lacking[700:900], zero[700:900] = np.nan, 0.0
    level = np.sqrt(np.mean(np.square(zero)) / np.nanmean(np.square(lacking)))
    assert 0.9 < level < 1.0  # a gap is no silence: the rest is as loud as it was
    made = bridge(model, [Clip(lacking, 4000)], seed=1).items[0]
    assert np.isfinite(made.samples).all() and made.samples.shape == whole.shape
    with pytest.raises(DomainInputError, match="gap"):
        model.codec.encode([Clip(lacking, 4000)])


def test_noise_that_was_not_drawn_is_no_measurement() -> None:
    with pytest.raises(UnsupportedError, match="nobody knows"):
        noisy_sound().bound(CODECS[0])(CODECS[0].encode(chords()))


def test_what_was_made_while_training_is_played_by_the_report(folder: Path) -> None:
    reels = sorted((folder / "samples").glob("*.mp3"))
    assert [path.stem for path in reels] == ["step-0000002"]
    page = write_report(folder).read_text(encoding="utf-8")
    inside = base64.b64encode(reels[0].read_bytes()).decode()
    assert f'<audio controls src="data:audio/mpeg;base64,{inside}">' in page


def test_a_bridge_is_evaluated_on_degraded_test_sounds(model: Any) -> None:
    found = evaluate(model, count=12).metrics
    assert {"frechet_distance", "si_sdr", "log_spectral_distance"} <= set(found)
    assert -20.0 < found["si_sdr"] < 40.0
    assert evaluate(model, count=12, steps=1).metrics["si_sdr"] != found["si_sdr"]


def test_restore_sends_a_model_of_a_bridge_to_bridge(model: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"(?s)from data to data.*use bridge"):
        restore(model, [clip_of(np.zeros(2000), 8000)], "noisy-sound")


def test_a_bridge_keeps_depth_and_tells_what_it_cannot_hear(model: Any, caplog: pytest.LogCaptureFixture) -> None:
    clips = [Clip(np.zeros((2000, 1), np.float32), rate, depth) for rate, depth in ((4000, "float"), (16000, 24))]
    assert [one.depth for one in bridge(model, clips, steps=1).items] == ["float", 24]
    (told,) = [text for text in caplog.messages if "cannot hold" in text]
    assert "it hears 4000 Hz) (1 of 2 items)" in told
