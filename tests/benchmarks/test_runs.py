"""Every benchmark runs, at sizes too small to mean anything, and writes what it prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import torch

from benchmarks import order, peers, strong
from benchmarks.report import markdown
from suffuse.errors import DataError
from suffuse.registry import load_domain
from tests.docs.session import missing

TINY = {
    "agreement": ["--steps", "3"],
    "inverse": ["--count", "2", "--draws", "1", "--steps", "1"],
    "mixed": ["--batch", "2", "--length", "4", "--steps", "2", "--rounds", "1", "--width", "8"],
    "molecules_steered": ["molecules", "--count", "2", "--particles", "2", "--steps", "4"],
    "order": ["--count", "4", "--reference", "200", "--samples", "256"],
    "overhead": ["--batch", "2", "--steps", "3", "--rounds", "1", "--tiny-rounds", "1"],
    "audio_peers": ["--batch", "2", "--rounds", "1", "--evaluations", "2"],
    "encode": ["--data", "digits", "--count", "1", "--evaluations", "4"],
    "score": [
        "--usual", "digits", "--odd", "digits", "--count", "2", "--reference", "3", "--statistics", "profile",
    ],
    "search": ["--data", "digits", "--count", "12"],
    "startup": ["--rounds", "1"],
    "tabular_generate": ["--sets", "wine", "--models", "suffuse", "--seconds", "0.1"],
    "tabular_impute": ["--sets", "wine", "--gone", "MCAR 30 %", "--seconds", "0.1"],
    "training": [
        "--recipe", "images/digits", "--batch", "16", "--steps", "1", "--rounds", "1", "--pictures", "100",
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Benchmarks set the number of threads; give it back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "agreement":
        pytest.importorskip("diffusers", reason="there is no other toolkit to agree with: pip install diffusers")
    if name == "inverse" and (reason := missing("the data set fashion-mnist")) is not None:
        pytest.skip(reason)
    if name == "audio_peers":
        _need_digits()
    monkeypatch.setattr(order, "FITTED", (("even in t", strong.even_times, (4, 8)),))
    monkeypatch.setattr(strong, "SAMPLERS", strong.SAMPLERS[:8])
    file = tmp_path / "figures.json"
    import_module(f"benchmarks.{name}").main([*TINY[name], "--json", str(file)])
    figures = json.loads(file.read_text())
    assert figures.pop("environment")["packages"]["torch"]
    assert any(rows for rows in figures.values())


def _need_digits() -> None:
    pytest.importorskip("soundfile")
    audio = load_domain("audio")
    try:
        audio.splits(audio.data_section(name="fsdd"))
    except DataError as error:
        pytest.skip(error.message)


def test_an_absent_peer_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.INSTALL, "no_such_peer", "pip install no-such-peer")
    with pytest.raises(peers.AbsentPeer, match="pip install no-such-peer"):
        peers.peer("no_such_peer.sampling")


def test_markdown() -> None:
    table = markdown([{"name": "a", "error": 0.0012, "order": 1.0, "none": None}])
    assert table.splitlines()[2] == "| a | 1.20e-03 | 1.00 |  |"
