"""What an item of sound is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from suffuse.domain import Item
from suffuse.errors import DomainInputError

LENGTH = "seconds"
"""The condition that tells how long a clip is."""

Depth = Literal[16, 24, "float"]
"""Of a sample: bits, or a float, which alone can be over full scale."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A sound.

    Arguments:
        samples: float32 ``[frames, channels]``; full scale is 1. A frame that is NaN in any channel is a gap.
        rate: frames a second.
        depth: of the file that it was read from; ``None``: no file, or one that has no depth.
    """

    samples: NDArray[np.float32]
    rate: int
    depth: Depth | None = None

    def __len__(self) -> int:
        """Its frames."""
        return len(self.samples)

    def __getitem__(self, part: slice) -> Clip:
        """A part of it in time."""
        return replace(self, samples=self.samples[part])

    @property
    def channels(self) -> int:
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self) / self.rate

    def spans(self, starts: Iterable[int], frames: int) -> Iterator[Clip]:
        """Parts of it, one after the other.

        Arguments:
            starts: their first frames, none before the one that came before it.
            frames: of each; fewer where the sound ends.
        """
        return (self[start : start + frames] for start in starts)


class Stored(ABC):
    """A sound that is not in memory."""

    @abstractmethod
    def whole(self) -> Clip:
        """All of it."""


def clip_of(samples: NDArray[np.floating], rate: int) -> Clip:
    """A clip of samples ``[frames]`` or ``[frames, channels]``."""
    return Clip(
        np.ascontiguousarray(samples.reshape(len(samples), samples.shape[1] if samples.ndim == 2 else 1), np.float32),
        rate,
    )


def require_clip(item: Item, index: int) -> Clip:
    """An item, if it is a sound that can be encoded; in memory, if it was not.

    Raises:
        DomainInputError: it is no sound, is empty, or has infinite samples.
    """
    if isinstance(item, Stored):
        return item.whole()
    expected = "a suffuse_audio.Clip with at least one frame and finite samples (NaN where there is a gap)"
    if not isinstance(item, Clip):
        raise DomainInputError("is no sound", field=f"items[{index}]", expected=expected, got=type(item).__name__)
    if item.samples.ndim != 2 or not item.samples.size:
        raise DomainInputError(
            "is empty", field=f"items[{index}]", expected=expected, got=f"samples of shape {list(item.samples.shape)}"
        )
    if np.isinf(item.samples).any():
        raise DomainInputError("is not finite", field=f"items[{index}]", expected=expected, got="infinite samples")
    return item


def levels(clips: Sequence[Clip]) -> NDArray[np.float64]:
    """The root mean square of each sound, in decibels of full scale; -160 of silence."""
    power = [float(np.square(clip.samples, dtype=np.float64).mean()) for clip in clips]
    return 10.0 * np.log10(np.maximum(power, 1e-16))
