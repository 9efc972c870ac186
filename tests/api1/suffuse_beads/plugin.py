"""Strings of six beads, red or blue, that come in runs; and one of each kind of component."""

from suffuse.registry import hookimpl
from suffuse.registry.specs import (
    CheckSpec,
    DatasetSpec,
    DomainSpec,
    Features,
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
    TextEncoderSpec,
    TimesSpec,
    WeightingSpec,
)

HERE = "tests.api1.suffuse_beads"


@hookimpl
def register_domains(register):
    register(
        DomainSpec(
            name="beads", factory=f"{HERE}.domain:Beads", summary="strings of beads", requires=("torch",),
            install="suffuse-beads", api=1, suffixes=(".beads",), features=Features(tolerance=0.0, time_axis=1),
        )
    )  # fmt: skip


@hookimpl
def register_datasets(register):
    register(DatasetSpec(name="runs", domain="beads", factory=f"{HERE}.domain:runs", offline=True))


@hookimpl
def register_recipes(register):
    register(RecipeSpec(name="beads", domain="beads", factory=f"{HERE}:recipes/beads.yaml", quickstart=99))


@hookimpl
def register_metrics(register):
    register(MetricSpec(name="reds", domain="beads", factory=f"{HERE}.parts:reds"))


@hookimpl
def register_renderers(register):
    register(RendererSpec(name="plain", domain="beads", suffixes=(".txt",), factory=f"{HERE}.parts:plain"))


@hookimpl
def register_observers(register):
    register(ObserverSpec(name="counting", factory=f"{HERE}.parts:Counting"))


@hookimpl
def register_networks(register):
    register(NetworkSpec(name="beads-linear", factory=f"{HERE}.parts:build"))


@hookimpl
def register_schedules(register):
    register(ScheduleSpec(name="beads-bent", factory=f"{HERE}.parts:Bent"))


@hookimpl
def register_samplers(register):
    register(SamplerSpec(name="beads-leap", factory=f"{HERE}.parts:Leap"))


@hookimpl
def register_grids(register):
    register(GridSpec(name="beads-squared", factory=f"{HERE}.parts:Squared"))


@hookimpl
def register_kernels(register):
    register(KernelSpec(name="beads-even", factory=f"{HERE}.parts:even"))


@hookimpl
def register_guidances(register):
    register(GuidanceSpec(name="beads-none", factory=f"{HERE}.parts:unguided"))


@hookimpl
def register_operators(register):
    register(OperatorSpec(name="beads-halve", factory=f"{HERE}.parts:Halve"))


@hookimpl
def register_methods(register):
    register(MethodSpec(name="beads-repaint", factory=f"{HERE}.parts:again"))


@hookimpl
def register_text_encoders(register):
    register(TextEncoderSpec(name="beads-words", factory=f"{HERE}.parts:BeadWords"))


@hookimpl
def register_times(register):
    register(TimesSpec(name="beads-late", factory=f"{HERE}.parts:Late"))


@hookimpl
def register_weightings(register):
    register(WeightingSpec(name="beads-double", factory=f"{HERE}.parts:double"))


@hookimpl
def register_checks(register):
    register(CheckSpec(name="beads-strung", domains=("beads",), factory=f"{HERE}.parts:strung"))


@hookimpl
def register_health_checks(register):
    register(HealthCheckSpec(name="beads-box", factory=f"{HERE}.parts:box", fix="buy beads"))
