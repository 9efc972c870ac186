"""Sound domains, small enough to be held to every check in seconds; :mod:`tests.testing.broken` breaks them.

Molecules have what the others lack: sizes, categories, symmetric pairs, no order. Readings are sequences with gaps and
an order in time; swarms have positions in space; waves are plain tensors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from suffuse.codecs import ArrayCodec
from suffuse.conditions import ConditionSpace, Label, Number
from suffuse.domain import Categories, Codec, Dataset, Domain, Example, Item, Section, Splits
from suffuse.errors import DomainInputError
from suffuse.files import write_text
from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec, Features, NetworkSpec
from suffuse.rng import Rng
from suffuse.state import State

KINDS = ("C", "N", "O")
BONDS = ("none", "single", "double")
LONGEST = 5


class Data(Section):
    count: int = 128


@dataclass(frozen=True)
class Made:
    """Example i is a function of its number."""

    make: str
    first: int
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        i = self.first + index
        return globals()[self.make](np.random.default_rng(i), i)


class Small(Domain):
    """What the domains here share: examples that are made, files of JSON, pictures without content."""

    data_section = Data
    codec_section = Section
    writes = (".json",)
    make = ""

    def splits(self, data: Section) -> Splits:
        assert isinstance(data, Data)
        rest = Made(self.make, 10**6, 32)
        return Splits(Made(self.make, 0, data.count), rest, rest, self.name)

    def conditions(self, splits: Splits) -> ConditionSpace:
        return {}

    def write(self, items: Sequence[Item], path: Path) -> None:
        write_text(path, json.dumps([plain(item) for item in items]))

    def read(self, path: Path) -> list[Item]:
        return list(json.loads(path.read_text()))

    def picture(self, items: Sequence[Item], columns: int | None = None) -> Image.Image:
        return Image.new("RGB", (8, 8 * len(items)))

    def evaluate(
        self, items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: Codec
    ) -> dict[str, float]:
        return {"n": float(len(items))}


def plain(item: Item) -> Any:
    """An item as JSON has it."""
    return item.tolist() if isinstance(item, np.ndarray) else item


# Waves: bare tensors, labels and numbers.


def wave(rng: np.random.Generator, number: int) -> Example:
    turns, phase = 1 + number % 2, rng.random()
    values = np.sin(2 * math.pi * (turns * np.arange(8) / 8 + phase))
    return Example(values[:, None], {"turns": str(turns), "phase": phase})


class Waves(Small):
    name, make = "waves", "wave"

    def conditions(self, splits: Splits) -> ConditionSpace:
        return {"turns": Label(("1", "2")), "phase": Number(0.5, 0.3)}

    def fit_codec(self, options: Section, train: Dataset) -> Codec:
        return ArrayCodec.fit([train[i].item for i in range(len(train))])

    def load_codec(self, data: Mapping[str, Any]) -> Codec:
        return ArrayCodec.from_json(data)

    def read(self, path: Path) -> list[Item]:
        return [np.array(item) for item in json.loads(path.read_text())]


# Readings: sequences of three sensors, one reading in ten missing.


def reading(rng: np.random.Generator, number: int) -> Example:
    values = np.cumsum(rng.normal(size=(6, 3)), 0)
    values[rng.random((6, 3)) < 0.1] = np.nan
    return Example(values)


class Readings(Waves):
    name, make = "readings", "reading"

    def conditions(self, splits: Splits) -> ConditionSpace:
        return {}

    def fit_codec(self, options: Section, train: Dataset) -> Codec:
        return ArrayCodec.fit([train[i].item for i in range(len(train))], gaps=True)


# Molecules: atoms of a kind and a charge, bonds between them.


def molecule(rng: np.random.Generator, number: int) -> Example:
    size = 2 + number % (LONGEST - 1)
    kinds = [int(rng.choice(3, p=[0.5, 0.3, 0.2])) for _ in range(size)]
    bonds = [[i, i + 1, BONDS[1 + (kinds[i] == kinds[i + 1])]] for i in range(size - 1)]
    charges = [round(kinds[i] - 0.7 + 0.2 * rng.normal(), 3) for i in range(size)]
    return Example({"kinds": [KINDS[k] for k in kinds], "charges": charges, "bonds": bonds}, {"size": str(size)})


@dataclass(frozen=True)
class MoleculeCodec(Codec):
    mean: float
    std: float
    kinds: tuple[float, ...]
    bonds: tuple[float, ...]

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        if not items:
            raise DomainInputError("is empty", field="items", expected="at least one molecule")
        for number, item in enumerate(items):
            self.check(item, f"items[{number}]")
        sizes = [len(item["kinds"]) for item in items]
        state = self.empty(sizes, max(sizes))
        for row, item in enumerate(items):
            for i, (kind, charge) in enumerate(zip(item["kinds"], item["charges"], strict=True)):
                state["kind"][row, i, KINDS.index(kind)] = 1.0
                state["charge"][row, i, 0] = (charge - self.mean) / self.std
            bonded = {(i, j): BONDS.index(bond) for a, b, bond in item["bonds"] for i, j in ((a, b), (b, a))}
            for i in range(len(item["kinds"])):
                for j in range(len(item["kinds"])):
                    state["bond"][row, i, j, bonded.get((i, j), 0)] = 1.0
        return state

    def check(self, item: Item, field: str) -> None:
        if not isinstance(item, Mapping) or set(item) != {"kinds", "charges", "bonds"} or not item["kinds"]:
            raise DomainInputError("is no molecule", field=field, expected="kinds, charges and bonds", got=item)
        for value in item["kinds"]:
            if value not in KINDS:
                raise DomainInputError("is an unknown kind", field=f"{field}.kinds", expected=KINDS, got=value)
        if not all(math.isfinite(charge) for charge in item["charges"]):
            raise DomainInputError("is not finite", field=f"{field}.charges", expected="numbers", got=item["charges"])

    def empty(self, sizes: Sequence[int], longest: int) -> dict[str, Tensor]:
        mask = torch.arange(longest) < torch.tensor(sizes)[:, None]
        return {
            "charge": torch.zeros(len(sizes), longest, 1),
            "kind": torch.zeros(len(sizes), longest, len(KINDS)),
            "bond": torch.zeros(len(sizes), longest, longest, len(BONDS)),
            "mask": mask,
            "bond.mask": mask[:, :, None] & mask[:, None, :],
        }

    def decode(self, state: State) -> list[Item]:
        assert isinstance(state, dict)
        made = []
        for row, size in enumerate(state["mask"].sum(1).tolist()):
            kinds = [KINDS[k] for k in state["kind"][row, :size].argmax(-1).tolist()]
            charges = (state["charge"][row, :size, 0] * self.std + self.mean).tolist()
            bond = state["bond"][row, :size, :size].argmax(-1).tolist()
            bonds = [[i, j, BONDS[bond[i][j]]] for i in range(size) for j in range(i, size) if bond[i][j]]
            made.append({"kinds": kinds, "charges": charges, "bonds": bonds})
        return made

    def like(self, count: int, rng: Rng | None = None) -> State:
        if rng is None:
            return self.empty([LONGEST] * count, LONGEST)
        return self.empty((2 + (rng.at("size").uniform(shape=()) * (LONGEST - 1)).long()).tolist(), LONGEST)

    def categorical(self) -> Mapping[str, Categories]:
        return {"kind": Categories(self.kinds), "bond": Categories(self.bonds, symmetric=True)}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Molecules(Small):
    name, make = "molecules", "molecule"

    def conditions(self, splits: Splits) -> ConditionSpace:
        return {"size": Label(("2", "3", "4", "5"))}

    def fit_codec(self, options: Section, train: Dataset) -> Codec:
        items = [train[i].item for i in range(len(train))]
        charges = torch.tensor([charge for item in items for charge in item["charges"]])
        raw = MoleculeCodec(float(charges.mean()), float(charges.std()), (), ())
        state = raw.encode(items)
        assert isinstance(state, dict)
        shares = [state[name].flatten(0, -2).sum(0) for name in ("kind", "bond")]
        return MoleculeCodec(raw.mean, raw.std, *(tuple((share / share.sum()).tolist()) for share in shares))

    def load_codec(self, data: Mapping[str, Any]) -> Codec:
        return MoleculeCodec(data["mean"], data["std"], tuple(data["kinds"]), tuple(data["bonds"]))


# Swarms: points in the plane that mean the same wherever they lie and whichever way they are turned.


def swarm(rng: np.random.Generator, number: int) -> Example:
    angle = 2 * math.pi * (np.arange(4) / 4 + rng.random())
    points = np.stack([2 * np.cos(angle), np.sin(angle)], 1) * (1 + number % 2)
    return Example(points - points.mean(0))


@dataclass(frozen=True)
class SwarmCodec(Codec):
    std: float

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        if not items:
            raise DomainInputError("is empty", field="items", expected="at least one swarm")
        for number, item in enumerate(items):
            right = isinstance(item, np.ndarray) and item.shape == (4, 2) and item.dtype.kind in "fi"
            if not (right and np.isfinite(item).all()):
                raise DomainInputError("is no swarm", field=f"items[{number}]", expected="numbers [4, 2]", got=item)
        points = torch.from_numpy(np.stack(items)).float()
        points = (points - points.mean(1, keepdim=True)) / self.std
        return {"point": points if rng is None else self.turned(points, rng)}

    def turned(self, points: Tensor, rng: Rng) -> Tensor:
        angle = 2 * math.pi * rng.at("turn").uniform(shape=()).float()
        c, s = angle.cos(), angle.sin()
        return points @ torch.stack([torch.stack([c, s], -1), torch.stack([-s, c], -1)], -2)

    def decode(self, state: State) -> list[Item]:
        assert isinstance(state, dict)
        points = state["point"] - state["point"].mean(1, keepdim=True)
        return list((points * self.std).cpu().double().numpy())

    def like(self, count: int, rng: Rng | None = None) -> State:
        return {"point": torch.zeros(count, 4, 2)}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Swarms(Waves):
    name, make = "swarms", "swarm"

    def conditions(self, splits: Splits) -> ConditionSpace:
        return {}

    def fit_codec(self, options: Section, train: Dataset) -> Codec:
        return SwarmCodec(float(np.std([train[i].item for i in range(len(train))])))

    def load_codec(self, data: Mapping[str, Any]) -> Codec:
        return SwarmCodec(**data)


FEATURES = {
    "waves": Features(tolerance=1e-5, anomalies=True),
    "readings": Features(tolerance=1e-4, gaps=True, time_axis=2),
    "molecules": Features(tolerance=1e-4, sizes=True, unordered=True),
    "swarms": Features(tolerance=1e-4, unordered=True, rotations=True),
}


class Plugin:
    """Registers a domain, and a network if there is one to be registered.

    Arguments:
        name: the domain's.
        factory: the domain's, as ``tests.testing.broken:Name``; the sound one by default.
        network: the factory of the network ``own``.
        more: other specs, by the name of their hook.
    """

    def __init__(self, name: str, factory: str = "", network: str = "", **features: Any) -> None:
        self.__name__ = name
        own = {f: getattr(FEATURES[name], f) for f in Features.__dataclass_fields__}
        self.domain = DomainSpec(
            name=name,
            factory=factory or f"tests.testing.domains:{name.capitalize()}",
            requires=("PIL",),
            install="pillow",
            suffixes=(".json",),
            features=Features(**{**own, **features}),
        )
        self.network = network

    @hookimpl
    def register_domains(self, register: Any) -> None:
        register(self.domain)

    @hookimpl
    def register_networks(self, register: Any) -> None:
        if self.network:
            register(NetworkSpec(name="own", factory=self.network))


NETWORKS: dict[str, dict[str, Any]] = {
    "waves": {"name": "mlp", "width": 32, "depth": 1},
    "readings": {"name": "unet", "width": 16, "multipliers": [1], "blocks": 1, "attention": []},
    "molecules": {"name": "graph-transformer", "width": 16, "depth": 1, "heads": 2},
    "swarms": {"name": "graph-transformer", "width": 16, "depth": 1, "heads": 2},
}


def recipe(domain: str, **network: Any) -> dict[str, Any]:
    """A recipe with a tiny network, or another one."""
    return {
        "domain": domain,
        "network": network or NETWORKS[domain],
        "optimizer": {"learning_rate": 5e-3},
        "train": {"steps": 10, "batch": 8},
        "sample": {"steps": 2, "count": 2},
    }
