"""Vectors: an item is an array of numbers, as many in each.

What every method owes is told in `suffuse.domain`. `ArrayCodec` standardizes each number by its mean and deviation in
the training data; states are float32 tensors [batch, numbers].
"""

import numpy as np
from PIL import Image, ImageDraw
from suffuse.codecs import ArrayCodec
from suffuse.domain import Domain, Section
from suffuse.files import write_with
from suffuse.metrics import compare

from .data import Data, open_splits, read_rows, write_rows


class Vectors(Domain):
    """Vectors of one length."""

    name, writes = "placeholder", (".csv", ".npy")  # what `write` makes
    data_section, codec_section = Data, Section  # Section: no options

    def splits(self, data):
        return open_splits(data)

    def conditions(self, splits):
        return {}  # {"speed": Number.fit(values)} and Example(item, {"speed": 3.2}): see suffuse.conditions

    def fit_codec(self, options, train):
        return ArrayCodec.fit(train[i].item for i in range(len(train)))

    def load_codec(self, data):
        return ArrayCodec.from_json(data)

    def read(self, path):
        return list(read_rows(path))

    def write(self, items, path):
        write_with(path, lambda file: write_rows(items, file))

    def picture(self, items, columns=None):
        """The first two numbers of each, as a point."""
        points = np.stack(items)[:, :2]
        low, high = points.min(0), points.max(0)
        sheet = Image.new("L", (300, 300), "white")
        for x, y in 20 + 260 * (points - low) / (high - low).clip(1e-8):
            ImageDraw.Draw(sheet).ellipse((x - 2, 298 - y, x + 2, 302 - y), fill="black")
        return sheet

    def evaluate(self, items, conditions, splits, codec):
        """See `suffuse.metrics.compare`: how like the test part, how varied, and whether copied from training."""
        parts = [items, *([part[i].item for i in range(len(part))] for part in (splits.test, splits.train))]
        return compare(*(codec.encode(part) for part in parts))
