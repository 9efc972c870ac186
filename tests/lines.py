"""A domain of many items a file: JSON lines, each a number and a wave, that are read some at a time and kept together.

It is the toy domain's in all else, and takes its name, so that the toy models serve.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from suffuse.domain import Codec, Item
from suffuse.errors import DataError, DomainInputError
from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec
from suffuse.rng import Rng
from suffuse.state import State
from tests.exact import exact_model, two_modes
from tests.toy import LENGTH, Toy, WaveCodec, Waves


@dataclass(frozen=True)
class Lot(Sequence[Item]):
    """Items that stay together; how many are looked at alone is counted."""

    held: tuple[Item, ...]
    looked: ClassVar[list[int]] = [0]

    def __len__(self) -> int:
        return len(self.held)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Lot(self.held[index])
        Lot.looked[0] += 1
        return self.held[index]

    def __add__(self, other: Lot) -> Lot:
        return Lot(self.held + other.held)

    def take(self, indices: Sequence[int]) -> Lot:
        return Lot(tuple(self.held[i] for i in indices))


@dataclass(frozen=True)
class LineCodec(WaveCodec):
    """Takes lots, and refuses waves that are too short, or all items without a wave."""

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        held = items.held if isinstance(items, Lot) else items
        if held and not any("wave" in item for item in held):
            raise DomainInputError("lacks a column", field="wave", expected="id, wave")
        return super().encode([item.get("wave", []) for item in held], rng)

    def decode(self, state: State) -> list[Item]:
        return [{"id": -1, "wave": wave} for wave in super().decode(state)]

    def faults(self, items: Sequence[Item]) -> dict[int, DomainInputError]:
        held = items.held if isinstance(items, Lot) else items
        if not any("wave" in item for item in held):
            raise DomainInputError("lacks a column", field="wave", expected="id, wave")
        return super().faults(items)


@dataclass
class Watch:
    """What the domain did: how many items were read and given, and how long it sleeps before each batch."""

    read: int = 0
    nap: float = 0.0
    sizes: list[int] = field(default_factory=list)


class Lines(Toy):
    """Items are mappings of ``id`` and ``wave``."""

    watch: ClassVar[Watch] = Watch()

    def load_codec(self, data: Mapping[str, Any]) -> Codec:
        return LineCodec(**data)

    def read(self, path: Path) -> list[Item]:
        return [item for lot in self.batches(path, 1000) for item in lot.held]

    def batches(self, path: Path, size: int) -> Iterator[Lot]:
        with path.open(encoding="utf-8") as file:
            yield from self.parse(file, size)

    def parse(self, lines: Iterable[str], size: int) -> Iterator[Lot]:
        held: list[Item] = []
        for number, line in enumerate(lines, start=1):
            try:
                held.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise DataError("is no JSON", field=f"line {number}", got=line[:20]) from error
            self.watch.read += 1
            if len(held) == size:
                yield self._given(held)
                held = []
        if held:
            yield self._given(held)

    def columns(self, items: Sequence[Item]) -> Mapping[str, Any]:
        held = items.held if isinstance(items, Lot) else items
        return {"id": [item["id"] for item in held], "first": [str(item["wave"][0]) for item in held]}

    def _given(self, held: list[Item]) -> Lot:
        time.sleep(self.watch.nap)
        self.watch.sizes.append(len(held))
        return Lot(tuple(held))


class Plugin:
    """Registers the domain under the toy's name; hand it to :func:`suffuse.registry.isolated`."""

    @hookimpl
    def register_domains(self, register: Any) -> None:
        register(DomainSpec(name="toy", factory="tests.lines:Lines", suffixes=(".jsonl",)))


def wave(number: int) -> dict[str, Any]:
    """The item of a number; one in ten is three times as large."""
    large = 3.0 if number % 10 == 9 else 1.0
    return {"id": number, "wave": [large * v for v in Waves(number, 1, False)[0].item]}


def write(path: Path, items: Iterable[Mapping[str, Any]]) -> Path:
    """Items as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    return path


def exact() -> Any:
    """A model whose belief is exact, of this domain's items."""
    model = exact_model(two_modes())
    object.__setattr__(model, "codec", LineCodec(1.0))
    return model


SHORT = {"id": -1, "wave": [0.5] * (LENGTH - 1)}
"""An item that cannot be encoded."""
