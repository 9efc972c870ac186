"""The named data sets: digits come with scikit-learn; the others are downloaded once, in torchvision's layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sklearn.datasets import load_digits

from suffuse.domain import Splits
from suffuse.errors import DataError
from suffuse.folders import data_folder
from suffuse.rng import permutation
from suffuse_images.data import Data, Pictures, PixelArray, by_class, split

T = TypeVar("T")

FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"
)  # fmt: skip
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIGITS = tuple("0123456789")


def digits(data: Data) -> Splits:
    """The 1,797 handwritten digits of 8 × 8 pixels that come with scikit-learn (UCI, Alpaydin & Kaynak 1998).

    They have no official split: a fifth, always the same, is the test part.
    """
    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    every = Pictures.all_of(PixelArray(pixels), by_class(bunch.target, DIGITS))
    order = permutation(len(every), "images", "digits", "test").numpy()
    held = len(every) // 5
    return split(data, "digits", every.take(np.sort(order[held:])), test=every.take(np.sort(order[:held])))


def fashion_mnist(data: Data) -> Splits:
    """70,000 pieces of clothing, 28 × 28 grey, ten classes (Xiao, Rasul & Vollgraf 2017)."""
    return _mnist_like(data, "fashion-mnist", "FashionMNIST", FASHION)


def mnist(data: Data) -> Splits:
    """70,000 handwritten digits, 28 × 28 grey (LeCun, Cortes & Burges 1998)."""
    return _mnist_like(data, "mnist", "MNIST", DIGITS)


def _mnist_like(data: Data, name: str, torchvision_name: str, classes: tuple[str, ...]) -> Splits:
    def read(root: Path, download: bool = False) -> list[Pictures]:
        from torchvision import datasets  # slow to import, and the other data sets do without

        kind = getattr(datasets, torchvision_name)
        parts = [kind(root, train=train, download=download) for train in (True, False)]
        return [Pictures.all_of(PixelArray(p.data.numpy()), by_class(p.targets, classes)) for p in parts]

    train, test = _found(data, name, torchvision_name, read)
    return split(data, name, train, test=test)


CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"


def cifar10(data: Data) -> Splits:
    """60,000 photographs, 32 × 32 RGB, ten classes (Krizhevsky 2009).

    Read from the *binary* version: the Python version, which torchvision takes, holds pickles.
    """
    train, test = _found(data, "cifar10", "cifar-10-batches-bin", _read_cifar)
    return split(data, "cifar10", train, test=test)


def _read_cifar(root: Path, download: bool = False) -> list[Pictures]:
    if download:
        from torchvision.datasets.utils import download_and_extract_archive

        download_and_extract_archive(CIFAR_URL, str(root), md5=CIFAR_MD5)
    folder = root / "cifar-10-batches-bin"
    parts = [[f"data_batch_{i}.bin" for i in range(1, 6)], ["test_batch.bin"]]
    return [_cifar_part([folder / name for name in names]) for names in parts]


def _cifar_part(files: list[Path]) -> Pictures:
    rows = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 1 + 3 * 32 * 32) for file in files])
    pixels = np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return Pictures.all_of(PixelArray(pixels), by_class(rows[:, 0], CIFAR))


def data_root(data: Data) -> Path:
    """The folder of the named data sets."""
    return data.root or data_folder()


def _found(data: Data, name: str, folder: str, read: Callable[..., T]) -> T:
    """What ``read(root)`` gives for the first root that holds the data set's folder, downloaded if need be."""
    root = data_root(data)
    roots = (root, root / "torchvision")
    held = next((r for r in roots if (r / folder).is_dir()), None)
    if held is None and data.download:
        return _downloaded(name, root, read)
    if held is None:
        raise _missing(name, [r / folder for r in roots])
    try:
        return read(held)
    except Exception as error:  # damaged files make the readers raise anything
        raise DataError(
            f"the data set {name} is damaged or incomplete ({_first_line(error)})",
            field=str(held / folder),
            fix=f"remove that folder and fetch it anew: suffuse train {name} data.download=true",
        ) from error


def _downloaded(name: str, root: Path, read: Callable[..., T]) -> T:
    try:
        root.mkdir(parents=True, exist_ok=True)
        return read(root, download=True)
    except Exception as error:  # no network, no space, a changed file: whatever it was, the advice is the same
        raise DataError(
            f"the data set {name} could not be downloaded ({_first_line(error)})",
            field="data.download",
            fix="check the network and the free space, or copy the files from another machine and set SUFFUSE_DATA",
        ) from error


def _missing(name: str, places: list[Path]) -> DataError:
    return DataError(
        f"the data set {name} is not on this machine",
        field="data.name",
        expected=" or ".join(map(str, places)),
        fix=f"fetch it with: suffuse train {name} data.download=true\n"
        "       or say where it lies: SUFFUSE_DATA=FOLDER, or data.root=FOLDER",
    )


def _first_line(error: Any) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
