"""What lies beside items where they were written."""

from __future__ import annotations

from pathlib import Path

SHEET, LISTING = "sheet.png", "samples.json"
"""In a folder: a picture of all items; a list of the files, their seeds and conditions."""

MANIFEST = "manifest.json"
"""How items came about: in their folder, or beside their file, with its name before."""


def manifest_of(out: Path) -> Path:
    """Where the manifest is of items that were written into a file or a folder."""
    return out.with_name(f"{out.name}.{MANIFEST}") if out.suffix else out / MANIFEST


def is_extra(file: Path) -> bool:
    """Whether a file is no item, but one of those that :func:`suffuse.tasks.samples.save` lays beside items."""
    if file.name.endswith(f".{MANIFEST}"):
        return file.with_name(file.name.removesuffix(f".{MANIFEST}")).exists()
    return file.name in (SHEET, LISTING, MANIFEST) and all((file.parent / name).exists() for name in (SHEET, LISTING))
