"""Filling and restoring pictures: masks from files, and pixels that come back as they were."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from suffuse.errors import DataError
from suffuse.model import Model
from suffuse.recipe import load_recipe
from suffuse.tasks.inpaint import inpaint
from suffuse.tasks.restore import restore
from suffuse.tasks.samples import save
from suffuse.trained import build_denoiser
from suffuse_images.codec import PictureCodec

RECIPE = load_recipe("images/digits", ["network.width=16", "network.blocks=1", "sample.steps=3"])


def untrained(height: int, width: int, colour: str, crop: str = "centre") -> Model:
    channels = 1 if colour == "grey" else 3
    mean = (0.2861234, 0.4512345, 0.3371)[:channels]
    codec = PictureCodec(height, width, colour, mean, 0.3337, crop)  # type: ignore[arg-type]
    return Model(RECIPE, codec, {}, build_denoiser(RECIPE, codec, {}).eval().requires_grad_(False))


@pytest.mark.parametrize("colour", ["grey", "rgb"])
@pytest.mark.parametrize("method", ["repaint", "mmps", "diffpir"])
def test_kept_pixels_come_back_bit_by_bit(colour: str, method: str) -> None:
    """Every value from 0 to 255 is among them."""
    model = untrained(16, 16, colour)
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    pixels = values if colour == "grey" else np.stack([values, values[::-1], values.T], -1)
    known = torch.ones(16, 16, dtype=torch.bool)
    known[5:9, 3:12] = False
    samples = inpaint(model, [Image.fromarray(pixels)], known, method=method, count=2)
    for item in samples.items:
        made = np.asarray(item)
        assert np.array_equal(made[known.numpy()], pixels[known.numpy()])
        assert not np.array_equal(made, pixels)


def drawn(size: tuple[int, int], box: tuple[int, int, int, int], mode: str = "L") -> Image.Image:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return mask.convert(mode)


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "P"])
def test_white_is_filled(images, tmp_path, mode: str) -> None:
    drawn((12, 10), (2, 3, 5, 7), mode).save(tmp_path / "m.png")
    known = images.read_mask(tmp_path / "m.png", untrained(10, 12, "rgb").codec)
    assert known.shape == (1, 1, 10, 12) and known.dtype == torch.bool
    expected = torch.ones(10, 12, dtype=torch.bool)
    expected[3:8, 2:6] = False
    assert torch.equal(known[0, 0], expected)


def test_a_mask_of_another_size_lies_as_its_picture_does(images, tmp_path, picture) -> None:
    """What is white over a picture is where the codec puts that part of the picture: cropped, or stretched."""
    photo = drawn((48, 24), (18, 9, 29, 14), "RGB")
    photo.convert("L").save(tmp_path / "m.png")
    for crop in ("centre", "stretch"):
        codec = untrained(8, 8, "grey", crop).codec
        known = images.read_mask(tmp_path / "m.png", codec)
        white = codec.decode(codec.encode([photo]))[0]
        assert torch.equal(known[0, 0], torch.from_numpy(np.asarray(white) < 128)), crop
        assert 0 < int((~known).sum()) < 64


def test_transparent_parts_are_kept(images, tmp_path) -> None:
    mask = Image.new("RGBA", (8, 8), (255, 255, 255, 0))
    mask.paste((255, 255, 255, 255), (0, 0, 4, 8))
    mask.save(tmp_path / "m.png")
    known = images.read_mask(tmp_path / "m.png", untrained(8, 8, "grey").codec)
    assert known[0, 0, :, 4:].all() and not known[0, 0, :, :4].any()


def test_a_mask_that_is_no_picture(images, tmp_path) -> None:
    (tmp_path / "m.png").write_text("black")
    with pytest.raises(DataError, match="cannot be read as a picture"):
        images.read_mask(tmp_path / "m.png", untrained(8, 8, "grey").codec)


def test_sheets_stand_side_by_side(tmp_path, picture) -> None:
    model = untrained(8, 8, "rgb")
    photos = [picture(i, (20, 16)) for i in range(2)]
    samples = inpaint(model, photos, fill="2:6,2:6", count=3, names=["a.png", "b.png"])
    sheet = Image.open(save(model, samples, tmp_path / "in")[0])
    assert sheet.size == (2 + 5 * 66, 2 + 2 * 66), "original, what was kept, three completions"
    assert {"a-0.png", "b-5.png"} <= {p.name for p in (tmp_path / "in").iterdir()}
    first, hidden = (np.asarray(sheet.crop((x, 2, x + 64, 66)))[::8, ::8] for x in (2, 68))
    assert np.array_equal(first, np.asarray(model.codec.decode(model.codec.encode(photos[:1]))[0]))
    assert np.array_equal(hidden[:2], first[:2]) and (hidden[2:6, 2:6] == hidden[2, 2]).all()
    small = restore(model, photos, "downsample:factor=4", degrade=True)
    assert small.rows is not None
    assert np.unique(np.asarray(small.rows[0][1]).reshape(-1, 3), axis=0).shape[0] <= 4
    grey = restore(model, photos, "grey", degrade=True)
    assert grey.rows is not None
    assert all(item.size == (8, 8) for row in grey.rows for item in row)
