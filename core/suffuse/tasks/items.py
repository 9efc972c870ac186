"""A person's items: read from files, and turned into states on a model's device."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from glob import glob, has_magic
from itertools import chain, islice
from pathlib import Path

from suffuse.domain import Item, Unreadable
from suffuse.errors import DataError, DomainInputError
from suffuse.registry import find
from suffuse.state import State, to
from suffuse.tasks.layout import is_extra
from suffuse.trained import Trained

logger = logging.getLogger(__name__)

BATCH = 256
"""Items that are read at a time where only some are wanted."""


def read_items(model: Trained, sources: Iterable[str | Path]) -> tuple[list[Item], list[str]]:
    """Items, and a name for each, from files and from folders (searched through, in the order of their names).

    Raises:
        DataError: a path does not exist, the domain does not read its suffix, or a file holds no items.
    """
    found = list(each_item(model, find_files(model, sources)))
    return [item for item, _ in found], [name for _, name in found]


def find_files(model: Trained, sources: Iterable[str | Path]) -> list[Path]:
    """The files of the model's domain among some files, in some folders, and of some patterns, as ``"day/*.csv"``.

    Raises:
        DataError: a path does not exist, the domain does not read its suffix, or a folder holds nothing that it reads.
    """
    suffixes = find("domain", model.recipe.domain).suffixes
    paths = [path for source in sources for path in _expanded(Path(source))]
    files = [file for path in paths for file in _files(path, suffixes)]
    if not files:
        read = f"files ending in {', '.join(suffixes)}" if suffixes else "files by name: the domain tells no suffixes"
        raise DataError("holds no items", field=", ".join(map(str, paths)), expected=read)
    return files


def each_item(model: Trained, files: Iterable[Path]) -> Iterator[tuple[Item, str]]:
    """The items of files and a name for each, one after the other: the next file is read when it is asked for.

    What of a file cannot be read is left out, and a warning tells how many there are, and of the first why.

    Raises:
        DataError: a file holds no items.
        SuffuseError: none of a file can be read.
    """
    for file in files:
        found = list(chain.from_iterable(model.domain.batches(file, BATCH)))
        if not found:
            raise DataError("holds no items", field=str(file), expected="at least one item", got="none")
        wrong = [item for item in found if isinstance(item, Unreadable)]
        if len(wrong) == len(found):
            raise wrong[0].error
        if wrong:
            logger.warning(
                "%s: %d of %d items cannot be read and are left out; the first: %s",
                file, len(wrong), len(found), wrong[0].error,
            )  # fmt: skip
        for i, item in enumerate(found):
            if not isinstance(item, Unreadable):
                yield item, str(file) if len(found) == 1 else f"{file}:{i}"


def numbered(model: Trained, file: Path, numbers: Collection[int]) -> dict[int, Item]:
    """Some items of a file, by their numbers; it is read no further than to the last of them.

    Raises:
        DataError: the file is broken, or holds fewer.
    """
    each = (item for batch in model.domain.batches(file, BATCH) for item in batch)
    read = enumerate(islice(each, max(numbers, default=-1) + 1))
    found = {number: item for number, item in read if number in numbers}
    for number in sorted(set(numbers) - set(found)):
        raise DataError("holds fewer items", field=str(file), expected=f"number {number}", fix="make the index anew")
    return found


def _expanded(source: Path) -> list[Path]:
    """What a pattern stands for, in order; a path that is there stands for itself, whatever is in its name."""
    if source.exists() or not has_magic(str(source)):
        return [source]
    found = sorted(Path(name) for name in glob(str(source), recursive=True))  # noqa: PTH207 - a path's own glob takes no absolute pattern
    if not found:
        raise DataError("no file or folder is called so", field=str(source), fix="check the pattern")
    return found


def _files(source: Path, suffixes: Sequence[str]) -> list[Path]:
    if source.is_dir():
        found = (f for f in source.rglob("*") if f.is_file() and f.suffix.lower() in suffixes)
        return sorted(f for f in found if not is_extra(f))
    if not source.exists():
        raise DataError("there is no such file or folder", field=str(source), fix="check the path")
    if suffixes and source.suffix.lower() not in suffixes:
        raise DataError(
            "is no file that the model's domain reads", field=str(source),
            expected=f"a file ending in {', '.join(suffixes)}", got=repr(source.suffix),
        )  # fmt: skip
    return [source]


def encode_items(model: Trained, items: Sequence[Item]) -> State:
    """Clean states of items, on the model's device.

    Raises:
        DomainInputError: there is no item, or the domain cannot take one.
    """
    if not items:
        raise DomainInputError("is empty", field="items", expected="at least one item")
    return to(model.codec.encode(items), model.device)
