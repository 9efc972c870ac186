"""Pictures on sheets and in files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from suffuse.errors import DomainInputError
from suffuse.files import write_with
from suffuse_images.pictures import Mode, is_grey, plain, require_picture

CELL = 64
"""Smaller pictures are enlarged on a sheet, by a whole factor, up to this side."""
MARGIN = 2

FORMATS: dict[str, dict[str, Any]] = {
    ".png": {},
    ".webp": {"lossless": True},
    ".jpg": {"quality": 95},
    ".jpeg": {"quality": 95},
    ".gif": {},
}
"""The suffixes that can be written, with Pillow's options."""


def sheet(items: Sequence[Image.Image], columns: int | None = None) -> Image.Image:
    """A grid of pictures, left to right, then down; as square as can be unless told otherwise.

    Pictures smaller than 64 pixels are enlarged by a whole factor, the same for all; smaller ones among larger ones lie
    in the middle of their cells.
    """
    pictures = [require_picture(item, i) for i, item in enumerate(items)]
    if not pictures:
        raise DomainInputError("is empty", field="items", expected="at least one picture")
    columns = min(len(pictures), columns or math.ceil(math.sqrt(len(pictures))))
    widest, highest = max(p.width for p in pictures), max(p.height for p in pictures)
    factor = max(1, CELL // max(widest, highest))
    cell = (widest * factor, highest * factor)
    mode = _mode(pictures)
    page = Image.new(mode, _page_size(len(pictures), columns, cell), "white")
    for i, picture in enumerate(pictures):
        row, column = divmod(i, columns)
        shown = plain(picture, mode)
        shown = shown.resize((shown.width * factor, shown.height * factor), Image.Resampling.NEAREST)
        left = MARGIN + column * (cell[0] + MARGIN) + (cell[0] - shown.width) // 2
        top = MARGIN + row * (cell[1] + MARGIN) + (cell[1] - shown.height) // 2
        page.paste(shown, (left, top))
    return page


def write(items: Sequence[Image.Image], path: Path) -> None:
    """Write one picture as it is, or a sheet of several; the file appears whole or not at all.

    Raises:
        DomainInputError: a suffix other than those of :data:`FORMATS`, or no picture at all.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise DomainInputError(
            "ends in an unknown suffix",
            field=str(path),
            expected=f"one of {', '.join(FORMATS)}",
            got=repr(path.suffix),
            fix=f"write to {path.with_suffix('.png')} instead",
        )
    image = sheet(items) if len(items) != 1 else require_picture(items[0], 0)
    image = image if suffix == ".png" and image.mode in ("RGBA", "LA") else plain(image, _mode([image]))
    write_with(path, lambda file: image.save(file, **FORMATS[suffix]))


def _mode(pictures: Sequence[Image.Image]) -> Mode:
    return "L" if all(is_grey(p) for p in pictures) else "RGB"


def _page_size(count: int, columns: int, cell: tuple[int, int]) -> tuple[int, int]:
    rows = math.ceil(count / columns)
    return MARGIN + columns * (cell[0] + MARGIN), MARGIN + rows * (cell[1] + MARGIN)
