"""The codec: exact round trips, fitted moments, every mode, keyed augmentation."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from suffuse.domain import Example
from suffuse.errors import DomainInputError
from suffuse.rng import Rng
from suffuse_images.codec import Options, PictureCodec, fit_codec


def examples(items) -> list[Example]:
    return [Example(item) for item in items]


def raw(size: tuple[int, int], colour="grey", **options) -> PictureCodec:
    """A codec that does not standardize: states run from 0 to 1."""
    return PictureCodec(*size, colour, (0.0,) * (1 if colour == "grey" else 3), 1.0, **options)


def pixels(items) -> np.ndarray:
    return np.stack([np.asarray(item) for item in items]).astype(int)


def test_round_trip(digits, digits_codec):
    items = [digits.test[i].item for i in range(100)]
    decoded = digits_codec.decode(digits_codec.encode(items))
    assert [d.mode for d in decoded] == ["L"] * 100
    assert abs(pixels(items) - pixels(decoded)).max() == 0


def test_round_trip_in_colour(picture):
    items = [picture(seed) for seed in range(20)]
    codec = fit_codec(Options(), examples(items))
    state = codec.encode(items)
    assert (state.shape, state.dtype) == ((20, 3, 10, 12), torch.float32)
    assert state.is_contiguous()
    assert abs(pixels(items) - pixels(codec.decode(state))).max() == 0


def tinted(grey: Image.Image) -> Image.Image:
    """More red than green, more green than blue."""
    return Image.merge("RGB", [grey.point(lambda value, k=k: value // k) for k in (1, 2, 4)])


def test_states_have_mean_zero_and_variance_one(digits, digits_codec, picture):
    state = digits_codec.encode([digits.train[i].item for i in range(len(digits.train))])
    assert float(state.mean()) == pytest.approx(0.0, abs=1e-3)
    assert float(state.std(correction=0)) == pytest.approx(1.0, abs=1e-3)
    items = [
        Image.merge("RGB", [picture(s, mode="L").point(lambda v, k=k: v // k) for k in (1, 2, 4)]) for s in range(30)
    ]
    state = fit_codec(Options(), examples(items)).encode(items)
    torch.testing.assert_close(state.mean((0, 2, 3)), torch.zeros(3), atol=1e-3, rtol=0)
    assert float(state.square().mean()) == pytest.approx(1.0, abs=1e-3)


def test_decode_clamps():
    black, white = raw((2, 2)).decode(torch.tensor([-3.0, 7.0]).reshape(2, 1, 1, 1).expand(2, 1, 2, 2))
    assert (black.getextrema(), white.getextrema()) == ((0, 0), (255, 255))


def test_decode_refuses_another_shape(digits_codec):
    with pytest.raises(DomainInputError, match=r"\[batch, 1, 8, 8\]"):
        digits_codec.decode(torch.zeros(2, 3, 8, 8))


def test_like(digits_codec):
    assert digits_codec.like(7).shape == (7, 1, 8, 8)
    assert not digits_codec.like(7).any()


def test_json(images, digits, picture):
    options = Options(size=(6, 9), colour="rgb", crop="random", flip=True, background="#102030")
    codec = images.fit_codec(options, digits.train)
    assert images.load_codec(json.loads(json.dumps(codec.to_json()))) == codec


def test_size_and_colours_are_found(picture, caplog):
    mostly_grey = [picture(i, (20, 16), "L") for i in range(9)] + [picture(9, (8, 8), "L").convert("RGB")]
    codec = fit_codec(Options(), examples(mostly_grey))
    assert (codec.height, codec.width, codec.colour) == (16, 20, "grey")
    assert fit_codec(Options(), examples([*mostly_grey, picture()])).colour == "rgb"
    with caplog.at_level("INFO"):
        photograph = fit_codec(Options(), examples([picture(0, (300, 200))]))
    assert (photograph.height, photograph.width) == (44, 64)
    assert "codec.size chooses another" in caplog.text


def test_flat_pictures_do_not_divide_by_zero():
    codec = fit_codec(Options(), examples([Image.new("L", (8, 8), 200)] * 3))
    assert codec.encode([Image.new("L", (8, 8), 200)]).abs().max() < 1e-4


def deep(value: int) -> Image.Image:
    return Image.fromarray(np.full((4, 4), value, np.uint16))


def palette(index: int) -> Image.Image:
    image = Image.new("P", (4, 4), index)
    image.putpalette([255, 0, 0, 0, 255, 0])
    return image


def see_through(index: int) -> Image.Image:
    image = palette(index)
    image.info["transparency"] = 1
    return image


@pytest.mark.parametrize(
    ("item", "rgb"),
    [
        (Image.new("1", (4, 4), 1), (255, 255, 255)),
        (Image.new("L", (4, 4), 7), (7, 7, 7)),
        (Image.new("LA", (4, 4), (7, 0)), (255, 255, 255)),
        (Image.new("RGB", (4, 4), (1, 2, 3)), (1, 2, 3)),
        (Image.new("RGBA", (4, 4), (0, 0, 0, 128)), (127, 127, 127)),
        (Image.new("CMYK", (4, 4), (255, 0, 0, 0)), (0, 255, 255)),
        (palette(0), (255, 0, 0)),
        (see_through(0), (255, 0, 0)),
        (see_through(1), (255, 255, 255)),
        (deep(0), (0, 0, 0)),
        (deep(65535), (255, 255, 255)),
        (deep(257 * 100), (100, 100, 100)),
        (Image.fromarray(np.full((4, 4), 257 * 30, np.int32)), (30, 30, 30)),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else "",
)
def test_modes(item, rgb):
    got = raw((4, 4), "rgb").pixels([item])[0, 0, 0]
    assert got.tolist() == pytest.approx(rgb, abs=1)
    grey = raw((4, 4)).pixels([item])[0, 0, 0, 0]
    assert int(grey) == pytest.approx(np.dot(rgb, (0.299, 0.587, 0.114)), abs=1.5)


def test_transparency_is_laid_over_the_background():
    clear = Image.new("RGBA", (4, 4), (9, 9, 9, 0))
    assert raw((4, 4), "rgb", background="#010203").pixels([clear])[0, 0, 0].tolist() == [1, 2, 3]
    with pytest.raises(ValidationError, match="unknown color"):
        Options(background="greenish-blue")


def test_a_mode_of_unknown_range_is_refused():
    with pytest.raises(DomainInputError, match="mode 'F'"):
        raw((4, 4)).encode([Image.new("F", (4, 4))])


@pytest.mark.parametrize("item", [np.zeros((4, 4, 3)), "photo.png", None, torch.zeros(3, 4, 4)])
def test_what_is_no_picture(item):
    with pytest.raises(DomainInputError, match="is not a picture") as caught:
        raw((4, 4)).encode([Image.new("L", (4, 4)), item])
    assert caught.value.field == "items[1]"
    assert type(item).__name__ in str(caught.value.got)
    assert "PIL.Image.open" in str(caught.value.fix)
    with pytest.raises(DomainInputError, match="at least one picture"):
        raw((4, 4)).encode([])


def halves(size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Black on the left, white on the right."""
    image = Image.new("L", size, 0)
    image.paste(255, (size[0] // 2, 0, *size))
    return image


def test_crops():
    centre = raw((20, 20)).pixels([halves()])[0, :, :, 0]
    assert (centre[:, :8].max(), centre[:, 12:].min()) == (0, 255)
    stretched = raw((20, 20), crop="stretch").pixels([halves((80, 20))])[0, :, :, 0]
    assert (stretched[:, :8].max(), stretched[:, 12:].min()) == (0, 255)
    cropped = raw((20, 20), crop="random")
    rng = Rng.of(0, 50)
    means = cropped.encode([halves()] * 50, rng).mean((1, 2, 3))
    assert means.min() < 0.2 < 0.8 < means.max()
    torch.testing.assert_close(cropped.encode([halves()]), raw((20, 20)).encode([halves()]))


def test_augmentation_is_keyed_and_leaves_the_global_state_alone(picture):
    codec = raw((10, 10), "rgb", crop="random", flip=True)
    items = [picture(seed, (24, 13)) for seed in range(16)]
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    batch = codec.encode(items, Rng.of(100, 16))
    for i in (0, 7, 15):
        torch.testing.assert_close(codec.encode(items[i : i + 1], Rng.of(100 + i)), batch[i : i + 1], rtol=0, atol=0)
    assert not torch.equal(batch, codec.encode(items, Rng.of(200, 16)))
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()  # noqa: NPY002


def test_half_are_mirrored(picture):
    codec = raw((10, 12), "rgb", flip=True)
    item = picture()
    plain = codec.encode([item])
    batch = codec.encode([item] * 200, Rng.of(0, 200))
    mirrored = (batch == plain.flip(3)).flatten(1).all(1)
    assert ((batch == plain).flatten(1).all(1) ^ mirrored).all()
    assert 70 < int(mirrored.sum()) < 130


def test_opened_files_are_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    halves().save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as item:
        assert raw((20, 40)).pixels([item])[0, 0, 0, 0] == 255


def test_encoding_is_quick(picture):
    codec = raw((28, 28))
    items = [picture(seed, (28, 28), "L") for seed in range(64)]

    def seconds() -> float:
        start = time.perf_counter()
        codec.encode(items)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(20)) < 0.004
