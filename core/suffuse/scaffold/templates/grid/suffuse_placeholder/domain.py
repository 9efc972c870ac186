"""Fields on a grid: an item is an array of numbers [height, width], all of one shape.

What every method owes is told in `suffuse.domain`. States are float32 tensors [batch, channels, height, width].
"""

import numpy as np
import torch
from PIL import Image
from suffuse.codecs import ArrayCodec
from suffuse.conditions import Label
from suffuse.domain import Domain, Section
from suffuse.files import write_with
from suffuse.metrics import compare

from .data import Data, open_splits, read_fields


class FieldCodec(ArrayCodec):
    """Standardizes the points of a field, which is an array of one channel, by one mean and one deviation."""

    def array(self, item):
        return np.asarray(item)[..., None]

    def item(self, array):
        return array[..., 0]


class Grids(Domain):
    """Fields of one shape, in classes."""

    name, writes = "placeholder", (".npy",)  # what `write` makes
    data_section, codec_section = Data, Section  # Section: no options

    def splits(self, data):
        return open_splits(data)

    def conditions(self, splits):
        return {"label": Label.fit(splits.train[i].conditions["label"] for i in range(len(splits.train)))}

    def fit_codec(self, options, train):
        return FieldCodec.fit(train[i].item[..., None] for i in range(len(train)))

    def load_codec(self, data):
        return FieldCodec.from_json(data)

    def read(self, path):
        return list(read_fields(path))

    def write(self, items, path):
        write_with(path, lambda file: np.save(file, np.stack(items) if len(items) > 1 else items[0]))

    def picture(self, items, columns=None):
        """Side by side, the lowest value black, the highest white."""
        columns = columns or min(len(items), 8)
        low, high = np.min(items), np.max(items)
        wide, tall = 4 * np.shape(items[0])[1], 4 * np.shape(items[0])[0]
        sheet = Image.new("L", (columns * (wide + 4), -(-len(items) // columns) * (tall + 4)), "white")
        for i, item in enumerate(items):
            grey = Image.fromarray(np.uint8(255 * (item - low) / max(high - low, 1e-8)))
            sheet.paste(grey.resize((wide, tall)), (i % columns * (wide + 4), i // columns * (tall + 4)))
        return sheet

    def evaluate(self, items, conditions, splits, codec):
        """`class_accuracy`: how often the nearest training field has the label that was asked for.

        The others compare spectra, see `suffuse.metrics.compare`: how like the test part, how varied, whether copied.
        """
        train, test = ([part[i] for i in range(len(part))] for part in (splits.train, splits.test))
        made, known, real = (spectra(fields) for fields in (items, [e.item for e in train], [e.item for e in test]))
        nearest = [train[i].conditions["label"] for i in torch.cdist(made, known).argmin(1).tolist()]
        hits = [found == asked for found, asked in zip(nearest, conditions["label"], strict=True)]
        return {"class_accuracy": float(np.mean(hits)), **compare(made, real, known)}


def spectra(fields):
    """How strong each wave is in each field, wherever its crests lie: [count, waves]."""
    return torch.fft.rfft2(torch.tensor(np.stack(fields)), norm="ortho").abs().flatten(1)
