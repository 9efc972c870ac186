"""Pictures to standardized tensors and back."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from PIL import Image, ImageColor, ImageOps
from pydantic import Field, field_validator
from torch import Tensor

from suffuse.domain import Codec, Dataset, Item, Section
from suffuse.errors import DomainInputError
from suffuse.rng import Rng, permutation
from suffuse.state import State
from suffuse_images.pictures import Mode, is_grey, plain, require_picture

logger = logging.getLogger(__name__)

LARGEST_CHOSEN = 64
"""The longest side that is chosen unasked."""
SMALLEST_CHOSEN = 8
LOOKED_AT = 512
"""The pictures from which size and colours are found."""
MEASURED = 2048
"""The pictures from which mean and deviation are found."""

Colour = Literal["grey", "rgb"]
Crop = Literal["centre", "random", "stretch"]
Side = Annotated[int, Field(ge=1)]


class Options(Section):
    """The ``codec`` section of a recipe.

    Arguments:
        size: the pictures' side, or ``[height, width]``. Left out: the most common size of the training pictures,
            brought between 8 and 64 pixels.
        colour: ``auto`` is grey if no training picture shows a colour.
        crop: how another aspect ratio is met: ``centre`` and ``random`` cut the longer side (``random`` at a place
            drawn anew in training), ``stretch`` distorts.
        flip: mirror half of the training pictures left to right.
        background: what transparent pictures are laid over, a colour name or ``#rrggbb``.
    """

    size: Side | tuple[Side, Side] | None = None
    colour: Colour | Literal["auto"] = "auto"
    crop: Crop = "centre"
    flip: bool = False
    background: str = "white"

    @field_validator("background")
    @classmethod
    def _is_colour(cls, value: str) -> str:
        ImageColor.getrgb(value)
        return value


@dataclass(frozen=True)
class PictureCodec(Codec):
    """States are float32 ``[batch, channels, height, width]``.

    Each channel has mean zero over the training data. One deviation serves all channels, so that grey stays grey; the
    variance over all of them is one.

    Arguments:
        height, width: the state's size; pictures of another are scaled and cropped.
        colour: one channel or three.
        mean: of each channel, where 0 is black and 1 is white.
        std: of all channels, on the same scale.
        crop, flip, background: as in :class:`Options`.
    """

    height: int
    width: int
    colour: Colour
    mean: tuple[float, ...]
    std: float
    crop: Crop = "centre"
    flip: bool = False
    background: str = "white"

    @property
    def mode(self) -> Mode:
        """Pillow's name of the decoded pictures' mode."""
        return "L" if self.colour == "grey" else "RGB"

    @property
    def channels(self) -> int:
        return len(self.mean)

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> Tensor:
        pixels = torch.from_numpy(self.pixels(items, rng)).permute(0, 3, 1, 2)
        state = (pixels - 255.0 * self._mean()).div_(255.0 * self.std).contiguous()
        if self.flip and rng is not None:
            mirrored = rng.at("flip").uniform(shape=()) < 0.5
            state[mirrored] = state[mirrored].flip(3)
        return state

    def decode(self, state: State) -> list[Item]:
        if not isinstance(state, Tensor) or state.shape[1:] != (self.channels, self.height, self.width):
            raise DomainInputError(
                "has another shape",
                field="state",
                expected=f"[batch, {self.channels}, {self.height}, {self.width}]",
                got="named fields" if isinstance(state, dict) else list(state.shape),
            )
        values = (state.detach().cpu().float() * self.std + self._mean()).mul_(255.0)
        pixels = values.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        return [Image.fromarray(p[..., 0] if self.colour == "grey" else p) for p in pixels]

    def like(self, count: int, rng: Rng | None = None) -> Tensor:
        return torch.zeros(count, self.channels, self.height, self.width)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "mean": list(self.mean)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PictureCodec:
        """The inverse of :meth:`to_json`."""
        return cls(**{**data, "mean": tuple(data["mean"])})

    def pixels(self, items: Sequence[Item], rng: Rng | None = None) -> np.ndarray:
        """The pictures in the codec's size and colours: uint8 ``[batch, height, width, channels]``.

        Arguments:
            items: at least one.
            rng: streams that place random crops, one for each item; ``None``: the crops are central.
        """
        if not items:
            raise DomainInputError("is empty", field="items", expected="at least one picture")
        places = None
        if rng is not None and self.crop == "random":
            places = rng.at("crop").uniform(shape=(2,)).tolist()
        rows = [self._fitted(item, i, places[i] if places else (0.5, 0.5)) for i, item in enumerate(items)]
        return np.stack(rows).reshape(len(rows), self.height, self.width, self.channels)

    def resized(
        self, image: Image.Image, resample: Image.Resampling, place: tuple[float, float] = (0.5, 0.5)
    ) -> Image.Image:
        """A picture of any size at the codec's: scaled and cropped, or stretched.

        Arguments:
            image: of any mode.
            resample: how it is scaled.
            place: what a crop keeps, from (0, 0), the left upper end, to (1, 1).
        """
        size = (self.width, self.height)
        if image.size == size:
            return image
        if self.crop == "stretch":
            return image.resize(size, resample)
        return ImageOps.fit(image, size, resample, centering=place)

    def _fitted(self, item: Item, index: int, place: tuple[float, float]) -> np.ndarray:
        image = require_picture(item, index)
        size = (self.width, self.height)
        if type(image) is Image.Image and (image.mode, image.size) == (self.mode, size) and not image.info:
            return np.asarray(image)
        return np.asarray(self.resized(plain(image, self.mode, self.background), Image.Resampling.BICUBIC, place))

    def _mean(self) -> Tensor:
        return torch.tensor(self.mean).reshape(1, -1, 1, 1)


def fit_codec(options: Options, train: Dataset) -> PictureCodec:
    """Choose size and colours where the options leave them open, and measure mean and deviation."""
    looked_at = list(_some(train, LOOKED_AT))
    height, width = _chosen_size(options, looked_at)
    colour = _chosen_colour(options, looked_at)
    _warn_of_small(looked_at, height, width)
    del looked_at
    channels = 1 if colour == "grey" else 3
    raw = PictureCodec(height, width, colour, (0.0,) * channels, 1.0, options.crop, options.flip, options.background)
    mean, std = _moments(raw, train)
    return PictureCodec(height, width, colour, mean, std, options.crop, options.flip, options.background)


def _some(train: Dataset, count: int) -> Iterator[Image.Image]:
    """Pictures of the whole training part, the same on every call."""
    chosen = permutation(len(train), "images", "codec")[:count].sort().values
    return (require_picture(train[i].item, i) for i in chosen.tolist())


def _chosen_size(options: Options, pictures: Sequence[Image.Image]) -> tuple[int, int]:
    if isinstance(options.size, int):
        return options.size, options.size
    if options.size is not None:
        return options.size
    (width, height), _ = Counter(p.size for p in pictures).most_common(1)[0]
    if max(height, width) <= LARGEST_CHOSEN and min(height, width) >= SMALLEST_CHOSEN:
        return height, width
    scale = min(1.0, LARGEST_CHOSEN / max(width, height))
    chosen = [max(SMALLEST_CHOSEN, 4 * round(side * scale / 4)) for side in (height, width)]
    logger.info(
        "the training pictures are mostly %d pixels wide and %d high; the model works at %d by %d "
        "(codec.size chooses another)",
        width, height, chosen[1], chosen[0],
    )  # fmt: skip
    return chosen[0], chosen[1]


def _chosen_colour(options: Options, pictures: Sequence[Image.Image]) -> Colour:
    if options.colour != "auto":
        return options.colour
    return "grey" if all(is_grey(p) for p in pictures) else "rgb"


def _warn_of_small(pictures: Sequence[Image.Image], height: int, width: int) -> None:
    small = sum(p.width * 2 <= width or p.height * 2 <= height for p in pictures)
    if small:
        logger.warning(
            "%d of %d training pictures looked at are less than half of %d by %d pixels; they are enlarged",
            small, len(pictures), width, height,
        )  # fmt: skip


def _moments(raw: PictureCodec, train: Dataset) -> tuple[tuple[float, ...], float]:
    """Each channel's mean and the deviation about it, over the pixels of the training pictures."""
    total, square, count = torch.zeros(raw.channels, dtype=torch.float64), 0.0, 0
    for picture in _some(train, MEASURED):
        x = torch.from_numpy(raw.pixels([picture])).reshape(-1, raw.channels).double() / 255.0
        total, square, count = total + x.sum(0), square + float(x.square().sum()), count + len(x)
    mean = total / count
    variance = square / (count * raw.channels) - float(mean.square().mean())
    darkest_step = 1.0 / 255.0
    return tuple(mean.tolist()), max(variance, darkest_step**2) ** 0.5
