"""Data sets of sounds: what of files can be learnt from, cut into windows, its parts and its conditions."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from suffuse.datasets import Listed
from suffuse.domain import Section, Splits
from suffuse.errors import DataError, unknown_name
from suffuse.rng import permutation
from suffuse_audio.clip import LENGTH, Clip
from suffuse_audio.files import Info, checked, info, read_clip

logger = logging.getLogger(__name__)

KEPT_BYTES = 512 * 2**20
"""Data sets whose samples take no more than this are read once."""

READERS = 4
"""Threads that look at files when a data set is opened."""

ALIKE = 0.05
"""Of the longest clip, by which others may be shorter for all to be of one length."""

SPARED = 0.1
"""Of a window, what may be left over at a file's end without being in any."""

FEWEST = 5
"""Files that are dealt out whole; of fewer, their windows are."""

PARTS: Mapping[str, str] = {
    "train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test",
}  # fmt: skip
"""How parts are called, in a table or as folders."""


class Data(Section):
    """The ``data`` section of a recipe.

    Arguments:
        name: a registered data set, or ``folder``.
        path: the folder of sounds; of a named data set, where it lies.
        table: a CSV that names files, and tells what is known of each; left out, one that lies in the folder.
        root: where named data sets lie; left out, ``$SUFFUSE_DATA`` or the user's data folder.
        conditions: what steers generation: some of the columns, and ``seconds``, how long a clip is; left out, all, and
            ``seconds`` where lengths differ by more than a twentieth.
        seconds: files are cut into windows of this length, the shorter ones stay as they are; left out, none is cut.
            Of the generated sounds, the length.
        rate: frames a second of the generated sounds; files have their own.
        validation, test: the shares that are held out, where the data set has no such parts of its own.
        limit: use only so many clips of the training part, drawn by the seed.
        seed: draws the parts.
        on_error: whether a file that cannot be read is left out, which is told, or stops the work. ``skip`` reads every
            file once when the data set is opened, ``raise`` the heads alone.
    """

    name: str = "sounds"
    path: Path | None = None
    table: Path | None = None
    root: Path | None = None
    conditions: tuple[str, ...] | None = None
    seconds: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    rate: int = Field(default=8000, ge=4000)
    validation: float = Field(default=0.1, gt=0.0, lt=1.0)
    test: float = Field(default=0.1, ge=0.0, lt=1.0)
    limit: int | None = Field(default=None, ge=1)
    seed: int = 0
    on_error: Literal["raise", "skip"] = "skip"

    @field_validator("conditions", mode="before")
    @classmethod
    def _one_is_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


@dataclass(frozen=True)
class Source:
    """A sound file, and what is known of it.

    Arguments:
        path: of the file.
        told: conditions by name; what is ``None`` or left out is not known.
        part: that it belongs to, one of :data:`PARTS`; empty: none is told.
    """

    path: Path
    told: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""


@dataclass(frozen=True)
class Window:
    """A stretch of a file.

    Arguments:
        path: of the file.
        start: its first frame.
        frames: how many.
    """

    path: Path
    start: int
    frames: int


@dataclass(frozen=True, eq=False)
class Windows(Sequence[Clip]):
    """Stretches of files, read when they are asked for. Several threads may ask.

    Arguments:
        places: where each lies.
        keep: whether what was read stays in memory.
        kept: what did.
    """

    places: Sequence[Window]
    keep: bool = False
    kept: dict[Window, Clip] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Clip: ...

    @overload
    def __getitem__(self, index: slice) -> Windows: ...

    def __getitem__(self, index: int | slice) -> Clip | Windows:
        if isinstance(index, slice):
            return self.take(range(*index.indices(len(self))))
        place = self.places[index]
        known = self.kept.get(place)
        if known is not None:
            return known
        clip = read_clip(place.path, place.start, place.frames)
        if self.keep:
            self.kept[place] = clip
        return clip

    def take(self, indices: Sequence[int]) -> Windows:
        """Some of them."""
        return Windows([self.places[i] for i in indices], self.keep, self.kept)


def opened(data: Data, name: str, sources: Sequence[Source]) -> Splits:
    """The parts of a data set of files.

    A file lies in one part with all its windows. Where there are hardly more files than parts, windows are dealt out
    instead, in their order in time.

    Arguments:
        data: the section of the recipe.
        name: of the data set.
        sources: its files. Where the part of any is told, that of all is: what is told of none is trained on.

    Raises:
        DataError: a file cannot be read and none may be left out, or a part has no file.
    """
    usable, heads, faults = _readable(data, name, sources)
    windows = [windows_of(source.path, head, data.seconds) for source, head in zip(usable, heads, strict=True)]
    samples = sum(head.frames * head.channels for head in heads)
    every = Windows([place for several in windows for place in several], keep=4 * samples <= KEPT_BYTES)
    owner = np.repeat(np.arange(len(usable)), [len(several) for several in windows])
    lengths = [place.frames / heads[i].rate for place, i in zip(every.places, owner, strict=True)]
    known = dict.fromkeys(key for source in usable for key in source.told)
    names = chosen(data, name, known, () if LENGTH in known else lengths)
    columns = {key: [usable[i].told.get(key) for i in owner] if key in known else lengths for key in names}
    return replace(parts_of(data, name, Listed(every, columns), _parts(data, usable, owner)), faults=faults)


