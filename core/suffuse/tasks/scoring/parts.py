"""Scores on the way to their file, in parts that outlive a crash.

A part is an Arrow file that appears whole or not at all, and tells how far the run had come with it. The journal beside
the parts tells of which run they are: the same run goes on from the last of them, another is refused.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from suffuse.errors import ResumeError
from suffuse.files import make_folder, write_json, write_text, write_with
from suffuse.jsonable import finite
from suffuse.tasks.scoring.columns import Fault, Scored
from suffuse.tasks.scoring.joining import joined
from suffuse.tasks.scoring.sources import STDIN, Place, Source

ROWS, BYTES, SECONDS = 2**17, 2**25, 30.0
"""A part is closed when it has as many rows or bytes, or has been open for so long."""

JOURNAL = "journal.json"
_KEY = b"suffuse"


@dataclass(frozen=True)
class Part:
    """What is known of a part without reading its rows.

    Arguments:
        path: of its file.
        end: how far the run had come.
        rows: how many were scored.
        faults: how many items could not be.
    """

    path: Path
    end: Place
    rows: int
    faults: int

    @classmethod
    def of(cls, path: Path) -> Part:
        """A part that was written before."""
        with pa.memory_map(str(path)) as file:
            told = json.loads(pa.ipc.open_file(file).schema.metadata[_KEY])
        return cls(path, Place(**told["end"]), told["rows"], told["faults"])

    @property
    def quarantine(self) -> Path:
        """Where its faults are, if it has any: a JSON value a line."""
        return self.path.with_suffix(".jsonl")

    def schema(self) -> pa.Schema:
        """Its columns."""
        with pa.memory_map(str(self.path)) as file:
            return pa.ipc.open_file(file).schema.remove_metadata()

    def read(self, column: str | None = None) -> pa.Table:
        """Its rows, or one column of them."""
        with pa.memory_map(str(self.path)) as file:
            chosen = None if column is None else [pa.ipc.open_file(file).schema.get_field_index(column)]
            options = pa.ipc.IpcReadOptions(included_fields=chosen)
            return pa.ipc.open_file(file, options=options).read_all().replace_schema_metadata(None)


class Parts:
    """The parts of one run, in a folder. Rows are held until they make a part.

    Arguments:
        folder: theirs alone.
        found: those that were there.
    """

    def __init__(self, folder: Path, found: Iterable[Part] = ()) -> None:
        self.folder = folder
        self.done = list(found)
        self._tables: list[pa.Table] = []
        self._faults: list[Fault] = []
        self._rows = self._bytes = 0  # of the tables that are held
        self._end = self.done[-1].end if self.done else Place()
        self._begun = time.monotonic()

    @property
    def end(self) -> Place:
        """How far the run has come with all whole parts."""
        return self.done[-1].end if self.done else Place()

    @property
    def rows(self) -> int:
        """How many items were scored, in all whole parts."""
        return sum(part.rows for part in self.done)

    @property
    def faults(self) -> int:
        """How many items could not be scored, in all whole parts."""
        return sum(part.faults for part in self.done)

    def add(self, scored: Scored) -> None:
        """Take in a batch; a part is closed when there is enough for one."""
        if not self._tables:
            self._begun = time.monotonic()
        self._tables.append(scored.table)
        self._faults += scored.faults
        self._end = scored.end
        self._rows += scored.table.num_rows
        self._bytes += scored.table.nbytes
        full = self._rows + len(self._faults) >= ROWS or self._bytes >= BYTES
        if full or time.monotonic() - self._begun >= SECONDS:
            self.flush()

    def flush(self) -> None:
        """Make a part of what is held.

        Raises:
            StorageError: the disk is full, or the folder cannot be written; the parts before stay.
        """
        if not self._tables:
            return
        table = joined(self._tables)
        path = self.folder / f"{len(self.done):06d}.arrow"
        part = Part(path, self._end, table.num_rows, len(self._faults))
        if self._faults:
            write_text(part.quarantine, "".join(json_line(fault.to_json()) for fault in self._faults))
        told = json.dumps({"end": asdict(part.end), "rows": part.rows, "faults": part.faults})
        write_with(path, lambda temporary: _write(table.replace_schema_metadata({_KEY: told}), temporary))
        self.done.append(part)
        self._tables, self._faults = [], []
        self._rows = self._bytes = 0
        pa.default_memory_pool().release_unused()  # it would hold a multiple of what is in use

    def broke(self, source: str) -> None:
        """Note that a source broke off: it may be mended, and the run go on in it."""
        journal = json.loads((self.folder / JOURNAL).read_text(encoding="utf-8"))
        write_json(self.folder / JOURNAL, {**journal, "broken": source})

    def quarantined(self) -> Iterator[str]:
        """The faults of all parts, a JSON value a line."""
        for part in self.done:
            if part.faults:
                with part.quarantine.open(encoding="utf-8") as file:
                    yield from file

    def remove(self) -> None:
        """Remove the parts and their folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def open_parts(folder: Path, run: Mapping[str, Any], sources: Sequence[Source], resume: bool = True) -> Parts:
    """The parts of a run: those that it left when it was interrupted, or none.

    Arguments:
        folder: where they are.
        run: what makes the scores what they are: the model, the statistic and so on, as JSON has it.
        sources: in their order.
        resume: whether to go on; else what is there is removed.

    Raises:
        ResumeError: the parts are another run's, or a source has changed of which there are scores.
    """
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    journal = folder / JOURNAL
    found = list(_whole(folder)) if journal.exists() else []
    if found:
        _check(folder, json.loads(journal.read_text(encoding="utf-8")), run, sources, found[-1].end)
    make_folder(folder)
    listed = [[source.name, source.size, source.changed] for source in sources]
    write_json(journal, {"run": dict(run), "sources": listed, "broken": None})
    return Parts(folder, found)


