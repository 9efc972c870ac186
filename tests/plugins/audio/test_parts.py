"""When a sound is odd is told by stretches of time."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("torchaudio")

from suffuse_audio.clip import clip_of
from suffuse_audio.codec import STRETCHES, SoundCodec
from suffuse_audio.representations import ComplexStft, Magnitude, Representation, Waveform


@pytest.mark.parametrize("representation", [ComplexStft(), Magnitude(), Waveform()])
def test_a_burst_lies_in_the_stretch_of_its_time(representation: Representation) -> None:
    codec = SoundCodec(representation, 8000, 1, 4096 // representation.hop(8000))
    parts = codec.parts()
    assert len(parts.names) == STRETCHES
    assert parts.names[0].startswith("0-") and parts.names[-1].endswith("0.512s")
    for k in range(STRETCHES):
        samples = np.zeros(4096, np.float32)
        samples[512 * k + 200 : 512 * k + 300] = 0.5
        quiet, loud = codec.encode([clip_of(np.zeros(4096), 8000)]), codec.encode([clip_of(samples, 8000)])
        shares = parts.summed((loud - quiet).square(), ())[0]
        assert int(shares.argmax()) == k
