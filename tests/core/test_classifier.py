"""The classifier: deterministic, cached, forgiving of a broken cache."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from suffuse import classifier
from suffuse.classifier import Classifier, classifier_of

COUNT = 300


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(classifier, "FEWEST_STEPS", 25)
    monkeypatch.setattr(classifier, "EPOCHS", 1)
    monkeypatch.setattr(classifier, "BATCH", 32)
    return tmp_path / "cache"


def stripes(seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Noisy pictures, half of them brighter at the left and half at the top."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 100, (COUNT, 10, 9, 1), dtype=np.uint8)
    pixels[::2, :, :4] += 100
    pixels[1::2, :4] += 100
    return pixels, ["left", "top"] * (COUNT // 2)


def same(a: Classifier, b: Classifier) -> bool:
    pairs = zip(a.network.state_dict().values(), b.network.state_dict().values(), strict=True)
    return a.scale == b.scale and all(torch.equal(x, y) for x, y in pairs)


def test_it_learns_and_its_features_have_unit_variance(cache):
    trained = classifier_of("stripes", *stripes())
    pixels, labels = stripes(1)
    expected = torch.tensor([trained.classes.index(v) for v in labels])
    assert float((trained.predict(pixels) == expected).double().mean()) > 0.95
    features = trained.features(stripes()[0])
    assert features.shape == (COUNT, 64)
    assert float(features.var(0).mean()) == pytest.approx(1.0, rel=1e-4)


def test_training_is_deterministic_and_leaves_the_global_state_alone(cache, monkeypatch):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = classifier_of("stripes", *stripes())
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(5)
    monkeypatch.setenv("SUFFUSE_CACHE", str(cache / "other"))
    assert same(first, classifier_of("stripes", *stripes()))


def test_it_is_read_from_the_cache(cache, monkeypatch):
    first = classifier_of("a data/set", *stripes())
    (file,) = (cache / "classifiers").iterdir()
    assert file.name.startswith("a-data-set-9x10x1-")
    monkeypatch.setattr(classifier, "_fit", lambda *_: pytest.fail("it was trained again"))
    before = torch.get_rng_state()
    again = classifier_of("a data/set", *stripes())
    assert same(first, again)
    assert torch.equal(first.features(stripes()[0]), again.features(stripes()[0]))
    assert torch.equal(before, torch.get_rng_state())


def test_other_pictures_get_another_file(cache):
    for seed in (0, 1):
        classifier_of("stripes", *stripes(seed))
    assert len(list((cache / "classifiers").iterdir())) == 2


@pytest.mark.parametrize("damage", ["truncated", "junk", "empty"])
def test_a_broken_cache_is_made_anew(cache, caplog, damage):
    first = classifier_of("stripes", *stripes())
    (file,) = (cache / "classifiers").iterdir()
    whole = file.read_bytes()
    file.write_bytes({"truncated": whole[: len(whole) // 2], "junk": b"junk" * 99, "empty": b""}[damage])
    with caplog.at_level(logging.WARNING):
        assert same(first, classifier_of("stripes", *stripes()))
    assert "is broken and made anew" in caplog.text
    assert file.read_bytes() == whole


def test_a_cache_that_cannot_be_written(tmp_path, cache, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert classifier_of("stripes", *stripes()).classes == ("left", "top")
    assert "the classifier is not kept" in caplog.text


@pytest.mark.parametrize("labels", [[None] * COUNT, ["one"] * COUNT])
def test_without_classes_it_tells_damage(cache, labels):
    trained = classifier_of("plain", stripes()[0], labels)
    assert trained.classes == ()
    assert torch.isfinite(trained.features(stripes()[0])).all()


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (7, 30), (65, 33)])
def test_every_size(cache, size, monkeypatch):
    monkeypatch.setattr(classifier, "FEWEST_STEPS", 4)
    pixels = np.random.default_rng(0).integers(0, 256, (6, *size, 3), dtype=np.uint8)
    assert classifier_of("any", pixels, ["a", "b", None] * 2).features(pixels).shape == (6, 64)
    assert classifier_of("any", pixels, [None] * 6).features(pixels).shape == (6, 64)