def _whole(folder: Path) -> Iterator[Part]:
    """The parts that are there, as far as none is missing."""
    number = 0
    while (path := folder / f"{number:06d}.arrow").exists():
        yield Part.of(path)
        number += 1


def _check(
    folder: Path, journal: Mapping[str, Any], run: Mapping[str, Any], sources: Sequence[Source], end: Place
) -> None:
    """Refuse to go on from scores that are not of this run."""
    fix = "give the same command as then; or --no-resume, which throws these scores away and begins anew"
    told = json.loads(json.dumps(finite(dict(run))))
    for name in run:
        if journal["run"].get(name) != told[name]:
            raise ResumeError(
                f"holds {end.number} rows of another run: its {name} is another", field=str(folder),
                expected=told[name], got=journal["run"].get(name), fix=fix,
            )  # fmt: skip
    before = [Source(*source) for source in journal["sources"][: end.source + 1]]
    for i, old in enumerate(before):
        new = sources[i] if i < len(sources) else None
        if old.name == STDIN or new is None or new.name != old.name:
            got = "the standard input, which cannot be read again" if old.name == STDIN else old.name
            raise ResumeError(
                f"holds {end.number} rows of other sources", field=str(folder),
                expected=new.name if new else "no more sources", got=got, fix=fix,
            )  # fmt: skip
        mended = i == end.source and journal["broken"] == old.name
        if new != old and not mended:
            raise ResumeError(
                f"has changed since {folder} was written, which holds scores of it", field=old.name, fix=fix,
                expected=f"{old.size} bytes", got=f"{new.size} bytes, or another time of change",
            )  # fmt: skip


def json_line(data: Any) -> str:
    """A JSON value on a line of its own; what JSON lacks becomes text, and a number that is not finite null."""
    return json.dumps(finite(data), ensure_ascii=False, allow_nan=False, default=str) + "\n"


def _write(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(str(path), table.schema) as writer:  # not compressed, so that it can be mapped
        writer.write_table(table)
