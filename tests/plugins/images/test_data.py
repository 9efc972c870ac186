"""Data sets: what they hold, how they are split, and what is said when something is wrong."""

from __future__ import annotations

import logging
import struct

import numpy as np
import pytest
from PIL import Image

from suffuse.conditions import Label, Text
from suffuse.domain import Example, Splits
from suffuse.errors import DataError
from suffuse_images import sets
from suffuse_images.data import Data

EVEN = {f"{name}/{i}.png": "RGB" for name in ("cats", "dogs") for i in range(5)}


def all_items(splits: Splits) -> list[bytes]:
    return sorted(part[i].item.tobytes() for part in (splits.train, splits.validation) for i in range(len(part)))


def test_digits(digits):
    assert [len(part) for part in (digits.train, digits.validation, digits.test)] == [1366, 72, 359]
    example = digits.train[0]
    assert (example.item.mode, example.item.size) == ("L", (8, 8))
    assert example.conditions["label"] in "0123456789"
    assert max(np.asarray(digits.train[i].item).max() for i in range(50)) == 255


def test_splits_follow_the_seed_and_the_test_part_does_not(images, digits):
    def order(part) -> list[int]:
        return part.rows.tolist()

    same, other = images.splits(Data(name="digits")), images.splits(Data(name="digits", seed=1))
    assert order(same.train) == order(digits.train)
    assert order(other.train) != order(digits.train)
    assert order(other.test) == order(digits.test)
    assert not set(order(digits.train)) & {*order(digits.validation), *order(digits.test)}


def test_limit_and_validation(images):
    splits = images.splits(Data(name="digits", limit=100, validation=0.2))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (80, 20, 359)


def test_conditions_are_found(images, digits, pictures):
    assert images.conditions(digits) == {"label": Label(tuple("0123456789"))}
    root = pictures({**EVEN, "stray.png": "L", "captions.csv": "file,caption\ncats/0.png,a red cat\n"})
    space = images.conditions(images.splits(Data(name="folder", path=root, validation=0.01)))
    assert space["label"] == Label(("cats", "dogs"))
    assert isinstance(space["prompt"], Text)
    assert {"red", "cat"} <= set(space["prompt"].words)


def test_conditions_of_a_strangers_data_set(images, picture):
    examples = [Example(picture(i), {"label": name}) for i, name in enumerate(("b", "a", None))]
    assert images.conditions(Splits(examples, examples, examples)) == {"label": Label(("a", "b"))}


def test_unknown_name(images):
    with pytest.raises(DataError, match=r"did you mean 'fashion-mnist'\?") as caught:
        images.splits(Data(name="fashion_mnist"))
    assert caught.value.field == "data.name"


def test_folder_without_subfolders_has_no_labels(images, pictures):
    splits = images.splits(Data(name="folder", path=pictures({f"{i}.png": "RGB" for i in range(4)})))
    assert images.conditions(splits) == {}
    assert splits.name == "pictures"
    assert (len(splits.train), len(splits.validation)) == (3, 1)
    assert splits.test is splits.validation


def test_every_format_is_read(images, pictures):
    names = ["a.png", "b.jpg", "c.JPEG", "deep/er/d.webp", "deep/e.bmp", "f.gif", "g.tif"]
    splits = images.splits(Data(name="folder", path=pictures(dict.fromkeys(names, "RGB"))))
    assert len(splits.train) + len(splits.validation) == len(names)
    assert {splits.train[i].item.size for i in range(len(splits.train))} == {(12, 10)}


def test_only_the_first_frame_of_an_animation(images, pictures, picture):
    root = pictures({"a.png": "L"})
    frames = [picture(seed, mode="L") for seed in (5, 6)]
    frames[0].save(root / "b.gif", save_all=True, append_images=frames[1:])
    (root / "a.png").unlink()
    splits = images.splits(Data(name="folder", path=root))
    assert splits.train is splits.validation
    np.testing.assert_array_equal(np.asarray(splits.train[0].item.convert("L")), np.asarray(frames[0]))


def test_captions_beside_pictures(images, pictures):
    splits = images.splits(Data(name="folder", path=pictures({"a.png": "L", "a.txt": " a crown\n", "b.png": "L"})))
    prompts = {part[0].conditions["prompt"] for part in (splits.train, splits.validation)}
    assert prompts == {"a crown", None}


