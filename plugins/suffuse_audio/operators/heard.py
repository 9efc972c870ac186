"""What measurements of sounds share: they are made of the waveforms that states stand for."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from torch import Tensor

from suffuse.domain import Codec
from suffuse.errors import UnsupportedError
from suffuse.operators import Operator
from suffuse.operators.base import require_axes
from suffuse.state import State
from suffuse_audio.codec import SoundCodec


@dataclass(frozen=True, kw_only=True)
class Heard(Operator):
    """A measurement of waveforms, told of states by the codec that it is bound to.

    Arguments:
        codec: says which waveforms; a recipe leaves it out.
    """

    codec: SoundCodec | None = field(default=None, repr=False)
    linear: ClassVar[bool] = False

    def bound(self, codec: Codec) -> Self:
        """The measurement of the states of a codec of sounds.

        Raises:
            UnsupportedError: these are no states of sounds, or do not tell phases.
        """
        if not isinstance(codec, SoundCodec) or not codec.representation.exact:
            told = codec.representation.name if isinstance(codec, SoundCodec) else type(codec).__name__
            raise UnsupportedError(
                f"{type(self).__name__} measures waveforms", field="operator",
                expected="codec.representation: stft or waveform, of which they come back exactly", got=told,
                fix="take a model that was trained with one of these, or suffuse bridge with a model of a bridge",
            )  # fmt: skip
        return replace(self, codec=codec)

    def __call__(self, x: State) -> State:
        codec = self._codec()
        return codec.to_state(self.measured(codec.to_waves(require_axes(x, self))))

    @abstractmethod
    def measured(self, waves: Tensor) -> Tensor:
        """What is left of waveforms ``[batch, channels, samples]``, shaped as these, differentiable."""

    def _codec(self) -> SoundCodec:
        if self.codec is None:
            raise UnsupportedError(
                "measures the waveforms of a codec", field="operator", expected="bound(codec)", got="no codec"
            )
        return self.codec
