"""The hooks that a plugin may implement.

A plugin is a module (or an instance) with functions marked :data:`hookimpl`. The ``register_…`` hooks hand over
specs, which name their factories without importing them::

    from suffuse.registry import hookimpl
    from suffuse.registry.specs import DomainSpec


    @hookimpl
    def register_domains(register):
        register(DomainSpec(name="runes", summary="Carved letters", factory="suffuse_runes.domain:Runes"))

They are historic: each is called once for a plugin, when it is loaded. The others observe a training and are called as
it goes; what an observer raises is logged and stops nothing. An argument of an implementation may be left out, but it
may not have a default: pluggy's versions disagree on whether it would ever get another value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from suffuse.registry.specs import (
    CheckSpec,
    DatasetSpec,
    DomainSpec,
    FilterSpec,
    GridSpec,
    GuidanceSpec,
    HealthCheckSpec,
    KernelSpec,
    MethodSpec,
    MetricSpec,
    NetworkSpec,
    ObserverSpec,
    OperatorSpec,
    RecipeSpec,
    RendererSpec,
    SamplerSpec,
    ScheduleSpec,
    Spec,
    StarterSpec,
    TextEncoderSpec,
    TimesSpec,
    WeightingSpec,
)

PROJECT = "suffuse"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook of its name."""


@hookspec(historic=True)
def register_domains(register: Callable[[DomainSpec], None]) -> None:
    """Bring kinds of data; the domain is named as the plugin's entry point."""


@hookspec(historic=True)
def register_datasets(register: Callable[[DatasetSpec], None]) -> None:
    """Bring named data sets."""


@hookspec(historic=True)
def register_networks(register: Callable[[NetworkSpec], None]) -> None:
    """Bring networks."""


@hookspec(historic=True)
def register_schedules(register: Callable[[ScheduleSpec], None]) -> None:
    """Bring noise schedules."""


@hookspec(historic=True)
def register_samplers(register: Callable[[SamplerSpec], None]) -> None:
    """Bring samplers."""


@hookspec(historic=True)
def register_grids(register: Callable[[GridSpec], None]) -> None:
    """Bring time grids."""


@hookspec(historic=True)
def register_kernels(register: Callable[[KernelSpec], None]) -> None:
    """Bring kernels of categorical noise."""


@hookspec(historic=True)
def register_guidances(register: Callable[[GuidanceSpec], None]) -> None:
    """Bring guidances."""


@hookspec(historic=True)
def register_operators(register: Callable[[OperatorSpec], None]) -> None:
    """Bring measurements."""


@hookspec(historic=True)
def register_methods(register: Callable[[MethodSpec], None]) -> None:
    """Bring ways to sample under a measurement."""


@hookspec(historic=True)
def register_times(register: Callable[[TimesSpec], None]) -> None:
    """Bring distributions of training times."""


@hookspec(historic=True)
def register_weightings(register: Callable[[WeightingSpec], None]) -> None:
    """Bring weightings of the loss."""


@hookspec(historic=True)
def register_recipes(register: Callable[[RecipeSpec], None]) -> None:
    """Bring ready recipes."""


@hookspec(historic=True)
def register_starters(register: Callable[[StarterSpec], None]) -> None:
    """Bring trained models."""


@hookspec(historic=True)
def register_metrics(register: Callable[[MetricSpec], None]) -> None:
    """Bring metrics of a domain."""


@hookspec(historic=True)
def register_renderers(register: Callable[[RendererSpec], None]) -> None:
    """Bring forms of file for a domain's items."""


@hookspec(historic=True)
def register_filters(register: Callable[[FilterSpec], None]) -> None:
    """Bring filters of what is made."""


@hookspec(historic=True)
def register_text_encoders(register: Callable[[TextEncoderSpec], None]) -> None:
    """Bring encoders of text conditions."""


@hookspec(historic=True)
def register_observers(register: Callable[[ObserverSpec], None]) -> None:
    """Bring observers that a recipe may ask for."""


@hookspec(historic=True)
def register_checks(register: Callable[[CheckSpec], None]) -> None:
    """Bring conformance checks."""


@hookspec(historic=True)
def register_health_checks(register: Callable[[HealthCheckSpec], None]) -> None:
    """Bring what ``suffuse doctor`` looks at."""


@hookspec
def run_started(run: Any) -> None:
    """A training starts, or goes on from a checkpoint."""


@hookspec
def step_finished(run: Any, step: int, metrics: Mapping[str, float]) -> None:
    """A training has made a step that it logs."""


@hookspec
def run_finished(run: Any) -> None:
    """A training has ended, or was interrupted and has saved what it had."""


REGISTRATION: dict[str, type[Spec]] = {
    "register_domains": DomainSpec,
    "register_datasets": DatasetSpec,
    "register_networks": NetworkSpec,
    "register_schedules": ScheduleSpec,
    "register_samplers": SamplerSpec,
    "register_grids": GridSpec,
    "register_kernels": KernelSpec,
    "register_guidances": GuidanceSpec,
    "register_operators": OperatorSpec,
    "register_methods": MethodSpec,
    "register_times": TimesSpec,
    "register_weightings": WeightingSpec,
    "register_recipes": RecipeSpec,
    "register_starters": StarterSpec,
    "register_metrics": MetricSpec,
    "register_renderers": RendererSpec,
    "register_filters": FilterSpec,
    "register_text_encoders": TextEncoderSpec,
    "register_observers": ObserverSpec,
    "register_checks": CheckSpec,
    "register_health_checks": HealthCheckSpec,
}
"""The hooks that hand over specs, and of which kind."""

OBSERVERS: tuple[str, ...] = ("run_started", "step_finished", "run_finished")
"""The hooks that are told how a training goes."""

HOOKS: tuple[str, ...] = (*REGISTRATION, *OBSERVERS)
