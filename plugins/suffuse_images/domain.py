"""The domain of pictures: items are ``PIL.Image.Image``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from suffuse.conditions import ConditionKind, ConditionSpace, Label, Text
from suffuse.datasets import open_named
from suffuse.domain import Codec, Dataset, Domain, Item, Section, Splits, Unreadable
from suffuse.errors import DataError
from suffuse_images import metrics, render
from suffuse_images.codec import Options, PictureCodec, fit_codec
from suffuse_images.data import Data, column
from suffuse_images.pictures import plain, read_picture

KINDS: dict[str, type[Label] | type[Text]] = {"label": Label, "prompt": Text}
"""The conditions that a data set of pictures may have."""


class Images(Domain):
    """Pictures of any size and mode, brought to one size and to grey or RGB."""

    name = "images"
    data_section = Data
    codec_section = Options
    writes = tuple(render.FORMATS)

    def splits(self, data: Section) -> Splits:
        assert isinstance(data, Data)
        return open_named(self.name, data.name, data, "data set of pictures")

    def conditions(self, splits: Splits) -> ConditionSpace:
        """A ``label`` if the training pictures have classes, a ``prompt`` if they have captions."""
        space: dict[str, ConditionKind] = {}
        for name, kind in KINDS.items():
            known = [value for value in column(splits.train, name) if value is not None]
            if known:
                space[name] = kind.fit(known)
        return space

    def fit_codec(self, options: Section, train: Dataset) -> PictureCodec:
        assert isinstance(options, Options)
        return fit_codec(options, train)

    def load_codec(self, data: Mapping[str, Any]) -> PictureCodec:
        return PictureCodec.from_json(data)

    def write(self, items: Sequence[Item], path: Path) -> None:
        render.write(items, Path(path))

    def read(self, path: Path) -> list[Item]:
        return [read_picture(Path(path))]

    def batches(self, path: Path, size: int) -> Iterator[list[Item]]:
        """The one picture of a file, or why it cannot be read."""
        try:
            yield self.read(path)
        except DataError as error:
            yield [Unreadable(error)]

    def read_mask(self, path: Path, codec: Codec) -> Tensor:
        """A picture of any size, white where pictures are filled and black where they are kept: ``[1, 1, h, w]``.

        It is scaled and cropped as a picture of its size would be. Transparent parts are kept.
        """
        assert isinstance(codec, PictureCodec)
        mask = codec.resized(plain(read_picture(Path(path)), "L", "black"), Image.Resampling.NEAREST)
        return torch.from_numpy(np.asarray(mask) < 128)[None, None]

    def picture(self, items: Sequence[Item], columns: int | None = None) -> Image.Image:
        return render.sheet(items, columns)

    def evaluate(
        self, items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: Codec
    ) -> dict[str, float]:
        """See :func:`suffuse_images.metrics.evaluate`."""
        assert isinstance(codec, PictureCodec)
        return metrics.evaluate(items, conditions, splits, codec)