@pytest.mark.parametrize("header", ["file_name,text", "caption,file", "\ufefffile,caption"])
def test_captions_in_a_table(images, pictures, header):
    row = '"a crown, golden",sub/a.png' if header.startswith("caption") else 'sub/a.png,"a crown, golden"'
    root = pictures({"sub/a.png": "L", "metadata.csv": f"{header}\n{row}\n"})
    splits = images.splits(Data(name="folder", path=root))
    assert dict(splits.train[0].conditions) == {"label": "sub", "prompt": "a crown, golden"}


def test_a_table_that_names_a_missing_file(images, pictures):
    root = pictures({"a.png": "L", "captions.csv": "file,caption\na.png,one\nb.png,two\n"})
    with pytest.raises(DataError, match="line 3 names a file that does not exist") as caught:
        images.splits(Data(name="folder", path=root))
    assert caught.value.field == str(root / "captions.csv")
    assert caught.value.got == "'b.png'"
    assert caught.value.fix


def test_a_table_without_the_columns(images, pictures):
    root = pictures({"a.png": "L", "captions.csv": "picture,words\na.png,one\n"})
    with pytest.raises(DataError, match="'file' or 'file_name'") as caught:
        images.splits(Data(name="folder", path=root))
    assert caught.value.got == "picture, words"


def test_a_table_that_is_not_text(images, pictures):
    root = pictures({"a.png": "L", "captions.csv": b"file,caption\na.png,\xff\xfe\n"})
    with pytest.raises(DataError, match="UTF-8"):
        images.splits(Data(name="folder", path=root))


def test_missing_folder(images, tmp_path):
    with pytest.raises(DataError, match="there is no such folder") as caught:
        images.splits(Data(name="folder", path=tmp_path / "nowhere"))
    assert caught.value.field == str(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"data\.path=FOLDER"):
        images.splits(Data(name="folder"))


def test_a_file_for_a_folder(images, pictures):
    with pytest.raises(DataError, match="is a file, not a folder"):
        images.splits(Data(name="folder", path=pictures({"a.png": "L"}) / "a.png"))


def test_empty_folder(images, pictures):
    root = pictures({"notes.txt": "nothing", ".hidden.png": b"x"})
    with pytest.raises(DataError, match=r"holds no pictures[\s\S]*\.png"):
        images.splits(Data(name="folder", path=root))


def test_a_file_that_is_no_picture(images, pictures):
    root = pictures({**EVEN, "cats/broken.png": b"this is no picture"})
    with pytest.raises(DataError, match="cannot be read as a picture") as caught:
        images.splits(Data(name="folder", path=root))
    assert caught.value.field == str(root / "cats" / "broken.png")
    assert "data.on_error=skip" in str(caught.value)


def truncated(root) -> None:
    """Cut a file of the folder in half: its header is whole, its pixels are not."""
    path = root / "cats" / "0.png"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_a_truncated_file_is_named_when_it_is_decoded(images, pictures):
    root = pictures(EVEN)
    truncated(root)
    splits = images.splits(Data(name="folder", path=root))
    with pytest.raises(DataError, match=r"0\.png: cannot be read as a picture"):
        all_items(splits)


def test_bad_files_are_skipped_and_counted(images, pictures, caplog):
    root = pictures({**EVEN, "dogs/broken.jpg": b"\xff\xd8\xff\xe0 nothing"})
    truncated(root)
    with caplog.at_level(logging.WARNING):
        splits = images.splits(Data(name="folder", path=root, on_error="skip"))
    assert len(all_items(splits)) == 9
    assert "2 of 11 files could not be read" in caplog.text


def test_nothing_but_bad_files(images, pictures):
    with pytest.raises(DataError, match="no picture that can be read"):
        images.splits(Data(name="folder", path=pictures({"a.png": b""}), on_error="skip"))


def test_a_picture_of_one_pixel(images, pictures, picture, caplog):
    root = pictures(EVEN)
    picture(size=(1, 1)).save(root / "cats" / "dot.png")
    with caplog.at_level(logging.WARNING):
        splits = images.splits(Data(name="folder", path=root))
        codec = images.fit_codec(images.codec_section(), splits.train)
    assert "dot.png: is only 1 by 1 pixels" in caplog.text
    items = [part[i].item for part in (splits.train, splits.validation) for i in range(len(part))]
    assert codec.encode(items).shape == (11, 3, 10, 12)


