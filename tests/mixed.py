"""A mixed domain small enough to train in seconds: chains of two or three beads, each of a kind and of a size.

A bead's kind follows from the one before (red, green, blue, red, …, nine times in ten), and its size from its kind.
Whoever draws kinds and sizes each by itself gets one bead in three right, and seldom a chain.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from suffuse.conditions import ConditionSpace, Label
from suffuse.domain import Categories, Codec, Dataset, Domain, Example, Item, Section, Splits
from suffuse.files import write_text
from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec
from suffuse.rng import Rng
from suffuse.state import State

KINDS = ("red", "green", "blue")
SIZES = (2.0, 5.0, 8.0)
LONGEST = 3

Bead = tuple[str, float]


class Data(Section):
    count: int = 512


class Options(Section):
    pass


@dataclass(frozen=True)
class Chains:
    """Chain i, labelled by its length."""

    first: int
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        beads = chain(self.first + index)
        return Example(beads, {"length": str(len(beads))})


@lru_cache(maxsize=4096)
def chain(number: int) -> list[Bead]:
    """The chain of a number."""
    u = Rng.of(number).at("chain").uniform(shape=(2 * LONGEST + 1,))[0].tolist()
    length, kind = 2 + (u[0] < 0.6), int(3 * u[1])
    beads: list[Bead] = []
    for k in range(length):
        if k:
            kind = (kind + (1 if u[1 + k] < 0.9 else 2)) % 3
        beads.append((KINDS[kind], SIZES[kind] + u[4 + k] - 0.5))
    return beads


@dataclass(frozen=True)
class BeadCodec(Codec):
    mean: float
    std: float
    frequencies: tuple[float, ...]

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        state = _empty([len(item) for item in items])
        kinds, sizes = zip(*(bead for item in items for bead in item), strict=True)
        state["size"][state["mask"]] = (torch.tensor(sizes)[:, None] - self.mean) / self.std
        state["kind"][state["mask"]] = torch.eye(len(KINDS))[[KINDS.index(kind) for kind in kinds]]
        return state

    def decode(self, state: State) -> list[Item]:
        assert isinstance(state, dict)
        kinds, sizes = state["kind"].argmax(-1).tolist(), (state["size"][..., 0] * self.std + self.mean).tolist()
        lengths = state["mask"].sum(1).tolist()
        return [[(KINDS[k], s) for k, s in zip(kinds[i][:n], sizes[i][:n], strict=True)] for i, n in enumerate(lengths)]

    def like(self, count: int, rng: Rng | None = None) -> State:
        if rng is None:
            return _empty([LONGEST] * count)
        return _empty((2 + (rng.uniform(shape=()) < 0.6).long()).tolist())

    def categorical(self) -> Mapping[str, Categories]:
        return {"kind": Categories(self.frequencies)}

    def to_json(self) -> dict[str, Any]:
        return {"mean": self.mean, "std": self.std, "frequencies": self.frequencies}


def _empty(lengths: Sequence[int]) -> dict[str, Tensor]:
    count = len(lengths)
    return {
        "size": torch.zeros(count, LONGEST, 1),
        "kind": torch.zeros(count, LONGEST, len(KINDS)),
        "mask": torch.arange(LONGEST) < torch.tensor(lengths)[:, None],
    }


class Beads(Domain):
    name = "beads"
    data_section = Data
    codec_section = Options
    writes = (".json",)

    def splits(self, data: Section) -> Splits:
        assert isinstance(data, Data)
        rest = Chains(10**6, 64)
        return Splits(Chains(0, data.count), rest, rest, "chains")

    def conditions(self, splits: Splits) -> ConditionSpace:
        return {"length": Label(("2", "3"))}

    def fit_codec(self, options: Section, train: Dataset) -> Codec:
        beads: list[Bead] = [bead for i in range(len(train)) for bead in train[i].item]
        sizes = torch.tensor([size for _, size in beads])
        count = Counter(kind for kind, _ in beads)
        return BeadCodec(float(sizes.mean()), float(sizes.std()), tuple(count[k] / len(beads) for k in KINDS))

    def load_codec(self, data: Mapping[str, Any]) -> Codec:
        return BeadCodec(data["mean"], data["std"], tuple(data["frequencies"]))

    def write(self, items: Sequence[Item], path: Path) -> None:
        write_text(path, json.dumps(list(items)))

    def read(self, path: Path) -> list[Item]:
        return list(json.loads(path.read_text()))

    def picture(self, items: Sequence[Item], columns: int | None = None) -> Image.Image:
        return Image.new("RGB", (4 * LONGEST, 4 * len(items)))

    def evaluate(
        self, items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: Codec
    ) -> dict[str, float]:
        return right(items)


def right(items: Sequence[Sequence[Bead]]) -> dict[str, float]:
    """The share of beads whose size is that of their kind, and of chains in which every kind follows the one before."""
    sized = [abs(size - SIZES[KINDS.index(kind)]) < 1.0 for item in items for kind, size in item]
    followed = [all((KINDS.index(b) - KINDS.index(a)) % 3 == 1 for (a, _), (b, _) in pairwise(item)) for item in items]
    return {"sizes": sum(sized) / len(sized), "chains": sum(followed) / len(followed)}


def independent(train: Dataset, count: int, seed: int = 0) -> list[list[Bead]]:
    """The baseline of independent marginals: kinds and sizes each drawn from the data by itself."""
    beads = [bead for i in range(len(train)) for bead in train[i].item]
    picks = (len(beads) * Rng.of(seed, count).at("baseline").uniform(shape=(LONGEST, 2))).long().tolist()
    return [[(beads[a][0], beads[b][1]) for a, b in row] for row in picks]


class Plugin:
    """Registers the domain; hand it to :func:`suffuse.registry.isolated`."""

    @hookimpl
    def register_domains(self, register: Any) -> None:
        register(DomainSpec(name="beads", factory="tests.mixed:Beads", summary="chains of beads"))


def recipe(**changes: Any) -> dict[str, Any]:
    """A recipe that trains in seconds; ``changes`` replace sections."""
    base: dict[str, Any] = {
        "domain": "beads",
        "name": "beads",
        "network": {"name": "mlp", "width": 64, "depth": 3},
        "optimizer": {"learning_rate": 3e-3, "warmup": 20, "schedule": "constant"},
        "train": {
            "steps": 250, "batch": 64, "log_every": 50, "validate_every": 250, "sample_every": 250,
            "checkpoint_every": 1000, "validation_count": 64,
        },
        "sample": {"steps": 16, "grid": "uniform", "count": 4},
        "evaluate": {"count": 200},
    }  # fmt: skip
    return {**base, **changes}
