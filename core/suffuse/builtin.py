"""The core's own plugin: its schedules, samplers, grids and networks, registered as any plugin's are."""

from __future__ import annotations

from collections.abc import Callable

from suffuse.registry.hooks import hookimpl
from suffuse.registry.specs import GridSpec, NetworkSpec, SamplerSpec, ScheduleSpec


@hookimpl
def register_schedules(register: Callable[[ScheduleSpec], None]) -> None:
    """The noise schedules."""
    for name, attribute, summary in (
        ("vp-linear", "VPLinear", "variance preserving, β linear in time (DDPM)"),
        ("cosine", "Cosine", "variance preserving, a quarter turn at constant speed"),
        ("ve", "VE", "variance exploding, geometric in σ"),
        ("edm", "EDM", "σ proportional to time, no scaling of the signal"),
        ("rectified-flow", "RectifiedFlow", "the straight path from data to noise"),
        ("sub-vp", "SubVP", "variance below that of variance preserving"),
    ):
        register(ScheduleSpec(name=name, factory=f"suffuse.process.schedule:{attribute}", summary=summary))


@hookimpl
def register_samplers(register: Callable[[SamplerSpec], None]) -> None:
    """The samplers."""
    for name, attribute, summary in (
        ("ddpm", "DDPM", "ancestral: fresh noise at every step; any process"),
        ("ddim", "DDIM", "from deterministic (eta 0) to ancestral (eta 1); any process"),
        ("euler", "Euler", "first-order steps along the probability flow, with churn if wanted"),
        ("heun", "Heun", "second order, two evaluations a step, with churn if wanted"),
        ("dpmpp-2m", "DPMpp2M", "DPM-Solver++, second order, one evaluation a step"),
    ):
        register(SamplerSpec(name=name, factory=f"suffuse.sampling:{attribute}", summary=summary))


@hookimpl
def register_grids(register: Callable[[GridSpec], None]) -> None:
    """The time grids."""
    for name, attribute, summary in (
        ("uniform", "UniformTime", "evenly spaced in time"),
        ("karras", "Karras", "noise levels evenly spaced in σ^(1/ρ)"),
        ("log-snr", "LogSnr", "evenly spaced in the logarithm of the signal-to-noise ratio"),
        ("shifted-flow", "ShiftedFlow", "evenly spaced in time, shifted towards noise"),
    ):
        register(GridSpec(name=name, factory=f"suffuse.sampling:{attribute}", summary=summary))


@hookimpl
def register_networks(register: Callable[[NetworkSpec], None]) -> None:
    """The networks."""
    for name, summary in (
        ("unet", "convolutional U-Net over one, two or three axes"),
        ("dit", "transformer over patches of one, two or three axes"),
    ):
        register(NetworkSpec(name=name, factory=f"suffuse.nn.{name}:build", summary=summary))
