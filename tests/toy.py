"""A domain small enough to train within a second: labelled sine waves of 8 points."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from suffuse.conditions import ConditionSpace, Label
from suffuse.domain import Codec, Dataset, Domain, Example, Item, Section, Splits
from suffuse.errors import DomainInputError
from suffuse.files import write_text
from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec
from suffuse.rng import Rng
from suffuse.state import State

LENGTH = 8


class Data(Section):
    count: int = 96
    labelled: bool = True


class Options(Section):
    jitter: float = 0.0


@dataclass(frozen=True)
class Waves:
    """Wave i has frequency 1 + i % 3, and a phase of its own."""

    first: int
    count: int
    labelled: bool

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        i = self.first + index
        wave = [math.sin(2.0 * math.pi * ((1 + i % 3) * k / LENGTH + i / 7.0)) for k in range(LENGTH)]
        return Example(wave, {"label": f"f{1 + i % 3}"} if self.labelled else {})


@dataclass(frozen=True)
class WaveCodec(Codec):
    scale: float
    jitter: float = 0.0

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        for number, item in enumerate(items):
            if len(item) != LENGTH:
                raise DomainInputError("is not a wave", field=f"items[{number}]", expected=LENGTH, got=len(item))
        x = torch.tensor(items, dtype=torch.float32)[:, None] / self.scale
        return x if rng is None else x + self.jitter * rng.normal(x)

    def decode(self, state: State) -> list[Item]:
        assert isinstance(state, torch.Tensor)
        return (state * self.scale).squeeze(1).cpu().tolist()

    def like(self, count: int, rng: Rng | None = None) -> State:
        return torch.zeros(count, 1, LENGTH)

    def to_json(self) -> dict[str, Any]:
        return {"scale": self.scale, "jitter": self.jitter}


class Toy(Domain):
    name = "toy"
    data_section = Data
    codec_section = Options
    writes = (".json",)

    def splits(self, data: Section) -> Splits:
        assert isinstance(data, Data)
        train, rest = Waves(0, data.count, data.labelled), Waves(data.count, 24, data.labelled)
        return Splits(train, rest, rest, "waves")

    def conditions(self, splits: Splits) -> ConditionSpace:
        labels = [splits.train[i].conditions.get("label") for i in range(len(splits.train))]
        return {"label": Label.fit(labels)} if labels and labels[0] is not None else {}

    def fit_codec(self, options: Section, train: Dataset) -> Codec:
        assert isinstance(options, Options)
        return WaveCodec(math.sqrt(0.5), options.jitter)

    def load_codec(self, data: Mapping[str, Any]) -> Codec:
        return WaveCodec(**data)

    def write(self, items: Sequence[Item], path: Path) -> None:
        write_text(path, json.dumps(list(items)))

    def read(self, path: Path) -> list[Item]:
        return list(json.loads(path.read_text()))

    def picture(self, items: Sequence[Item], columns: int | None = None) -> Image.Image:
        rows = torch.tensor(items).mul(60).add(128).clamp(0, 255).byte()
        return Image.fromarray(rows.numpy()).resize((80, 4 * len(items)))

    def evaluate(
        self, items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: Codec
    ) -> dict[str, float]:
        """The share of waves whose strongest frequency is the one asked for."""
        spectrum = torch.fft.rfft(torch.tensor(items)).abs()
        found = spectrum[:, 1:4].argmax(1) + 1
        asked = torch.tensor([int(str(v)[1:]) for v in conditions["label"]])
        return {"class_accuracy": float((found == asked).float().mean())}


class Plugin:
    """Registers the toy domain; hand it to :func:`suffuse.registry.isolated`."""

    @hookimpl
    def register_domains(self, register: Any) -> None:
        register(DomainSpec(name="toy", factory="tests.toy:Toy", summary="sine waves", suffixes=(".json",)))


def recipe(**changes: Any) -> dict[str, Any]:
    """A recipe that trains in seconds; ``changes`` replace sections."""
    base: dict[str, Any] = {
        "domain": "toy",
        "name": "toy",
        "network": {"name": "unet", "width": 16, "multipliers": [1], "blocks": 1, "attention": [], "dropout": 0.1},
        "optimizer": {"learning_rate": 5e-3, "warmup": 10},
        "train": {
            "steps": 40, "batch": 16, "log_every": 5, "validate_every": 20, "sample_every": 40,
            "checkpoint_every": 10, "validation_count": 16,
        },
        "sample": {"steps": 5, "count": 6},
        "evaluate": {"count": 30},
    }  # fmt: skip
    return {**base, **changes}
