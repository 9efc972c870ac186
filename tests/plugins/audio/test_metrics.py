"""Figures of sounds whose quality is known beforehand: copies, noise, silence, wrong classes, and fresh ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("torchaudio")

from suffuse.errors import DataError, DomainInputError
from suffuse.metrics import frechet_distance
from suffuse_audio import sets, synthesis
from suffuse_audio.clip import Clip, clip_of, levels
from suffuse_audio.codec import SoundCodec
from suffuse_audio.data import Data
from suffuse_audio.features import pooled, profiles, spectrograms
from suffuse_audio.metrics import evaluate
from suffuse_audio.representations import Magnitude

CODEC = SoundCodec(Magnitude(window=0.032), 8000, 1, 32)
COUNT = 110


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One for all tests, so that the classifier is trained once, and shortly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUFFUSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("suffuse.classifier.FEWEST_STEPS", 60)
        patch.setattr("suffuse.classifier.MOST_STEPS", 60)
        yield


@pytest.fixture(scope="module")
def splits():
    return sets.sounds(Data(seconds=0.25, limit=550, conditions="label"))


@pytest.fixture(scope="module")
def scored(cache, splits):
    """``scored(clips, labels)``: the figures."""
    return lambda clips, labels=(): evaluate(clips, {"label": labels} if labels else {}, splits, CODEC)


@pytest.fixture(scope="module")
def fresh():
    """Sounds of the same kinds, in no part: what a perfect model would make."""
    made = synthesis.sounds(range(10_000, 10_000 + COUNT), seconds=0.25)
    return [made.items[i] for i in range(COUNT)], made.conditions["label"]


@pytest.fixture(scope="module")
def perfect(scored, fresh):
    return scored(*fresh)


def test_a_perfect_model_is_near_the_floors(perfect):
    assert perfect["n"] == COUNT
    assert perfect["frechet_distance"] < 1.7 * perfect["frechet_floor"]
    assert perfect["mel_frechet_distance"] < 1.7 * perfect["mel_frechet_floor"]
    assert perfect["precision"] > 0.8 and perfect["recall"] > 0.8 and perfect["coverage"] > 0.5
    assert perfect["nearest_train_ratio"] == pytest.approx(1.0, abs=0.25) and perfect["near_copies"] < 0.1
    assert perfect["accuracy_label"] > 0.8 and abs(perfect["accuracy_label"] - perfect["accuracy_label_real"]) < 0.15
    assert perfect["level_distance"] < 3.0 and perfect["length_distance"] < 1e-3
    assert (perfect["clipped"], perfect["silent"]) == (0.0, 0.0) and perfect["offset"] < 0.01


def test_who_repeats_the_training_part_is_found(scored, splits, perfect):
    copies = [splits.train[i].item for i in range(COUNT)]
    found = scored(copies)
    assert found["nearest_train_ratio"] == 0.0 and found["near_copies"] == 1.0
    assert found["frechet_distance"] < 2.0 * found["frechet_floor"]  # which does not see it
    quieter = scored([Clip(clip.samples * np.float32(0.5), clip.rate) for clip in copies])
    assert quieter["nearest_train_ratio"] < 0.05


def test_noise_is_far_and_the_farther_the_louder(scored, fresh, perfect):
    rng = np.random.default_rng(0)

    def noisy(decibels: float) -> list[Clip]:
        deviations = 10.0 ** ((levels(fresh[0]) - decibels) / 20.0)
        return [
            Clip(clip.samples + np.float32(d) * rng.standard_normal(clip.samples.shape, np.float32), clip.rate)
            for clip, d in zip(fresh[0], deviations, strict=True)
        ]

    figures = [perfect, *(scored(noisy(snr), fresh[1]) for snr in (20.0, 0.0)), scored(noisy(-60.0), fresh[1])]
    for name in ("frechet_distance", "mel_frechet_distance"):
        rising = [found[name] for found in figures]
        assert rising == sorted(rising) and rising[-1] > 10 * rising[0], name
    assert figures[-1]["coverage"] < 0.15 and figures[-1]["precision"] < 0.3 and figures[-1]["accuracy_label"] < 0.4


def test_one_kind_alone_has_little_variety(scored, fresh, perfect):
    bells = [clip for clip, label in zip(*fresh, strict=True) if label == "bell"]
    found = scored(bells * (COUNT // len(bells)))
    assert found["recall"] < 0.5 * perfect["recall"] and found["coverage"] < 0.5 * perfect["coverage"]


def test_wrong_classes_are_counted(scored, fresh, perfect):
    clips, labels = fresh
    turned = [*labels[1:], labels[0]]
    assert scored(clips, turned)["accuracy_label"] < 0.2 < 0.8 < perfect["accuracy_label"]
    halved = [label if i % 2 else None for i, label in enumerate(labels)]
    assert scored(clips, halved)["accuracy_label"] > 0.75  # what was not asked for does not count
    assert "accuracy_label" not in scored(clips)


def test_what_is_wrong_with_the_signal_itself(scored, fresh):
    clips = fresh[0]
    quarter = len(clips) // 4
    silent = [clip_of(np.zeros(2000), 8000)] * quarter + clips[quarter:]
    assert scored(silent)["silent"] == pytest.approx(quarter / COUNT)
    loud = [Clip(np.clip(clip.samples * 1000, -1, 1), 8000) for clip in clips]
    assert scored(loud)["clipped"] == 1.0
    moved = [Clip(clip.samples + np.float32(0.05), 8000) for clip in clips]
    assert scored(moved)["offset"] == pytest.approx(0.05, abs=0.01)
    louder = [Clip(clip.samples * np.float32(0.1), 8000) for clip in clips]
    assert scored(louder)["level_distance"] == pytest.approx(20.0, abs=3.0)
    short = scored([clip[:1000] for clip in clips])
    assert short["length_distance"] == pytest.approx(0.125, abs=1e-6)


def test_lengths_that_were_asked_for(cache, splits, fresh):
    clips = [clip[: 1000 + 10 * i] for i, clip in enumerate(fresh[0])]
    told = [clip.seconds + 0.01 for clip in clips]
    found = evaluate(clips, {"seconds": [None, *told[1:]]}, splits, CODEC)
    assert found["error_seconds"] == pytest.approx(0.01)
    assert "error_seconds" not in evaluate(clips, {}, splits, CODEC)


def test_data_without_classes(cache, splits, fresh):
    bare = sets.sounds(Data(seconds=0.25, limit=300, conditions=()))
    found = evaluate(fresh[0], {}, bare, CODEC)
    assert found["frechet_distance"] < 2.0 * found["frechet_floor"]
    assert not any(name.startswith("accuracy") for name in found)


def test_too_few_and_no_sounds(cache, splits, fresh):
    with pytest.raises(DomainInputError, match="too few"):
        evaluate(fresh[0][:1], {}, splits, CODEC)
    with pytest.raises(DomainInputError, match="is no sound"):
        evaluate([fresh[0][0], "a"], {}, splits, CODEC)
    with pytest.raises(DataError, match="too few sounds"):
        evaluate(fresh[0], {}, replace(splits, test=sets.sounds(Data(limit=1)).train), CODEC)


# ---- features


def test_features_do_not_depend_on_loudness_offset_or_channels(fresh):
    clips = fresh[0][:22]
    seen = spectrograms(clips, 8000, 2048)
    assert seen.dtype == np.uint8 and seen.shape[:2] == (22, 48) and seen.shape[3] == 1 and seen.max() == 255
    for changed in (
        [Clip(clip.samples * np.float32(0.03), 8000) for clip in clips],
        [Clip(clip.samples + np.float32(0.3), 8000) for clip in clips],
        [Clip(np.repeat(clip.samples, 2, axis=1), 8000) for clip in clips],
        [clip_of(np.pad(clip.samples[:, 0], (0, 4000)), 8000)[:2048] for clip in clips],
    ):
        assert np.abs(spectrograms(changed, 8000, 2048).astype(int) - seen).max() <= 4


def test_silence_is_black_and_long_sounds_are_averaged():
    faint = clip_of(1e-6 * np.random.default_rng(0).standard_normal(2000), 8000)
    assert not spectrograms([clip_of(np.zeros(2000), 8000), faint], 8000, 2048).any()
    t = np.arange(80000) / 8000
    seen = spectrograms([clip_of(np.sin(2 * np.pi * 1000 * t), 8000)], 8000, 80000)
    assert seen.shape == (1, 48, 96, 1)
    assert len(set(seen[0, :, 5:-5, 0].argmax(0))) == 1


def test_profiles_are_means_and_deviations_in_time(fresh):
    seen = spectrograms(fresh[0][:9], 8000, 2048)
    expected = seen[..., 0].astype(float) / 255
    assert np.allclose(profiles(seen), np.concatenate([expected.mean(2), expected.std(2, ddof=1)], 1))
    assert pooled(seen).shape == (9, 24 * 16)
    x = profiles(seen)
    assert frechet_distance(x, x) == pytest.approx(0.0, abs=1e-6)


def test_levels_are_decibels_of_full_scale():
    square = clip_of(np.tile([1.0, -1.0], 500), 8000)
    tone = clip_of(np.sin(2 * np.pi * np.arange(8000) / 8), 8000)
    found = levels([square, tone, clip_of(np.zeros(9), 8000)])
    assert torch.allclose(torch.from_numpy(found), torch.tensor([0.0, -3.0103, -160.0], dtype=torch.float64), atol=1e-3)
