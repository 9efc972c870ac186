"""Rows of a table: an item is a dict of numbers and texts by column, None where a cell is empty.

What every method owes is told in `suffuse.domain`.
"""

import torch
from PIL import Image, ImageDraw
from suffuse.domain import Domain, Section
from suffuse.files import write_with
from suffuse.metrics import compare

from .codec import RowCodec
from .data import Data, open_splits, read_csv, write_csv


class Tables(Domain):
    """Rows of numbers and texts, some cells empty."""

    name, writes = "placeholder", (".csv",)  # what `write` makes
    data_section, codec_section = Data, Section  # Section: no options

    def splits(self, data):
        return open_splits(data)

    def conditions(self, splits):
        return {}  # {"kind": Label.fit(values)} and Example(item, {"kind": "oak"}): see suffuse.conditions

    def fit_codec(self, options, train):
        return RowCodec.fit([train[i].item for i in range(len(train))])

    def load_codec(self, data):
        return RowCodec.from_json(data)

    def read(self, path):
        return read_csv(path)

    def write(self, items, path):
        write_with(path, lambda file: write_csv(items, file))

    def picture(self, items, columns=None):
        """A line for each row, under the names of the columns."""
        cells = [[f"{c:.4g}" if isinstance(c, float) else c or "" for c in item.values()] for item in items]
        sheet = Image.new("L", (90 * len(items[0]) + 10, 16 * len(cells) + 30), "white")
        for i, line in enumerate([list(items[0]), *cells]):
            for j, cell in enumerate(line):
                ImageDraw.Draw(sheet).text((10 + 90 * j, 5 + 16 * i), cell[:14], fill="black")
        return sheet

    def evaluate(self, items, conditions, splits, codec):
        """See `suffuse.metrics.compare`: how like the test part, how varied, and whether copied from training.

        Numbers and classes are laid side by side; rows with empty cells are left out.
        """
        parts = [items, *([part[i].item for i in range(len(part))] for part in (splits.test, splits.train))]
        states = [codec.encode([row for row in part if None not in row.values()]) for part in parts]
        return compare(*(torch.cat([state[name] for name in codec.columns], 1) for state in states))