def test_orientation_is_obeyed(images, pictures):
    root = pictures({"a.jpg": "RGB"})
    image = Image.new("RGB", (16, 8), "black")
    image.paste("white", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the file's right
    image.save(root / "a.jpg", exif=exif, quality=100)
    item = images.splits(Data(name="folder", path=root)).train[0].item
    assert item.size == (8, 16)
    grey = np.asarray(item.convert("L"))
    assert grey[:6].min() > 200
    assert grey[10:].max() < 50


def test_large_pictures_are_shrunk(images, pictures, picture):
    root = pictures({"a.png": "L"})
    picture(size=(90, 60)).save(root / "a.png")
    assert images.splits(Data(name="folder", path=root, shrink=20)).train[0].item.size == (30, 20)
    assert images.splits(Data(name="folder", path=root, shrink=None)).train[0].item.size == (90, 60)


def test_a_missing_set_says_how_to_get_it(images, tmp_path, monkeypatch):
    monkeypatch.setenv("SUFFUSE_DATA", str(tmp_path))
    with pytest.raises(DataError, match="the data set fashion-mnist is not on this machine") as caught:
        images.splits(Data(name="fashion-mnist"))
    assert str(tmp_path / "torchvision" / "FashionMNIST") in str(caught.value.expected)
    assert "suffuse train fashion-mnist data.download=true" in str(caught.value)
    assert "SUFFUSE_DATA" in str(caught.value)


def write_idx(root, counts: tuple[int, int]) -> None:
    """A tiny set in the layout of MNIST."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in zip(("train", "t10k"), counts, strict=True):
        pixels = np.arange(count * 784, dtype=np.int64).astype(np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, count, 28, 28) + pixels.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, count) + labels.tobytes())


@pytest.mark.parametrize("place", ["", "torchvision"])
def test_mnist_in_torchvisions_layout(images, tmp_path, place):
    write_idx(tmp_path / place, (40, 20))
    splits = images.splits(Data(name="mnist", root=tmp_path))
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [38, 2, 20]
    assert splits.test[3].conditions["label"] == "3"


def test_a_damaged_set(images, tmp_path):
    write_idx(tmp_path, (40, 20))
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"\x00\x00")
    with pytest.raises(DataError, match="mnist is damaged or incomplete") as caught:
        images.splits(Data(name="mnist", root=tmp_path))
    assert "data.download=true" in str(caught.value)


def test_cifar_is_read_from_bytes(images, tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    rows = np.random.default_rng(0).integers(0, 256, (10, 3073), dtype=np.uint8)
    rows[:, 0] = np.arange(10)
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        rows.tofile(folder / name)
    splits = images.splits(Data(name="cifar10", root=tmp_path))
    assert (len(splits.train) + len(splits.validation), len(splits.test)) == (50, 10)
    example = splits.test[3]
    assert example.conditions["label"] == "cat"
    assert np.asarray(example.item)[2, 5].tolist() == rows[3, 1:].reshape(3, 32, 32)[:, 2, 5].tolist()


def test_a_failed_download_says_why(images, tmp_path, monkeypatch):
    def fails(root, download=False):
        raise OSError("no route to host\nmore")

    monkeypatch.setattr(sets, "_read_cifar", fails)
    with pytest.raises(DataError, match=r"could not be downloaded \(no route to host\)"):
        images.splits(Data(name="cifar10", root=tmp_path, download=True))


@pytest.mark.parametrize("validation", ["val", "valid", "Validation", None])
def test_folders_named_after_parts(images, pictures, validation):
    parts = {"train": 6, "test": 3, **({validation: 2} if validation else {})}
    files = {f"{part}/{kind}/{i}.png": "L" for part, n in parts.items() for kind in "ab" for i in range(n)}
    splits = images.splits(Data(name="folder", path=pictures(files), validation=0.25))
    sizes = [len(part) for part in (splits.train, splits.validation, splits.test)]
    assert sizes == ([12, 4, 6] if validation else [9, 3, 6])
    assert images.conditions(splits) == {"label": Label(("a", "b"))}


def test_a_class_named_train_is_a_class(images, pictures):
    root = pictures({f"{kind}/{i}.png": "L" for kind in ("bus", "train", "test") for i in range(4)})
    splits = images.splits(Data(name="folder", path=root, validation=0.1))
    assert images.conditions(splits) == {"label": Label(("bus", "test", "train"))}
