"""Indexes of items: of some in memory, or of files, brought up to date as the files change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from suffuse.domain import Item
from suffuse.errors import DataError, DomainInputError, ModelFileError
from suffuse.features import LEVEL
from suffuse.folders import cache_folder
from suffuse.index import Entry, Index, Settings, unit
from suffuse.tasks.embed import feature_reader, features, fingerprint, read_features
from suffuse.tasks.items import find_files, name_of, readable
from suffuse.tasks.plan import OnStep
from suffuse.trained import Trained

Rows = list[tuple[Entry, Tensor]]
"""Entries with their features."""


@dataclass(frozen=True)
class Stamp:
    """A file as it was: whatever has another stamp has changed."""

    file: str
    size: int
    changed: int

    @classmethod
    def of(cls, file: Path) -> Stamp:
        about = file.stat()
        return cls(str(file), about.st_size, about.st_mtime_ns)

    @classmethod
    def seen(cls, entry: Entry) -> Stamp:
        """That of the file of an index's entry, when it was looked at."""
        return cls(entry.file, entry.size, entry.changed)

    def holds(self) -> bool:
        """Whether the file is there, and as it was."""
        file = Path(self.file)
        return file.is_file() and self == Stamp.of(file)


def make_index(model: Trained, items: Sequence[Item], names: Sequence[str] | None = None, **options: Any) -> Index:
    """An index of items in memory.

    Arguments:
        model: a trained model.
        items: of its domain.
        names: what each is called; its number, unless told otherwise.
        options: as for :func:`suffuse.tasks.embed.features`.
    """
    named = [str(i) for i in range(len(items))] if names is None else list(names)
    if len(named) != len(items):
        raise DomainInputError("has another length", field="names", expected=len(items), got=len(named))
    settings = _settings(model, options.pop("layer", None), options.pop("level", LEVEL))
    found = features(model, items, layer=settings.layer, level=settings.level, **options)
    return Index(settings, tuple(Entry(name) for name in named), unit(found), items)


def index_files(
    model: Trained,
    where: str | Path | Sequence[str | Path],
    *,
    path: str | Path | None = None,
    layer: str | None = None,
    level: float = LEVEL,
    batch: int = 64,
    on_step: OnStep | None = None,
) -> Index:
    """The index of files and folders, kept in a file: only what is new or has changed is looked at.

    Arguments:
        model: a trained model. An index of another model, or of other settings, is made anew.
        where: files, and folders, which are searched through.
        path: the index's file; one in the cache by default, a different one for each model, settings and sources.
        layer, level, batch: as for :func:`suffuse.tasks.embed.features`.
        on_step: called with (files done, files in all).

    Raises:
        DataError: a path does not exist, the domain does not read its suffix, or it holds no items.
        ModelFileError: ``path`` is a file of another kind.
    """
    if batch < 1:
        raise DomainInputError("must be at least 1", field="batch", got=batch)
    sources = [where] if isinstance(where, str | Path) else list(where)
    settings = _settings(model, layer, level)
    files = dict.fromkeys(file.resolve() for file in find_files(model, sources))
    place = _place(settings, sources) if path is None else Path(path)
    kept = _kept(place, settings, lenient=path is None)
    known = _by_stamp(kept)
    stamps = [Stamp.of(file) for file in files]
    known |= _look(model, settings, [stamp for stamp in stamps if stamp not in known], batch, on_step)
    rows = [row for stamp in stamps for row in known.get(stamp, [])]
    if not rows:
        raise DataError("holds no items that can be read", field=", ".join(map(str, sources)), fix="see the warnings")
    index = Index(settings, tuple(entry for entry, _ in rows), torch.stack([feature for _, feature in rows]))
    if kept is None or kept.entries != index.entries:
        index.save(place)
    return index


def _settings(model: Trained, layer: str | None, level: float) -> Settings:
    return Settings(fingerprint(model), feature_reader(model, layer, level).layer, level)


def _place(settings: Settings, sources: Sequence[str | Path]) -> Path:
    """Where the cache keeps the index of some sources."""
    told = json.dumps([asdict(settings), [str(Path(source).resolve()) for source in sources]])
    return cache_folder() / "search" / f"{hashlib.blake2b(told.encode(), digest_size=12).hexdigest()}.safetensors"


def _kept(place: Path, settings: Settings, lenient: bool) -> Index | None:
    """The index in a file, if it is of the same settings; the cache's own may be broken, as it can be made again."""
    try:
        index = Index.load(place) if place.exists() else None
    except ModelFileError:
        if not lenient:
            raise
        return None
    return index if index is not None and index.settings == settings else None


def _by_stamp(index: Index | None) -> dict[Stamp, Rows]:
    known: dict[Stamp, Rows] = {}
    if index is not None:
        for entry, feature in zip(index.entries, index.features, strict=True):
            known.setdefault(Stamp.seen(entry), []).append((entry, feature))
    return known


def _look(
    model: Trained, settings: Settings, stamps: Sequence[Stamp], batch: int, on_step: OnStep | None
) -> Mapping[Stamp, Rows]:
    """The features of the items of some files, a batch of items at a time, of whatever file they are."""
    reader = feature_reader(model, settings.layer, settings.level)
    found: dict[Stamp, Rows] = {}
    source = _entries(model, stamps, on_step)
    while part := list(islice(source, batch)):
        rows = unit(read_features(model, reader, [item for _, _, item in part]))
        for (stamp, entry, _), row in zip(part, rows, strict=True):
            found.setdefault(stamp, []).append((entry, row))
    return found


def _entries(model: Trained, stamps: Sequence[Stamp], on_step: OnStep | None) -> Iterator[tuple[Stamp, Entry, Item]]:
    for done, stamp in enumerate(stamps, start=1):
        found = readable(model, Path(stamp.file))
        for number, item in found.items.items():
            name = name_of(Path(stamp.file), number, found.count)
            yield stamp, Entry(name, stamp.file, number, stamp.size, stamp.changed), item
        if on_step is not None:
            on_step(done, len(stamps))
