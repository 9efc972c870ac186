"""A small classifier whose features measure pictures, and what can be drawn as such, trained on the data set itself.

No pretrained network is downloaded: each data set gets its own, trained on its training part at the codec's size and
colours, and cached. Where pictures have no classes it learns to tell damages instead (none, noise, blur, two in one,
rolled, upside down), which makes its features sensitive to what goes wrong in generated pictures.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffuse.conditions import Label
from suffuse.errors import ModelFileError, StorageError
from suffuse.folders import cache_folder
from suffuse.tensorfile import read_tensors, write_tensors

logger = logging.getLogger(__name__)

FORMAT = "suffuse-picture-classifier"
VERSION = 4
"""Of the network and its training; another version is trained anew."""

FEATURES = 64
BATCH = 128
MOST_STEPS = 1800
FEWEST_STEPS = 200
EPOCHS = 18
"""Of small data sets, between the fewest and the most steps."""
RATE = 4e-3


class Network(nn.Module):
    """Pixels folded until the longer side is about 14, three stages of 3 × 3 convolutions, 64 features.

    Arguments:
        channels: of the pictures.
        size: height and width.
        classes: how many are told apart.
    """

    def __init__(self, channels: int, size: tuple[int, int], classes: int) -> None:
        super().__init__()
        self.fold = 2 ** max(0, round(math.log2(max(size) / 14)))
        self.body = nn.Sequential(
            nn.PixelUnshuffle(self.fold),
            _stage(channels * self.fold**2, 32),
            nn.MaxPool2d(2, ceil_mode=True),
            _stage(32, 64),
            _Residual(64),
            nn.MaxPool2d(2, ceil_mode=True),
            _stage(64, 128),
            nn.AdaptiveAvgPool2d(2),  # keeps some of the layout: features of the whole alone miss misplaced parts
            nn.Flatten(),
            nn.Linear(512, FEATURES),
            nn.SiLU(),
        )
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(FEATURES, classes))
        self.to(memory_format=torch.channels_last)

    def features(self, x: Tensor) -> Tensor:
        """``[batch, 64]`` of pictures ``[batch, channels, height, width]`` with values from -1 to 1."""
        below, right = (-x.shape[2]) % self.fold, (-x.shape[3]) % self.fold
        features: Tensor = self.body(F.pad(x, (0, right, 0, below), mode="replicate"))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[batch, classes]``."""
        logits: Tensor = self.head(self.features(x))
        return logits


def _stage(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU())


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _stage(channels, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.inner(x))


@dataclass(frozen=True)
class Classifier:
    """A trained network.

    Arguments:
        network: in evaluation mode.
        classes: what it tells apart; empty where the pictures had no classes.
        scale: divides features, so that their mean variance over the training pictures is one.
    """

    network: Network
    classes: tuple[str, ...]
    scale: float

    def features(self, pixels: np.ndarray) -> Tensor:
        """``[n, 64]`` of pictures, uint8 ``[n, height, width, channels]``."""
        return _over(pixels, self.network.features) / self.scale

    def predict(self, pixels: np.ndarray) -> Tensor:
        """The most likely class of each picture, int64 ``[n]``."""
        return _over(pixels, self.network).argmax(1)


def classifier_of(name: str, pixels: np.ndarray, labels: Sequence[Any]) -> Classifier:
    """The classifier of a data set, from the cache or trained now.

    Arguments:
        name: of the data set, for the file's name and the log.
        pixels: the training pictures, uint8 ``[n, height, width, channels]``.
        labels: their classes, ``None`` where unknown.
    """
    classes = Label.fit(v for v in labels if v is not None).classes
    classes = classes if len(classes) > 1 else ()
    path = _cache_file(name, pixels, labels)
    return _cached(path, pixels, classes) or _stored(path, _trained(name, pixels, labels, classes))


def _cache_file(name: str, pixels: np.ndarray, labels: Sequence[Any]) -> Path:
    """Keyed by all that training depends on, so that another folder of the same name gets another file."""
    digest = hashlib.blake2b(f"{VERSION} {pixels.shape} {list(labels)}".encode(), digest_size=8)
    digest.update(np.ascontiguousarray(pixels).tobytes())
    height, width, channels = pixels.shape[1:]
    safe = "".join(c if c.isalnum() else "-" for c in name)
    return cache_folder() / "classifiers" / f"{safe}-{width}x{height}x{channels}-{digest.hexdigest()}.safetensors"


