"""Fashion-MNIST, where ``$SUFFUSE_DATA`` holds it."""

from __future__ import annotations

import pytest

from suffuse.conditions import Label
from suffuse.errors import DataError
from suffuse_images.data import Data


@pytest.fixture(scope="module")
def fashion(images):
    try:
        return images.splits(Data(name="fashion-mnist"))
    except DataError as error:
        pytest.skip(f"$SUFFUSE_DATA: {error.message}")


def test_splits_and_classes(images, fashion):
    assert [len(part) for part in (fashion.train, fashion.validation, fashion.test)] == [57_000, 3_000, 10_000]
    label = images.conditions(fashion)["label"]
    assert isinstance(label, Label)
    assert set(label.classes) == {
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    }  # fmt: skip
    assert label.index("sneaker") == label.classes.index("Sneaker")
    assert fashion.test[0].conditions["label"] == "Ankle boot"


def test_codec(images, fashion):
    codec = images.fit_codec(images.codec_section(), fashion.train)
    assert (codec.height, codec.width, codec.colour) == (28, 28, "grey")
    state = codec.encode([fashion.train[i].item for i in range(3000)])
    assert abs(float(state.mean())) < 0.03
    assert float(state.std()) == pytest.approx(1.0, abs=0.02)
