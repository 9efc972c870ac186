"""A person's items: read from files, and turned into states on a model's device."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob, has_magic
from itertools import chain, islice
from pathlib import Path

from suffuse.domain import Item, Unreadable
from suffuse.errors import DataError, DomainInputError, SuffuseError
from suffuse.files import is_hidden
from suffuse.registry import find
from suffuse.state import State, to
from suffuse.tasks.layout import is_extra
from suffuse.tasks.taking import taken, taken_each
from suffuse.trained import Trained

logger = logging.getLogger(__name__)

BATCH = 256
"""Items that are read at a time where only some are wanted."""


def read_items(model: Trained, sources: Iterable[str | Path], gaps: bool = False) -> tuple[list[Item], list[str]]:
    """Items, and a name for each, from files and from folders (searched through, in the order of their names).

    Arguments:
        model: that is to take them.
        sources: files, folders and patterns.
        gaps: as for :func:`readable`.

    Raises:
        DataError: a path does not exist, the domain does not read its suffix, or a file holds no items.
        SuffuseError: as :func:`each_item`.
    """
    found = list(each_item(model, find_files(model, sources), gaps))
    return [item for item, _ in found], [name for _, name in found]


def read_whole(model: Trained, file: Path) -> Sequence[Item]:
    """The items of one file in whatever kind of sequence the domain reads them, as the model takes them.

    Raises:
        SuffuseError: the file is broken, or the model's data leave an item out.
    """
    found = taken(model, model.domain.read(file), str(file))
    refuse_unreadable(found)
    return found


def refuse_unreadable(items: Sequence[Item]) -> None:
    """Raise why an item could not be read, if there is such a one."""
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Unreadable):
            raise item.error


def find_files(model: Trained, sources: Iterable[str | Path]) -> list[Path]:
    """The files of the model's domain among some files, in some folders, and of some patterns, as ``"day/*.csv"``.

    What is hidden in a folder, as ``._a.wav``, is left out.

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


def each_item(model: Trained, files: Iterable[Path], gaps: bool = False) -> Iterator[tuple[Item, str]]:
    """The items of files and a name for each, one after the other: the next file is read when it is asked for.

    What cannot be read is left out, as :func:`readable` tells.

    Raises:
        DataError: a file holds no items, or nothing can be read of any of several files.
        SuffuseError: nothing can be read of the one file that there is.
    """
    read = 0
    faults: list[SuffuseError] = []
    for file in files:
        found = readable(model, file, gaps)
        read += len(found.items)
        faults += found.faults[:1]
        for i, item in found.items.items():
            yield item, name_of(file, i, found.count)
    if len(faults) > 1 and not read:
        raise DataError(
            f"none of {len(faults)} files can be read", field="items", expected=faults[0].expected,
            got=f"{faults[0].field}: {faults[0].message}", fix=faults[0].fix,
        )  # fmt: skip
    if faults and not read:
        raise faults[0]


def name_of(file: Path, number: int, count: int) -> str:
    """What an item of a file of so many is called."""
    return str(file) if count == 1 else f"{file}:{number}"


@dataclass(frozen=True)
class Found:
    """What a file holds.

    Arguments:
        items: those that can be read, by their numbers, as the model takes them.
        faults: why each of the others cannot.
    """

    items: Mapping[int, Item]
    faults: Sequence[SuffuseError]

    @property
    def count(self) -> int:
        """How many there are in all."""
        return len(self.items) + len(self.faults)