def _cached(path: Path, pixels: np.ndarray, classes: tuple[str, ...]) -> Classifier | None:
    if not path.exists():
        return None
    try:
        tensors, header = read_tensors(path, FORMAT, VERSION)
        with torch.device("meta"):  # drawing initial weights would touch the global random state
            network = _network(pixels, classes)
        network.load_state_dict(tensors, assign=True)
        return Classifier(network.eval(), classes, float(header["scale"]))
    except (ModelFileError, RuntimeError, ValueError, KeyError) as error:
        logger.warning("%s is broken and made anew: %s", path, error)
        return None


def _stored(path: Path, classifier: Classifier) -> Classifier:
    header = {"format": FORMAT, "version": VERSION, "scale": classifier.scale, "classes": classifier.classes}
    try:
        write_tensors(path, classifier.network.state_dict(), header)
    except StorageError as error:
        logger.warning("the classifier is not kept: %s", error)
    return classifier


def _network(pixels: np.ndarray, classes: tuple[str, ...]) -> Network:
    height, width, channels = pixels.shape[1:]
    return Network(channels, (height, width), len(classes) or len(DAMAGES))


Batch = Callable[[], tuple[Tensor, Tensor]]
"""Draws pictures and answers, by torch's global generator, which the caller has forked."""


def _trained(name: str, pixels: np.ndarray, labels: Sequence[Any], classes: tuple[str, ...]) -> Classifier:
    steps = min(MOST_STEPS, max(FEWEST_STEPS, EPOCHS * len(pixels) // BATCH))
    logger.info("training the classifier of %s: %d steps", name, steps)
    batch = _labelled(pixels, labels, Label(classes)) if classes else _damaged(pixels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = _network(pixels, classes)
        _fit(network, batch, steps)
    unscaled = Classifier(network.eval(), classes, 1.0).features(pixels)
    return Classifier(network, classes, float(unscaled.var(0).mean().sqrt().clamp_min(1e-6)))


def _fit(network: Network, batch: Batch, steps: int) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    network.train()
    for _ in range(steps):
        x, answer = batch()
        loss = F.cross_entropy(network(x), answer, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


def _labelled(pixels: np.ndarray, labels: Sequence[Any], kind: Label) -> Batch:
    known = np.array([i for i, label in enumerate(labels) if label is not None])
    answers = torch.tensor([kind.index(labels[i]) for i in known])

    def batch() -> tuple[Tensor, Tensor]:
        chosen = torch.randint(len(known), (BATCH,))
        return _signed(pixels[known[chosen.numpy()]]), answers[chosen]

    return batch


def _damaged(pixels: np.ndarray) -> Batch:
    def batch() -> tuple[Tensor, Tensor]:
        x = _signed(pixels[torch.randint(len(pixels), (BATCH,)).numpy()])
        x = x + 0.1 * torch.rand(BATCH, 1, 1, 1) * torch.randn_like(x)  # faint noise is no damage
        answer = torch.randint(len(DAMAGES), (BATCH,))
        for i, damage in enumerate(DAMAGES):
            x[answer == i] = damage(x[answer == i])
        return x, answer

    return batch


def _whole(x: Tensor) -> Tensor:
    return x


def _noisy(x: Tensor) -> Tensor:
    return x + (0.2 + 0.8 * torch.rand(len(x), 1, 1, 1)) * torch.randn_like(x)


def _blurred(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)


def _two_in_one(x: Tensor) -> Tensor:
    return 0.5 * (x + x.roll(1, 0))


def _rolled(x: Tensor) -> Tensor:
    return x.roll((x.shape[2] // 2, x.shape[3] // 2), (2, 3))


def _upside_down(x: Tensor) -> Tensor:
    return x.flip(2)


DAMAGES: tuple[Callable[[Tensor], Tensor], ...] = (_whole, _noisy, _blurred, _two_in_one, _rolled, _upside_down)


@torch.no_grad()
def _over(pixels: np.ndarray, function: Callable[[Tensor], Tensor], size: int = 512) -> Tensor:
    pieces = (pixels[start : start + size] for start in range(0, len(pixels), size))
    return torch.cat([function(_signed(piece)) for piece in pieces])


def _signed(pixels: np.ndarray) -> Tensor:
    """uint8 ``[n, height, width, channels]`` as float32 ``[n, channels, height, width]`` from -1 to 1."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1.0
