"""Sound keeps every promise that a domain makes, with no expected failure."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("soundfile")
pytest.importorskip("torchaudio")

from suffuse.testing import Case, parametrize_domain_checks

NETWORK = "network={name: unet, width: 16, multipliers: [1, 2], blocks: 1, fold: 4, heads: 2}"
SHORT = ["data.rate=4000", "data.seconds=0.128", "data.limit=200", "codec.offset=keep", NETWORK]
SPECTRAL = Case.of("audio", "audio/sounds", ["codec.representation=stft", *SHORT])
WAVES = Case.of("audio", "audio/sounds", ["codec.representation=waveform", *SHORT])


@parametrize_domain_checks([SPECTRAL, WAVES])
def test_conformance(check: Any) -> None:
    check()
