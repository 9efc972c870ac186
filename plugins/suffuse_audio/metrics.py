"""How good generated sounds are, against the test part of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.stats import wasserstein_distance

from suffuse.classifier import classifier_of
from suffuse.conditions import Label
from suffuse.datasets import Listed
from suffuse.domain import Dataset, Item, Splits, examples_at
from suffuse.errors import DataError, DomainInputError
from suffuse.metrics import copying, frechet_distance, precision_recall_density_coverage, subsample
from suffuse.rng import permutation
from suffuse_audio.clip import LENGTH, Clip, levels, require_clip
from suffuse_audio.codec import SoundCodec
from suffuse_audio.features import pooled, profiles, spectrograms

MOST_TRAINING = 20_000
"""Training sounds that are looked at."""
MOST_NEIGHBOURS = 5_000
"""Sounds of either kind in precision, recall, density, coverage and copying."""
NEIGHBOURS = 5
SILENT = -70.0
"""The level of a sound, in decibels of full scale, below which it is called silent."""
MAIN = "label"
"""The condition whose classifier's features serve where there is one."""


def evaluate(
    items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: SoundCodec
) -> dict[str, float]:
    """Score sounds, at the codec's rate and window, as one channel. Compare only equal ``n``.

    - ``n``: how many were scored.
    - ``frechet_distance``: to the test sounds, in the features of the data set's own classifier of mel spectrograms;
      ``frechet_floor``: that of ``n`` training sounds, which tells how much of it is due to ``n``. Lower is better.
    - ``mel_frechet_distance``, ``mel_frechet_floor``: the same of the mean and deviation in time of each band, each
      divided by its deviation over the training sounds: a second opinion without a network.
    - ``precision``, ``density``: how true made sounds are; ``recall``, ``coverage``: how much of the variety of the
      test sounds they have; higher is better.
    - ``nearest_train_ratio`` (1 is right, 0 is copying), ``near_copies`` (0.01 is right): see
      :func:`suffuse.metrics.copying`; by small pictures of spectrograms.
    - ``accuracy_NAME``: the share that the classifier of a condition takes for what was asked;
      ``accuracy_NAME_real``: the same of the test sounds. Higher is better.
    - ``level_distance``, ``length_distance``: the Wasserstein distance of loudness and length to the test part, in dB
      and seconds; ``error_seconds``: the mean absolute difference of the length that was asked for, where one was.
    - ``offset``: the median magnitude of the mean; ``clipped``, ``silent``: the shares that reach full scale, or stay
      below -70 dB.

    Arguments:
        items: at least two clips.
        conditions: what each was asked for.
        splits: the data set.
        codec: the model's.

    Raises:
        DomainInputError: fewer than two clips, or something else than clips.
        DataError: a part has fewer than two sounds.
    """
    clips = [require_clip(item, i) for i, item in enumerate(items)]
    if len(clips) < 2:
        raise DomainInputError("are too few", field="items", expected="at least two sounds", got=len(clips))
    for name, part in (("test", splits.test), ("training", splits.train)):
        if len(part) < 2:
            raise DataError("has too few sounds to compare with", field=f"the {name} part", expected="2 or more")
    chosen = permutation(len(splits.train), "audio", "evaluate")[:MOST_TRAINING].sort().values.tolist()
    train, told = _part(splits.train, chosen, codec)
    test, test_told = _part(splits.test, range(len(splits.test)), codec)
    made = spectrograms(clips, codec.rate, codec.frames)
    same = permutation(len(train), "audio", "floor")[: len(made)].numpy()
    scores = {"n": float(len(clips)), **_by_classifiers(splits.name, made, conditions, train, told, test, test_told)}
    ours, theirs, seen = _scaled(profiles(made), profiles(test), profiles(train))
    scores["mel_frechet_distance"] = frechet_distance(ours, theirs)
    scores["mel_frechet_floor"] = frechet_distance(seen[same], theirs)
    few_made, few_test = (subsample(pooled(x), MOST_NEIGHBOURS, "audio", "copying") for x in (made, test))
    scores |= copying(few_made, few_test, pooled(train))
    real = [splits.test[i].item for i in range(len(splits.test))]
    return scores | _lengths(clips, conditions.get(LENGTH, ()), real, codec) | _health(clips, real)


