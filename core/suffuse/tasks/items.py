"""A person's items: read from files, and turned into states on a model's device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from suffuse.domain import Item
from suffuse.errors import DataError, DomainInputError
from suffuse.registry import find
from suffuse.state import State, to
from suffuse.trained import Trained


def read_items(model: Trained, sources: Iterable[str | Path]) -> tuple[list[Item], list[str]]:
    """Items, and a name for each, from files and from folders (searched through, in the order of their names).

    Raises:
        DataError: a path does not exist, or nothing that the domain reads was found.
    """
    suffixes = find("domain", model.recipe.domain).suffixes
    items: list[Item] = []
    names: list[str] = []
    for source in map(Path, sources):
        for file in _files(source, suffixes):
            found = model.domain.read(file)
            items += found
            names += [str(file)] if len(found) == 1 else [f"{file}:{i}" for i in range(len(found))]
    if not items:
        raise DataError("holds no items", field=", ".join(map(str, sources)), expected=f"files {', '.join(suffixes)}")
    return items, names


def _files(source: Path, suffixes: Sequence[str]) -> list[Path]:
    if source.is_dir():
        return sorted(f for f in source.rglob("*") if f.is_file() and f.suffix.lower() in suffixes)
    if not source.exists():
        raise DataError("there is no such file or folder", field=str(source), fix="check the path")
    return [source]


def encode_items(model: Trained, items: Sequence[Item]) -> State:
    """Clean states of items, on the model's device.

    Raises:
        DomainInputError: there is no item, or the domain cannot take one.
    """
    if not items:
        raise DomainInputError("is empty", field="items", expected="at least one item")
    return to(model.codec.encode(items), model.device)
