"""The contract of representations: what of a sound a network sees."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from suffuse.domain import Section


class Representation(Section):
    """From waveforms to tensors over time, and back; frozen, a section of the recipe's ``codec``.

    Lengths that it tells in seconds mean samples at the rate it is asked for. It only sees waveforms of whole hops.
    """

    exact: ClassVar[bool] = False
    """Whether waveforms come back exactly, by operations that have derivatives."""

    name: str

    @abstractmethod
    def hop(self, rate: int) -> int:
        """The samples of a place on the last axis."""

    @abstractmethod
    def forward(self, waves: Tensor, rate: int) -> Tensor:
        """What a network sees, before it is standardized: ``[batch, channels', *axes, samples / hop]``.

        Arguments:
            waves: ``[batch, channels, samples]``, float32; full scale is 1.
            rate: samples a second.
        """

    @abstractmethod
    def inverse(self, x: Tensor, rate: int, channels: int) -> Tensor:
        """Waveforms ``[batch, channels, samples]``. Each depends on its own entry alone, to the last bit.

        Arguments:
            x: as of :meth:`forward`, or near it.
            rate: samples a second.
            channels: of the waveforms.
        """

    @abstractmethod
    def reach(self, rate: int) -> int:
        """How many samples to either side of its own hop a place on the last axis knows of."""

    def moments(self, mean: float, deviation: float) -> tuple[float, float]:
        """By which mean and deviation its values are standardized, from those that the training data have."""
        return mean, deviation


def named(value: Any) -> Any:
    """A representation that is told by its name alone, as a section."""
    return {"name": value} if isinstance(value, str) else value
