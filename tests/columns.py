"""Rows with named columns, small enough to be exact about: numbers that depend on each other, and a colour on one.

The numbers are Gaussian with the covariance :func:`covariance`: two hidden causes and a little noise, so that any of
them can be told from the others. The colour is the sign of the first, nine times in ten.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from suffuse.conditions import ConditionSpace
from suffuse.domain import Categories, Codec, Dataset, Domain, Example, Item, Section, Splits
from suffuse.files import write_text
from suffuse.parts import Parts
from suffuse.recipe import validate
from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec
from suffuse.rng import Rng
from suffuse.state import State
from suffuse.trained import Trained, build_denoiser

NAMES = ("height", "weight", "reach", "stride", "pulse", "age")
COLOURS = ("red", "blue")
CAUSES = torch.tensor([[1.0, 0.2], [0.9, 0.5], [0.8, -0.4], [0.3, 0.9], [-0.4, 0.8], [0.6, 0.7]], dtype=torch.float64)
NOISE = 0.3


def covariance() -> Tensor:
    """Of the numbers, scaled to variance one: float64 ``[columns, columns]``."""
    whole = CAUSES @ CAUSES.T + NOISE**2 * torch.eye(len(NAMES), dtype=torch.float64)
    deviation = whole.diagonal().sqrt()
    return whole / deviation / deviation[:, None]


@lru_cache(maxsize=8)
def numbers(seed: int, count: int) -> Tensor:
    """Rows drawn from the Gaussian: float64 ``[count, columns]``."""
    noise = Rng.of(seed, count).at("columns").normal(shape=(len(NAMES),)).double()
    return noise @ torch.linalg.cholesky(covariance()).T


def rows(seed: int, count: int) -> list[dict[str, Any]]:
    """Items."""
    u = Rng.of(seed, count).at("colour").uniform(shape=(1,))[:, 0].tolist()
    return [
        {**dict(zip(NAMES, row, strict=True)), "colour": COLOURS[(row[0] > 0.0) ^ (u[i] < 0.1)]}
        for i, row in enumerate(numbers(seed, count).tolist())
    ]


@lru_cache(maxsize=4)
def cached(seed: int, count: int) -> tuple[dict[str, Any], ...]:
    """:func:`rows`, made once."""
    return tuple(rows(seed, count))


def conditional_mean(row: Mapping[str, float], column: str) -> float:
    """What a number is in rows that agree with all the other numbers, on average."""
    k = NAMES.index(column)
    others = [i for i in range(len(NAMES)) if i != k]
    cov = covariance()
    weights = torch.linalg.solve(cov[others][:, others], cov[others, k])
    return float(weights @ torch.tensor([row[NAMES[i]] for i in others], dtype=torch.float64))


def conditional_deviation(column: str) -> float:
    """How far a number is from :func:`conditional_mean`."""
    k = NAMES.index(column)
    return math.sqrt(1.0 / float(torch.linalg.inv(covariance())[k, k]))


class Data(Section):
    count: int = 2000


class Options(Section):
    layout: str = "vector"


@dataclass(frozen=True)
class Table:
    """The rows of a seed."""

    seed: int
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        return Example(cached(self.seed, self.count)[index])


@dataclass(frozen=True)
class ColumnsCodec(Codec):
    """``vector``: all numbers, bare. ``gaps``: with a mask, None where there is none. ``mixed``: and the colour."""

    layout: str = "vector"

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        cells = [[math.nan if item[name] is None else item[name] for name in NAMES] for item in items]
        values = torch.tensor(cells, dtype=torch.float32)
        if self.layout == "vector":
            return values
        state = {"values": values.nan_to_num(), "values.mask": ~values.isnan()}
        if self.layout == "gaps":
            return state
        return {**state, "colour": torch.eye(len(COLOURS))[[COLOURS.index(item["colour"]) for item in items]]}

    def decode(self, state: State) -> list[Item]:
        values = state if isinstance(state, Tensor) else torch.where(state["values.mask"], state["values"], torch.nan)
        found = [
            {n: None if math.isnan(x) else x for n, x in zip(NAMES, row, strict=True)} for row in values.cpu().tolist()
        ]
        if isinstance(state, dict) and "colour" in state:
            colours = state["colour"].argmax(-1).tolist()
            found = [{**row, "colour": COLOURS[c]} for row, c in zip(found, colours, strict=True)]
        return found

    def like(self, count: int, rng: Rng | None = None) -> State:
        values = torch.zeros(count, len(NAMES))
        if self.layout == "vector":
            return values
        state = {"values": values, "values.mask": torch.ones_like(values, dtype=torch.bool)}
        return state if self.layout == "gaps" else {**state, "colour": torch.zeros(count, len(COLOURS))}

    def categorical(self) -> Mapping[str, Categories]:
        return {"colour": Categories((0.5, 0.5))} if self.layout == "mixed" else {}

    def known(self, items: Sequence[Item]) -> State | None:
        state = self.encode(items)
        if isinstance(state, Tensor):
            return None
        colour = {"colour": torch.ones(len(items), dtype=torch.bool)} if self.layout == "mixed" else {}
        return {"values": state["values.mask"], **colour}

    def parts(self) -> Parts:
        ids = torch.arange(len(NAMES))[None]
        if self.layout == "vector":
            return Parts(NAMES, ids)
        if self.layout == "gaps":
            return Parts(NAMES, {"values": ids})
        return Parts((*NAMES, "colour"), {"values": ids, "colour": torch.tensor([len(NAMES)])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Columns(Domain):
    name = "columns"
    data_section = Data
    codec_section = Options
    writes = (".json",)

    def splits(self, data: Section) -> Splits:
        assert isinstance(data, Data)
        return Splits(Table(0, data.count), Table(10**6, 300), Table(2 * 10**6, 300), "columns")

    def conditions(self, splits: Splits) -> ConditionSpace:
        return {}

    def fit_codec(self, options: Section, train: Dataset) -> Codec:
        assert isinstance(options, Options)
        return ColumnsCodec(options.layout)

    def load_codec(self, data: Mapping[str, Any]) -> Codec:
        return ColumnsCodec(**data)

    def write(self, items: Sequence[Item], path: Path) -> None:
        write_text(path, json.dumps(list(items)))

    def read(self, path: Path) -> list[Item]:
        return list(json.loads(path.read_text()))

    def picture(self, items: Sequence[Item], columns: int | None = None) -> Image.Image:
        return Image.new("RGB", (8 * len(NAMES), 8 * len(items)))

    def evaluate(
        self, items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: Codec
    ) -> dict[str, float]:
        return {}

    def reason(self, item: Item, usual: Item, part: str, share: float) -> str:
        told = [f"{x:.2f}" if isinstance(x, float) else str(x) for x in (item[part], usual[part])]
        return f"{part} is {told[0]}; rows like this have about {told[1]} ({share:.0%} of the score)"


class Plugin:
    """Registers the domain; hand it to :func:`suffuse.registry.isolated`."""

    @hookimpl
    def register_domains(self, register: Any) -> None:
        register(
            DomainSpec(name="columns", factory="tests.columns:Columns", summary="rows of numbers", suffixes=(".json",))
        )


def recipe(**changes: Any) -> dict[str, Any]:
    """A recipe of the exact belief; ``changes`` replace sections."""
    base: dict[str, Any] = {
        "domain": "columns", "name": "columns", "predict": "x0", "network": "neighbours", "train": {"steps": 1},
    }  # fmt: skip
    return {**base, **changes}


def exact(count: int = 2000, layout: str = "vector", gaps: float = 0.0, **network: Any) -> Trained:
    """A model that remembers rows and knows nothing else; within ``isolated(Plugin())``.

    Arguments:
        gaps: the share of cells that are empty in what it remembers.
    """
    asked = validate(recipe(network={"name": "neighbours", **network}, codec={"layout": layout}))
    codec = ColumnsCodec(layout)
    denoiser = build_denoiser(asked, codec, {})
    denoiser.network.remember(states(codec, count, gaps))  # type: ignore[operator]
    return Trained(asked, codec, {}, denoiser.eval().requires_grad_(False))


def states(codec: Codec, count: int, gaps: float = 0.0) -> State:
    """The training part, encoded."""
    return codec.encode(with_gaps(rows(0, count), gaps))


def with_gaps(items: list[dict[str, Any]], share: float) -> list[dict[str, Any]]:
    """Rows some of whose numbers are missing."""
    empty = Rng.of(7, len(items)).at("gaps").uniform(shape=(len(NAMES),)) < share
    return [
        {k: None if k in NAMES and empty[i, NAMES.index(k)] else v for k, v in item.items()}
        for i, item in enumerate(items)
    ]