def _by_classifiers(
    name: str,
    made: np.ndarray,
    asked: Mapping[str, Sequence[Any]],
    train: np.ndarray,
    told: Mapping[str, Sequence[Any]],
    test: np.ndarray,
    test_told: Mapping[str, Sequence[Any]],
) -> dict[str, float]:
    """Distances in the main classifier's features, and the accuracies of all."""
    labels = [key for key, values in told.items() if _is_label(values)]
    main = MAIN if MAIN in labels else next(iter(labels), None)
    classifiers = {key: classifier_of(f"{name}-{key}", train, told[key]) for key in labels}
    judge = classifiers[main] if main else classifier_of(name, train, [None] * len(train))
    ours, theirs, seen = (judge.features(x) for x in (made, test, train))
    same = permutation(len(train), "audio", "floor")[: len(made)].numpy()
    scores = {
        "frechet_distance": frechet_distance(ours, theirs),
        "frechet_floor": frechet_distance(seen[same], theirs),
        **precision_recall_density_coverage(
            subsample(theirs, MOST_NEIGHBOURS, "audio", "test"),
            subsample(ours, MOST_NEIGHBOURS, "audio", "made"),
            NEIGHBOURS,
        ),
    }
    for key, classifier in classifiers.items():
        kind = Label(classifier.classes)
        for suffix, pictures, values in (("", made, asked.get(key, ())), ("_real", test, test_told.get(key, ()))):
            known = [i for i, value in enumerate(values) if value is not None]
            if known and classifier.classes:
                right = classifier.predict(pictures[known]) == torch.tensor([kind.index(values[i]) for i in known])
                scores[f"accuracy_{key}{suffix}"] = float(right.double().mean())
    return scores


def _is_label(values: Sequence[Any]) -> bool:
    known = {value for value in values if value is not None}
    return len(known) > 1 and not any(isinstance(value, float) for value in known)


def _scaled(*features: torch.Tensor) -> list[torch.Tensor]:
    """Features divided by their deviation over the last ones."""
    scale = features[-1].std(0, correction=0).clamp_min(1e-4)
    return [x / scale for x in features]


def _part(dataset: Dataset, rows: Sequence[int], codec: SoundCodec) -> tuple[np.ndarray, dict[str, Sequence[Any]]]:
    """Spectrograms and conditions of some examples."""
    pictures = np.concatenate(
        [spectrograms(examples_at(dataset, rows[i : i + 256]).items, codec.rate, codec.frames)
         for i in range(0, len(rows), 256)]
    )  # fmt: skip
    told = dataset.conditions if isinstance(dataset, Listed) else {}
    return pictures, {name: [values[i] for i in rows] for name, values in told.items()}


def _lengths(clips: Sequence[Clip], asked: Sequence[Any], real: Sequence[Clip], codec: SoundCodec) -> dict[str, float]:
    """Of real sounds what the window holds of them counts."""
    window = codec.frames / codec.rate
    ours, theirs = ([min(clip.seconds, window) for clip in some] for some in (clips, real))
    found = {"length_distance": float(wasserstein_distance(ours, theirs))}
    errors = [abs(length - value) for length, value in zip(ours, asked, strict=False) if value is not None]
    return found | ({"error_seconds": float(np.mean(errors))} if errors else {})


def _health(clips: Sequence[Clip], real: Sequence[Clip]) -> dict[str, float]:
    ours = levels(clips)
    return {
        "level_distance": float(wasserstein_distance(ours, levels(real))),
        "offset": float(np.median([abs(float(clip.samples.mean())) for clip in clips])),
        "clipped": float(np.mean([float(np.abs(clip.samples).max()) >= 0.999 for clip in clips])),
        "silent": float(np.mean(ours < SILENT)),
    }