def readable(model: Trained, file: Path, gaps: bool = False) -> Found:
    """The items of a file, those that cannot be read apart: a warning tells how many these are, and of the first why.

    Arguments:
        model: that is to take them.
        file: of its domain.
        gaps: whether items may lack something that the model's codec encodes by ``encode_gaps`` alone; else what it
            cannot encode is left out, too.

    Raises:
        DataError: it holds no items.
    """
    every = list(chain.from_iterable(taken_each(model, model.domain.batches(file, BATCH), str(file))))
    if not every:
        raise DataError("holds no items", field=str(file), expected="at least one item", got="none")
    faults: dict[int, SuffuseError] = {i: item.error for i, item in enumerate(every) if isinstance(item, Unreadable)}
    if not gaps:
        faults |= _not_encoded(model, file, {i: item for i, item in enumerate(every) if i not in faults}, len(every))
    found = Found(
        {i: item for i, item in enumerate(every) if i not in faults}, [fault for _, fault in sorted(faults.items())]
    )
    if found.faults and len(every) == 1:
        logger.warning("%s: %s; it is left out", found.faults[0].field or file, found.faults[0].message)
    elif found.faults:
        logger.warning(
            "%s: %d of %d items cannot be read and are left out; the first: %s",
            file, len(found.faults), len(every), found.faults[0],
        )  # fmt: skip
    return found


def _not_encoded(model: Trained, file: Path, items: Mapping[int, Item], count: int) -> dict[int, SuffuseError]:
    """Which of the items of a file the model cannot encode, and why, the file being named."""
    numbers = list(items)
    faults = model.codec.faults(list(items.values())) if items else {}
    return {numbers[i]: _named(error, name_of(file, numbers[i], count)) for i, error in faults.items()}


def numbered(model: Trained, file: Path, numbers: Collection[int]) -> dict[int, Item]:
    """Some items of a file, by their numbers; it is read no further than to the last of them.

    Raises:
        DataError: the file is broken, or holds fewer.
    """
    each = chain.from_iterable(taken_each(model, model.domain.batches(file, BATCH), None))
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
        return sorted(f for f in found if not is_hidden(f, source) and not is_extra(f))
    if not source.exists():
        raise DataError("there is no such file or folder", field=str(source), fix="check the path")
    if suffixes and source.suffix.lower() not in suffixes:
        raise DataError(
            "is no file that the model's domain reads", field=str(source),
            expected=f"a file ending in {', '.join(suffixes)}", got=repr(source.suffix),
        )  # fmt: skip
    return [source]


def encode_items(model: Trained, items: Sequence[Item], numbers: Sequence[int] | None = None) -> State:
    """Clean states of items, on the model's device.

    Arguments:
        model: whose states they are.
        items: of its domain.
        numbers: which of a person's items each is, for messages; these themselves, unless told.

    Raises:
        DomainInputError: there is no item, or the domain cannot take one.
    """
    if not items:
        raise DomainInputError("is empty", field="items", expected="at least one item")
    with told_by(range(len(items)) if numbers is None else numbers):
        return to(model.codec.encode(items), model.device)


def encode_gaps(model: Trained, items: Sequence[Item], numbers: Sequence[int]) -> State:
    """As :func:`encode_items`, of items that may lack something: see :meth:`suffuse.domain.Codec.encode_gaps`."""
    with told_by(numbers):
        return to(model.codec.encode_gaps(items), model.device)


@contextmanager
def told_by(numbers: Sequence[int]) -> Iterator[None]:
    """Errors about ``items[i]`` become such about the item of the i-th of some numbers."""
    try:
        yield
    except DomainInputError as error:
        raise renumbered(error, numbers) from error


@contextmanager
def called(names: Sequence[str]) -> Iterator[None]:
    """Errors about ``items[i]`` become such about the i-th of some names."""
    try:
        yield
    except DomainInputError as error:
        number = _number(error)
        if number is None or number >= len(names):
            raise
        raise _named(error, names[number]) from error


def renumbered(error: DomainInputError, numbers: Sequence[int]) -> DomainInputError:
    """An error about ``items[i]`` as one about the item of the i-th of some numbers; another one as it is."""
    number = _number(error)
    return error if number is None else _named(error, f"items[{numbers[number]}]")


_ITEM = re.compile(r"items\[(\d+)\]")


def _number(error: DomainInputError) -> int | None:
    """Of the item that an error is about."""
    found = _ITEM.match(error.field or "")
    return None if found is None else int(found[1])


def _named(error: DomainInputError, name: str) -> DomainInputError:
    """The same error about an item that is called so."""
    field = _ITEM.sub(lambda found: name, error.field or "items[0]", count=1)
    return DomainInputError(error.message, field=field, expected=error.expected, got=error.got, fix=error.fix)
