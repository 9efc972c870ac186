"""What was made, until it is saved: states in files that appear whole or not at all, so that a call can go on.

Batches are made in one order, whatever passes, and an item depends on its seed alone. So nothing but the states of the
batches is remembered: the same call decodes and judges them again, and makes those that follow.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from suffuse.errors import ResumeError
from suffuse.files import make_folder, write_json
from suffuse.jsonable import finite
from suffuse.state import State, map_all
from suffuse.tensorfile import read_tensors, write_tensors

SECONDS = 10.0
"""States are held for so long before they make a file; a call that takes no longer writes nothing."""

CALL = "call.json"
_FORMAT, _VERSION = "suffuse-made", 2

_ANEW = "--no-resume, which throws these items away and begins anew"


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch that was made.

    Arguments:
        seeds: of its items.
        state: the last, at t = 0.
        evaluations: of the network, in making it.
    """

    seeds: list[int]
    state: State
    evaluations: int = 0


class Memory:
    """The batches of one call, in their order.

    Arguments:
        folder: theirs alone; it appears with the first file.
        call: what makes them what they are, as JSON has it.
        found: those that were there; each is read when it is recalled.

    Attributes:
        recalled: how many items were recalled.
        evaluations: of the network, in making these.
    """

    def __init__(self, folder: Path, call: Mapping[str, Any], found: Iterable[Batch] = ()) -> None:
        self.folder = folder
        self.recalled = 0
        self.evaluations = 0
        self._call = call
        self._found = iter(found)
        self._held: list[Batch] = []
        self._files = len(_files(folder))
        self._begun = time.monotonic()

    def recall(self, seeds: Sequence[int]) -> State | None:
        """The states of the next batch, on the CPU, if it was made before.

        Raises:
            DataError: another batch was made then, as where a filter reads a file that has changed since.
        """
        batch = next(self._found, None)
        if batch is None:
            return None
        if batch.seeds != list(seeds):
            raise ResumeError(
                "remembers other items than are made now", field=str(self.folder),
                expected=f"seeds {_short(list(seeds))}", got=_short(batch.seeds),
                fix=f"see whether a file that a filter reads has changed; or {_ANEW}",
            )  # fmt: skip
        self.recalled += len(batch.seeds)
        self.evaluations += batch.evaluations
        return batch.state

    def keep(self, seeds: Sequence[int], state: State, evaluations: int = 0) -> None:
        """Take in a batch, and what it took to make it."""
        self._held.append(Batch(list(seeds), map_all(lambda x: x.cpu().clone(), state), evaluations))
        if time.monotonic() - self._begun >= SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write down what is held.

        Raises:
            StorageError: the disk is full, or the folder cannot be written; the files before stay.
        """
        if not self._held:
            return
        if not self._files:
            make_folder(self.folder)
            write_json(self.folder / CALL, self._call)
        tensors = {f"{i}.{name}": x for i, batch in enumerate(self._held) for name, x in _named(batch.state).items()}
        header = {
            "format": _FORMAT, "version": _VERSION, "seeds": [batch.seeds for batch in self._held],
            "evaluations": [batch.evaluations for batch in self._held],
        }  # fmt: skip
        write_tensors(self.folder / f"{self._files:06d}.safetensors", tensors, header)
        self._files += 1
        self._held, self._begun = [], time.monotonic()

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *error: object) -> None:
        """Write down what is held where the block ends early."""
        if error[0] is not None:
            self.flush()

    def forget(self) -> None:
        """Remove the files and their folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def open_memory(folder: Path, call: Mapping[str, Any], resume: bool = True) -> Memory:
    """What a call remembers: what it had made when it was interrupted, or nothing.

    Arguments:
        folder: where it is.
        call: what makes the batches what they are: the model, the seeds, the sampler and so on.
        resume: whether to go on; else what is there is removed.

    Raises:
        ResumeError: what is remembered is of another call.
    """
    told: dict[str, Any] = json.loads(json.dumps(finite(dict(call)), default=str))
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    if not (folder / CALL).exists():
        return Memory(folder, told)
    before = json.loads((folder / CALL).read_text(encoding="utf-8"))
    for name in {**told, **before}:
        if before.get(name) != told.get(name):
            raise ResumeError(
                f"remembers items of another call: its {name} is another", field=str(folder),
                expected=_short(told.get(name)), got=_short(before.get(name)),
                fix=f"give the same command as then; or {_ANEW}",
            )  # fmt: skip
    return Memory(folder, told, (batch for file in _files(folder) for batch in _read(file)))


def memory_of(out: Path) -> Path:
    """The folder of what is remembered on the way to an output: beside it, by its name."""
    named = out if out.name.strip(".") else out.resolve()  # "." and ".." are no names
    return named.with_name(f"{named.name}.parts")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _read(file: Path) -> list[Batch]:
    tensors, header = read_tensors(file, _FORMAT, _VERSION)
    batches = []
    for i, (seeds, evaluations) in enumerate(zip(header["seeds"], header["evaluations"], strict=True)):
        first = f"{i}."
        own = {name.removeprefix(first): x for name, x in tensors.items() if name.startswith(first)}
        batches.append(Batch(seeds, own.get("", own), evaluations))
    return batches


def _named(state: State) -> dict[str, Tensor]:
    return {"": state} if isinstance(state, Tensor) else state


def _short(value: Any) -> str:
    """A value in a line; of a long one a digest, by which two can be told apart."""
    text = str(value)
    return text if len(text) < 200 else f"{text[:80]} … ({hashlib.blake2b(text.encode(), digest_size=6).hexdigest()})"