def parts_of(data: Data, name: str, every: Listed, parts: NDArray[np.str_]) -> Splits:
    """A data set whose parts are told; where there is no part for tests, that for validation serves.

    Arguments:
        data: the section of the recipe.
        name: of the data set.
        every: its examples, with columns that may be conditions.
        parts: of each, ``train``, ``validation`` or ``test``.

    Raises:
        DataError: nothing is trained on, or nothing validated on.
    """
    train, validation, test = (np.flatnonzero(parts == part) for part in ("train", "validation", "test"))
    order = permutation(len(train), "audio", "limit", data.seed).numpy()[: data.limit]
    train = train[np.sort(order)]
    for part, places in (("training", train), ("validation", validation)):
        if not len(places):
            raise DataError(
                f"has no clip in its {part} part", field=name, got=f"{len(parts)} clips",
                fix="give more files, or cut them into windows: data.seconds",
            )  # fmt: skip
    tested = test if len(test) else validation
    return Splits(_some(every, train), _some(every, validation), _some(every, tested), name)


def dealt(data: Data, count: int, test: float) -> NDArray[np.str_]:
    """To each of so many files or clips its part, drawn by the seed: at least one for each, if there are enough."""
    order = permutation(count, "audio", "split", data.seed).numpy()
    return _dealt(data, count, test)[np.argsort(order)]


def windows_of(path: Path, head: Info, seconds: float | None) -> list[Window]:
    """The windows of a file, at equal distances from its beginning to its end.

    They overlap as little as can be, and none is padded: a file that is shorter than one is a window itself. A tenth of
    a window may be left over at the end.
    """
    length = head.frames if seconds is None else max(1, round(seconds * head.rate))
    if length >= head.frames:
        return [Window(path, 0, head.frames)]
    count = max(1, math.ceil(head.frames / length - SPARED))
    last = max(0, min(head.frames - length, (count - 1) * length))
    return [Window(path, round(last * i / max(1, count - 1)), length) for i in range(count)]


def chosen(data: Data, name: str, known: Iterable[str], lengths: Sequence[float] = ()) -> list[str]:
    """Of the columns that there are those that are conditions: what is asked for, or all.

    Arguments:
        data: the section of the recipe.
        name: of the data set.
        known: the columns.
        lengths: of each clip, in seconds, if they may be a column too: one that is taken unasked where they differ.

    Raises:
        DataError: there is none of a name that is asked for.
    """
    known = list(known)
    usual = [*known, LENGTH] if len(lengths) and min(lengths) < (1.0 - ALIKE) * max(lengths) else known
    for key in data.conditions or ():
        if key not in known and not (key == LENGTH and len(lengths)):
            raise unknown_name(f"column of {name}", key, known, DataError, field="data.conditions")
    return list(usual if data.conditions is None else data.conditions)


def _some(every: Listed, places: NDArray[np.int64]) -> Listed:
    examples = every.examples_at(places.tolist())
    return Listed(examples.items, examples.conditions)


def _readable(data: Data, name: str, sources: Sequence[Source]) -> tuple[list[Source], list[Info], list[DataError]]:
    """The files that can be read, their heads, and why the others cannot; what is left out is told.

    Raises:
        DataError: none can be, or one cannot and ``on_error`` is ``raise``.
    """
    if not sources:
        raise DataError("has no files", field=name, expected="at least one sound file")
    look = partial(_looked_at, look=checked if data.on_error == "skip" else info)
    with ThreadPoolExecutor(READERS, thread_name_prefix="suffuse-audio") as pool:
        found = list(pool.map(look, sources))
    faults = [head for head in found if isinstance(head, DataError)]
    if faults and (data.on_error == "raise" or len(found) == 1):
        raise faults[0]
    if len(faults) == len(found):
        raise DataError(
            f"none of its {len(found)} files can be read", field=name, got=f"{faults[0].field}: {faults[0].message}",
            expected=faults[0].expected, fix=faults[0].fix,
        )  # fmt: skip
    if faults:
        logger.warning(
            "%s: %d of %d files cannot be read and are left out (data.on_error=raise stops there); the first is %s: %s",
            name, len(faults), len(found), faults[0].field, faults[0].message,
        )  # fmt: skip
    usable = [(source, head) for source, head in zip(sources, found, strict=True) if isinstance(head, Info)]
    return [source for source, _ in usable], [head for _, head in usable], faults


def _looked_at(source: Source, look: Callable[[Path], Info]) -> Info | DataError:
    try:
        return look(source.path)
    except DataError as error:
        return error


def _parts(data: Data, sources: Sequence[Source], owner: NDArray[np.int64]) -> NDArray[np.str_]:
    """The part of each window.

    Arguments:
        data: the section of the recipe.
        sources: the files.
        owner: the file of each window.
    """
    told = np.array([source.part or "train" for source in sources], dtype="<U10")
    if "validation" in told:
        return told[owner]
    test = 0.0 if any(source.part for source in sources) else data.test
    free = told == "train"
    if free.sum() >= FEWEST:
        told[free] = dealt(data, int(free.sum()), test)
        return told[owner]
    each = told[owner]
    each[free[owner]] = _dealt(data, int(free[owner].sum()), test)[::-1]
    return each


def _dealt(data: Data, count: int, test: float) -> NDArray[np.str_]:
    """So many parts: first those of validation, then of test, then of training."""
    held = min(max(1, round(count * data.validation)), max(0, count - 1))
    tested = min(max(1, round(count * test)), max(0, count - held - 1)) if test else 0
    return np.array(["validation"] * held + ["test"] * tested + ["train"] * (count - held - tested), dtype="<U10")
