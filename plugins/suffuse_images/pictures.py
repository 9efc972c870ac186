"""One picture of any kind as plain 8-bit grey or RGB."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageFile, ImageOps

from suffuse.errors import DataError, DomainInputError

Mode = Literal["L", "RGB"]

_DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N")


def plain(image: Image.Image, mode: Mode, background: str = "white") -> Image.Image:
    """A picture as 8-bit grey or RGB, upright.

    Palettes are resolved, 16-bit values scaled to 8 bits, transparency laid over a background, and the orientation in
    an opened file's EXIF data is obeyed.

    Arguments:
        image: of any mode but 32-bit floating point, whose range nobody knows.
        mode: ``"L"`` or ``"RGB"``.
        background: a colour name or ``#rrggbb``.

    Raises:
        DomainInputError: a mode that cannot be converted.
    """
    if isinstance(image, ImageFile.ImageFile):
        image = ImageOps.exif_transpose(image)
    if image.mode in _DEEP:
        image = _shallow(image)
    if image.has_transparency_data:
        return _composite(image, background).convert(mode)
    if image.mode == "F":
        raise _unconvertible(image)
    try:
        return image if image.mode == mode else image.convert(mode)
    except ValueError as error:
        raise _unconvertible(image) from error


def smooth(image: Image.Image) -> Image.Image:
    """The picture in a mode whose values can be averaged, its transparency kept."""
    if image.mode in _DEEP:
        return _shallow(image)
    if image.mode in ("1", "P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image


def is_grey(image: Image.Image) -> bool:
    """Whether a picture shows no colour, whatever its mode."""
    if image.mode in ("1", "L", "LA", *_DEEP):
        return True
    pixels = np.asarray(plain(image, "RGB"))
    return bool((pixels == pixels[..., :1]).all())


def read_picture(path: Path) -> Image.Image:
    """The picture in a file (the first, where it holds several), decoded and upright, in its own mode.

    Raises:
        DataError: there is no such file, or it is no picture, or it is damaged.
    """
    try:
        with Image.open(path) as file:
            return ImageOps.exif_transpose(file)
    except FileNotFoundError as error:
        raise DataError("there is no such file", field=str(path), fix="check the path") from error
    except Exception as error:  # a damaged file can make a decoder raise anything
        raise bad_picture(path, error) from error


def bad_picture(path: Path, reason: object) -> DataError:
    """The error for a file that cannot be read as a picture."""
    return DataError(
        f"cannot be read as a picture ({reason})",
        field=str(path),
        fix="replace or remove the file; in a folder of training data, data.on_error=skip leaves such files out",
    )


def _shallow(image: Image.Image) -> Image.Image:
    """16 bits to 8, rounded: 65535 becomes 255."""
    deep = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
    return Image.fromarray(((deep + 128) // 257).astype(np.uint8))


def _composite(image: Image.Image, background: str) -> Image.Image:
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, background), layer)


def _unconvertible(image: Image.Image) -> DomainInputError:
    return DomainInputError(
        "is a picture of a mode that cannot be converted",
        expected="grey, RGB, palette, CMYK or 16-bit, with or without transparency",
        got=f"mode {image.mode!r}",
        fix="convert it to 8-bit RGB or grey first",
    )


def require_picture(item: Any, index: int) -> Image.Image:
    """The item, if it is a picture.

    Raises:
        DomainInputError: it is something else.
    """
    if isinstance(item, Image.Image):
        return item
    raise DomainInputError(
        "is not a picture",
        field=f"items[{index}]",
        expected="a PIL.Image.Image",
        got=_describe(item),
        fix="open a file with PIL.Image.open(path), or wrap an array with PIL.Image.fromarray(array)",
    )


def _describe(item: Any) -> str:
    kind = type(item).__name__
    if shape := getattr(item, "shape", None):
        return f"{kind} of shape {tuple(shape)}"
    return f"{kind} {item!r}"[:80]
