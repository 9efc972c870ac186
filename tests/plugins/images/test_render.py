"""Sheets and files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from suffuse.errors import DomainInputError, StorageError
from suffuse_images.render import FORMATS


def test_a_sheet_enlarges_small_pictures_by_a_whole_factor(images, digits):
    items = [digits.train[i].item for i in range(5)]
    sheet = images.picture(items)
    assert (sheet.mode, sheet.size) == ("L", (2 + 3 * 66, 2 + 2 * 66))
    first = np.asarray(sheet)[2:66, 2:66]
    np.testing.assert_array_equal(first[::8, ::8], np.asarray(items[0]))
    np.testing.assert_array_equal(first[7::8, 7::8], np.asarray(items[0]))
    assert images.picture(items, columns=5).size == (2 + 5 * 66, 68)
    assert images.picture(items[:1], columns=9).size == (68, 68)


def test_a_sheet_of_mixed_pictures(images, picture):
    sheet = images.picture([picture(0, (100, 50)), picture(1, (30, 70), "L"), picture(2, (9, 9), "RGBA")], columns=3)
    assert (sheet.mode, sheet.size) == ("RGB", (2 + 3 * 102, 2 + 72))
    assert sheet.getpixel((3, 3)) == (255, 255, 255)


def test_an_empty_sheet(images):
    with pytest.raises(DomainInputError, match="at least one picture"):
        images.picture([])


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16"])
def test_one_picture_is_written_as_it_is(images, picture, tmp_path, suffix, mode):
    item = Image.new("I;16", (12, 10), 1000) if mode == "I;16" else picture(mode=mode)
    path = tmp_path / f"a{suffix}"
    images.write([item], path)
    (again,) = images.read(path)
    assert again.size == (12, 10)
    if suffix in (".png", ".webp") and mode in ("L", "RGB"):
        np.testing.assert_array_equal(np.asarray(again.convert(mode)), np.asarray(item))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_many_are_written_as_a_sheet(images, picture, tmp_path, suffix):
    items = [picture(i) for i in range(4)]
    images.write(items, tmp_path / f"a{suffix}")
    (sheet,) = images.read(tmp_path / f"a{suffix}")
    assert sheet.size == images.picture(items).size


def test_unknown_suffix(images, picture, tmp_path):
    with pytest.raises(DomainInputError, match=r"\.png, \.webp, \.jpg, \.jpeg, \.gif") as caught:
        images.write([picture()], tmp_path / "a.psd")
    assert caught.value.got == "'.psd'"
    with pytest.raises(DomainInputError, match="unknown suffix"):
        images.write([picture()], tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(images, picture, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    images.write([picture()], path)
    before = path.read_bytes()

    def fails(self, file, **options):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fails)
    with pytest.raises(StorageError, match="No space left"):
        images.write([picture(1)], path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
