"""When a sound is odd is told by stretches of time."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("torchaudio")

from suffuse.tasks.reach import beyond
from suffuse_audio.clip import clip_of
from suffuse_audio.codec import STRETCHES, SoundCodec
from suffuse_audio.domain import Audio
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


def test_what_lies_beyond_a_sound_is_not_blamed() -> None:
    """Its state is longer than itself: the rest of the window is silence that nobody recorded."""
    codec = SoundCodec(ComplexStft(), 8000, 1, 4096 // ComplexStft().hop(8000))
    clips = [clip_of(np.zeros(round(seconds * 8000)), 8000) for seconds in (0.2, 0.512, 2.0)]
    after = beyond(codec, clips, codec.like(3))
    assert after is not None and after.shape == (3, 1, 1, codec.places)
    assert (~after[:, 0, 0]).sum(1).tolist() == [math.ceil(0.2 * 8000 / codec.hop), codec.places, codec.places]
    said = Audio().reason(clips[0], clips[0], "0.192-0.256s", 0.5)
    assert said == "0.192-0.2s (50% of the score)"
