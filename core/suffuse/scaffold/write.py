"""Writing a new plugin: all of it, or nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from suffuse.errors import PluginError, StorageError, unknown_name
from suffuse.files import make_folder, write_text
from suffuse.scaffold.kinds import KINDS
from suffuse.scaffold.names import check_name
from suffuse.scaffold.render import render

KEPT = ".git"
"""What a folder may hold and still count as empty: an author may have begun with the repository."""


def new(name: str, kind: str, folder: str | Path) -> list[Path]:
    """Write a new plugin.

    Arguments:
        name: of the plugin and of its domain: lower case, digits and hyphens.
        kind: of its data, one of :data:`suffuse.scaffold.KINDS`.
        folder: of the package; it must be empty, or not there yet.

    Returns:
        The files that were written.

    Raises:
        PluginError: the name is not valid or taken, or there is no such kind.
        StorageError: the folder holds something, or cannot be written; nothing is left there then.
    """
    folder = Path(folder)
    files = plan(name, kind, folder)
    existed = folder.exists()
    try:
        make_folder(folder)
        for path, text in files.items():
            write_text(path, text)
    except BaseException:
        _clear(folder, existed)
        raise
    return list(files)


def plan(name: str, kind: str, folder: str | Path) -> dict[Path, str]:
    """What :func:`new` would write: the files' texts by their paths. Arguments and errors are the same."""
    if kind not in KINDS:
        raise unknown_name("kind", kind, KINDS, PluginError, field="--kind")
    check_name(name)
    folder = Path(folder)
    _require_empty(folder)
    return {folder / path: text for path, text in render(name, KINDS[kind]).items()}


def _require_empty(folder: Path) -> None:
    if not folder.exists():
        return
    held = sorted(entry.name for entry in folder.iterdir() if entry.name != KEPT) if folder.is_dir() else None
    if held is None or held:
        raise StorageError(
            "is there already", field=str(folder), expected="an empty folder, or a new one",
            got="a file" if held is None else f"a folder with {', '.join(held[:3])}{', …' if held[3:] else ''}",
            fix="choose another with --dir; nothing is ever overwritten",
        )  # fmt: skip


def _clear(folder: Path, existed: bool) -> None:
    """Take back what was written into a folder that was empty, or not there."""
    if not existed:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for entry in folder.iterdir():
        if entry.name == KEPT:
            continue
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
