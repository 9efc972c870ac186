"""suffuse's samplers compute what diffusers' and k-diffusion's do; skipped where these are not installed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.agreement import COMPARISONS, NETWORKS, TARGET, Comparison, Diffusers, difference, grid_differences
from benchmarks.peers import AbsentPeer, peer
from benchmarks.report import name_of
from suffuse.sampling import DPMpp

STEPS = 20
ROUNDED = 1e-12
"""Where both sides compute in float64 throughout."""


@pytest.fixture
def toolkit(request: pytest.FixtureRequest) -> None:
    """Skip, with the reason, where a comparison's other side is not installed."""
    needed = {"diffusers": "diffusers", "k_diffusion": "k_diffusion.sampling"}[request.param]
    try:
        peer(needed)
    except AbsentPeer as reason:
        pytest.skip(str(reason))


def cases() -> list[object]:
    return [
        pytest.param(c.toolkit, c, id=f"{name_of(c.sampler)}-{c.peer}".replace(" ", "")) for c in COMPARISONS
    ]  # fmt: skip


def limit(comparison: Comparison, precision: str) -> float:
    in_float32 = precision == "float32" or (isinstance(comparison, Diffusers) and comparison.tables == "shipped")
    return TARGET if in_float32 else ROUNDED


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("toolkit", "comparison"), cases(), indirect=["toolkit"])
def test_agrees(toolkit: None, comparison: Comparison, network: str) -> None:
    for precision in ("float64", "float32"):
        assert difference(comparison, network, precision, STEPS) <= limit(comparison, precision)


@pytest.mark.parametrize("toolkit", ["diffusers"], indirect=True)
@pytest.mark.parametrize("network", NETWORKS)
def test_another_sampler_does_not_agree(toolkit: None, network: str) -> None:
    other = replace(COMPARISONS[0], sampler=DPMpp())
    assert difference(other, network, "float64", STEPS) > 0.01


@pytest.mark.parametrize("toolkit", ["k_diffusion"], indirect=True)
def test_grids_agree(toolkit: None) -> None:
    assert max(row["difference"] for row in grid_differences(STEPS)) <= TARGET
