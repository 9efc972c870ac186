"""The figures on digits: real pictures score well, each kind of failure is seen by the figure that is for it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from suffuse.domain import Splits
from suffuse.errors import DataError, DomainInputError

NAMES = {
    "n", "frechet_distance", "frechet_floor", "precision", "recall", "density", "coverage",
    "nearest_train_ratio", "near_copies", "class_accuracy", "class_accuracy_real",
}  # fmt: skip


def items_and_labels(dataset, count: int = 359):
    examples = [dataset[i] for i in range(min(count, len(dataset)))]
    return [e.item for e in examples], {"label": [e.conditions["label"] for e in examples]}


def noisy(items, scale: float):
    random = np.random.default_rng(0)
    arrays = (np.asarray(i) + scale * random.standard_normal((8, 8)) for i in items)
    return [Image.fromarray(a.clip(0, 255).astype(np.uint8)) for a in arrays]


@pytest.fixture(scope="module")
def score(images, digits, digits_codec):
    return lambda items, conditions: images.evaluate(items, conditions, digits, digits_codec)


def test_copies_of_training_pictures(score, digits):
    scores = score(*items_and_labels(digits.train))
    assert set(scores) == NAMES
    assert scores["n"] == 359
    assert scores["class_accuracy"] > 0.95
    assert scores["class_accuracy_real"] > 0.95
    assert 0.3 < scores["frechet_distance"] / scores["frechet_floor"] < 3.0
    assert min(scores[name] for name in ("precision", "recall", "coverage")) > 0.7
    assert (scores["nearest_train_ratio"], scores["near_copies"]) == (0.0, 1.0)


def test_new_pictures_are_no_copies(score, digits):
    scores = score(*items_and_labels(digits.test))
    assert scores["nearest_train_ratio"] == pytest.approx(1.0)
    assert scores["near_copies"] == pytest.approx(0.01, abs=0.01)
    assert scores["frechet_distance"] == pytest.approx(0.0, abs=1e-4)


def test_more_noise_is_worse(score, digits):
    items, labels = items_and_labels(digits.test)
    distances = [score(noisy(items, scale), labels)["frechet_distance"] for scale in (0, 20, 60)]
    assert distances[0] < distances[1] < distances[2]


def test_missing_classes_are_seen_by_recall_and_coverage(score, digits):
    items, labels = items_and_labels(digits.train, 1000)
    few = [item for item, label in zip(items, labels["label"], strict=True) if label in "01"]
    scores = score(few, {})
    assert scores["precision"] > 0.7
    assert scores["recall"] < 0.5
    assert scores["coverage"] < 0.4
    assert "class_accuracy" not in scores


def test_wrong_labels_are_seen_by_class_accuracy(score, digits):
    items, labels = items_and_labels(digits.test)
    shifted = [(int(v) + 1) % 10 for v in labels["label"]]  # numbers serve as well as names
    assert score(items, {"label": shifted})["class_accuracy"] < 0.05
    half = [v if i % 2 else None for i, v in enumerate(labels["label"])]
    assert score(items, {"label": half})["class_accuracy"] > 0.9


def test_too_few_pictures(score, images, digits, digits_codec):
    with pytest.raises(DomainInputError, match="score more items"):
        score([digits.test[0].item], {})
    alone = digits.test.take(np.arange(1))
    with pytest.raises(DataError, match="too few pictures"):
        images.evaluate([], {}, Splits(digits.train, alone, alone), digits_codec)


def test_a_folder_without_labels(images, pictures):
    from suffuse_images.data import Data

    splits = images.splits(Data(name="folder", path=pictures({f"{i}.png": "RGB" for i in range(30)}), validation=0.3))
    codec = images.fit_codec(images.codec_section(), splits.train)
    scores = images.evaluate([splits.train[i].item for i in range(10)], {}, splits, codec)
    assert set(scores) == NAMES - {"class_accuracy", "class_accuracy_real"}
    assert scores["near_copies"] == 1.0
