"""The files of a new plugin, from the templates and a name.

A template is a package that works, but for what stands in it for the name (``placeholder``) and for a few words. So
rendering is replacing words, in the files' texts and in their paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from packaging.version import Version

from suffuse.scaffold.kinds import Kind
from suffuse.scaffold.names import module_name, package_name

COMMON = "common"
"""The folder of templates that every kind has."""


def render(name: str, kind: Kind) -> dict[PurePosixPath, str]:
    """The files of a new plugin by their paths in its folder, sorted.

    Arguments:
        name: of the plugin, valid.
        kind: of its data.
    """
    words = {
        "suffuse_placeholder": module_name(name),
        "suffuse-placeholder": package_name(name),
        "placeholder": name,
        "KIND_SUMMARY": kind.summary,
        "KIND_OWN": kind.own,
        "KIND_PATH": kind.path,
        "SUFFUSE_BOUND": bound(version("suffuse")),
    }
    templates = files("suffuse.scaffold") / "templates"
    found = {path: file for part in (COMMON, kind.name) for path, file in _walk(templates / part)}
    texts = {path: file.read_text(encoding="utf-8") for path, file in found.items()}
    rendered = {PurePosixPath(_replaced(str(path), words)): _replaced(text, words) for path, text in texts.items()}
    return dict(sorted(rendered.items()))


def bound(running: str) -> str:
    """The versions of suffuse that a plugin written against one of them can count on: ``>=0.1,<0.2``, ``>=1.2,<2``."""
    v = Version(running)
    least = v.public if v.is_prerelease else f"{v.major}.{v.minor}"
    return f">={least},<{f'0.{v.minor + 1}' if v.major == 0 else v.major + 1}"


def _replaced(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _walk(folder: Traversable, inside: PurePosixPath = PurePosixPath()) -> Iterator[tuple[PurePosixPath, Traversable]]:
    """The files of a folder and of those in it, without what an interpreter leaves there."""
    for entry in folder.iterdir():
        if entry.is_file():
            yield inside / entry.name, entry
        elif entry.name != "__pycache__":
            yield from _walk(entry, inside / entry.name)
