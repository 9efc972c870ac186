"""What of a sound a network sees: the waveform, its complex spectrogram, or magnitudes alone."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from suffuse_audio.representations.base import Representation, named
from suffuse_audio.representations.complex_stft import ComplexStft
from suffuse_audio.representations.magnitude import LogMel, Magnitude
from suffuse_audio.representations.waveform import Waveform

AnyRepresentation = Annotated[
    Annotated[ComplexStft | Magnitude | LogMel | Waveform, Field(discriminator="name")], BeforeValidator(named)
]
"""One of the representations, as a recipe tells it: by name, or as a mapping of ``name`` and options."""

__all__ = ["AnyRepresentation", "ComplexStft", "LogMel", "Magnitude", "Representation", "Waveform"]
