"""Items are texts as ``rrbbbr``; states are one-hot, ``[batch, 6, 2]``."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from suffuse.conditions import Label
from suffuse.domain import Categories, Codec, Domain, Example, Section, Splits
from suffuse.errors import DomainInputError
from suffuse.files import write_text

COLOURS = "rb"
LENGTH = 6


class Data(Section):
    name: str = "runs"
    count: int = 128


@dataclass(frozen=True)
class Strings:
    """One run of each colour; the longer tells the label."""

    first: int
    count: int

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        rng = np.random.default_rng(self.first + index)
        reds = int(rng.integers(1, LENGTH))
        text = "r" * reds + "b" * (LENGTH - reds)
        return Example(text if rng.random() < 0.5 else text[::-1], {"label": "reddish" if reds > 3 else "bluish"})


def runs(data):
    rest = Strings(data.count, 32)
    return Splits(Strings(0, data.count), rest, rest, "runs")


@dataclass(frozen=True)
class BeadCodec(Codec):
    reds: float

    def encode(self, items, rng=None):
        if not items:
            raise DomainInputError("there are no beads", field="items", expected="at least one", got=0)
        for number, item in enumerate(items):
            if not (isinstance(item, str) and len(item) == LENGTH and set(item) <= set(COLOURS)):
                raise DomainInputError(
                    "is no string of beads", field=f"items[{number}]", expected="six of r and b", got=repr(item)
                )
        index = torch.tensor([[COLOURS.index(c) for c in item] for item in items])
        return torch.nn.functional.one_hot(index, 2).float()

    def decode(self, state):
        return ["".join(COLOURS[i] for i in row) for row in state.argmax(-1).tolist()]

    def like(self, count, rng=None):
        return torch.zeros(count, LENGTH, 2)

    def categorical(self):
        return {"": Categories((self.reds, 1.0 - self.reds))}

    def to_json(self):
        return {"reds": self.reds}


class Beads(Domain):
    name = "beads"
    data_section = Data
    codec_section = Section
    writes = (".beads",)

    def splits(self, data):
        return runs(data)

    def conditions(self, splits):
        return {"label": Label(("bluish", "reddish"))}

    def fit_codec(self, options, train):
        return BeadCodec(float(np.mean([train[i].item.count("r") / LENGTH for i in range(len(train))])))

    def load_codec(self, data):
        return BeadCodec(**data)

    def write(self, items, path):
        write_text(Path(path), "\n".join(items))

    def read(self, path):
        return Path(path).read_text().split()

    def picture(self, items, columns=None):
        pixels = np.array([[(200, 0, 0) if c == "r" else (0, 0, 200) for c in item] for item in items], np.uint8)
        return Image.fromarray(pixels).resize((60, 10 * len(items)), Image.Resampling.NEAREST)

    def evaluate(self, items, conditions, splits, codec):
        return {"two_runs": float(np.mean(["rb" in i or "br" in i for i in items]))}
