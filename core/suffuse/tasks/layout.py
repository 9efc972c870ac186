"""What lies beside items where they were written."""

from __future__ import annotations

from pathlib import Path

SHEET, STRIP, LISTING = "sheet.png", "strip.png", "samples.json"
"""In a folder: a picture of all items, or of those from one to another; a list of the files, their seeds and
conditions."""

MANIFEST = "manifest.json"
"""How items came about: in their folder, or beside their file, with its name before."""


def manifest_of(out: Path) -> Path:
    """Where the manifest is of items that were written into a file or a folder."""
    return out.with_name(f"{out.name}.{MANIFEST}") if out.suffix else out / MANIFEST


def is_extra(file: Path) -> bool:
    """Whether a file is no item, but one of those that :func:`suffuse.tasks.samples.save` lays beside items."""
    if file.name.endswith(f".{MANIFEST}"):
        return file.with_name(file.name.removesuffix(f".{MANIFEST}")).exists()
    drawn = any((file.parent / name).exists() for name in (SHEET, STRIP))
    return file.name in (SHEET, STRIP, LISTING, MANIFEST) and drawn and (file.parent / LISTING).exists()
