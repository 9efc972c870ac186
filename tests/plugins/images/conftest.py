"""Folders of pictures, and the domain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from suffuse.registry import load_domain
from suffuse_images.codec import Options, fit_codec
from suffuse_images.data import Data
from suffuse_images.domain import Images


@pytest.fixture(autouse=True)
def _own_cache_and_one_thread(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def images() -> Images:
    domain = load_domain("images")
    assert isinstance(domain, Images)
    return domain


@pytest.fixture(scope="session")
def digits(images):
    return images.splits(Data(name="digits"))


@pytest.fixture(scope="session")
def digits_codec(digits):
    return fit_codec(Options(), digits.train)


@pytest.fixture
def picture():
    """``picture(seed, size, mode)``: random pixels."""

    def make(seed: int = 0, size: tuple[int, int] = (12, 10), mode: str = "RGB") -> Image.Image:
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        return Image.fromarray(pixels).convert(mode)

    return make


@pytest.fixture
def pictures(tmp_path, picture):
    """``pictures({"cats/a.png": "RGB", …})``: a folder of such files; a value may be bytes or text as well."""

    def make(files: dict[str, str | bytes]) -> Path:
        for seed, (name, content) in enumerate(files.items()):
            path = tmp_path / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif path.suffix in (".csv", ".txt"):
                path.write_text(content, encoding="utf-8")
            else:
                picture(seed, mode=content).save(path)
        return tmp_path / "pictures"

    return make
