"""How good generated pictures are, against the test part of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from suffuse.classifier import Classifier, classifier_of
from suffuse.conditions import Label
from suffuse.domain import Dataset, Item, Splits
from suffuse.errors import DataError
from suffuse.metrics import copying, frechet_distance, precision_recall_density_coverage, subsample
from suffuse.rng import permutation
from suffuse_images.codec import PictureCodec
from suffuse_images.data import column

MOST_TRAINING = 60_000
"""Training pictures that are looked at."""
NEIGHBOURS = 5
MOST_NEIGHBOURS = 5_000
"""Pictures of either kind in precision, recall, density and coverage."""
MOST_COPIES = 2_000
"""Pictures of either kind whose nearest training picture is sought."""
COPY_SIDE = 32
"""The longest side at which pixels are compared."""


def evaluate(
    items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: PictureCodec
) -> dict[str, float]:
    """Score pictures at the codec's size and colours. Compare only equal ``n``.

    - ``n``: how many were scored.
    - ``frechet_distance``: to the test pictures, in the features of the data set's own classifier, scaled to a mean
      variance of one over the training pictures; lower is better. It is not FID, whose features are Inception's.
    - ``frechet_floor``: that of ``n`` training pictures (of all, where there are fewer), which tells how much of the
      distance is due to ``n``. On small sets a model may get below it: the classifier knows its training pictures.
    - ``precision``, ``density``: how true made pictures look; ``recall``, ``coverage``: how much of the variety of
      the test pictures they have; higher is better.
    - ``class_accuracy``: the share that the classifier takes for what was asked; higher is better;
      ``class_accuracy_real``: the same of the test pictures. Only with labels.
    - ``nearest_train_ratio`` (1 is right, 0 is copying), ``near_copies`` (0.01 is right): see
      :func:`suffuse.metrics.copying`; by pixels.

    Arguments:
        items: at least two pictures.
        conditions: what each was asked for; ``label`` is looked at.
        splits: the data set.
        codec: the model's.

    Raises:
        DomainInputError: fewer than two pictures, or something else than pictures.
        DataError: the test part has fewer than two pictures.
    """
    if len(splits.test) < 2:
        raise DataError("has too few pictures to compare with", field="the test part", expected="2 or more")
    made = codec.pixels(items)
    chosen = permutation(len(splits.train), "images", "evaluate")[:MOST_TRAINING].sort().values.tolist()
    train, train_labels = _part(splits.train, chosen, codec)
    test, test_labels = _part(splits.test, range(len(splits.test)), codec)
    classifier = classifier_of(splits.name, train, train_labels)
    made_features, test_features = classifier.features(made), classifier.features(test)
    same_count = permutation(len(train), "images", "floor")[: len(made)].numpy()
    scores = {
        "n": float(len(made)),
        "frechet_distance": frechet_distance(made_features, test_features),
        "frechet_floor": frechet_distance(classifier.features(train[same_count]), test_features),
        **precision_recall_density_coverage(
            subsample(test_features, MOST_NEIGHBOURS, "images", "test"),
            subsample(made_features, MOST_NEIGHBOURS, "images", "made"),
            NEIGHBOURS,
        ),
        **copying(
            subsample(_flat(made), MOST_COPIES, "images", "made"),
            subsample(_flat(test), MOST_COPIES, "images", "test"),
            _flat(train),
        ),
    }
    for name, pixels, labels in (
        ("class_accuracy", made, conditions.get("label", ())),
        ("class_accuracy_real", test, test_labels),
    ):
        if (share := accuracy(classifier, pixels, labels)) is not None:
            scores[name] = share
    return scores


def accuracy(classifier: Classifier, pixels: np.ndarray, labels: Sequence[Any]) -> float | None:
    """The share of pictures that are taken for their label, of those that have one; ``None`` if none has."""
    known = [i for i, label in enumerate(labels) if label is not None]
    if not (known and classifier.classes):
        return None
    kind = Label(classifier.classes)
    asked = torch.tensor([kind.index(labels[i]) for i in known])
    return float((classifier.predict(pixels[known]) == asked).double().mean())


def _part(dataset: Dataset, rows: Sequence[int], codec: PictureCodec) -> tuple[np.ndarray, list[Any]]:
    """Pixels and labels of some examples; no more than one of the pictures is held in its own size."""
    pixels = np.concatenate([codec.pixels([dataset[i].item]) for i in rows])
    labels = column(dataset, "label")
    return pixels, [labels[i] for i in rows]


def _flat(pixels: np.ndarray) -> Tensor:
    """Pixels as vectors, averaged down where the pictures are large, from 0 to 255."""
    height, width = pixels.shape[1:3]
    if max(height, width) <= COPY_SIDE:
        return torch.from_numpy(pixels).flatten(1)
    scale = COPY_SIDE / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    pieces = (pixels[start : start + 1024] for start in range(0, len(pixels), 1024))
    images = (torch.from_numpy(piece).permute(0, 3, 1, 2).float() for piece in pieces)
    return torch.cat([F.adaptive_avg_pool2d(x, size).flatten(1) for x in images])
