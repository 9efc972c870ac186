"""What the package brings to suffuse. Light: imports neither torch nor the domain."""

from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec, Features, RecipeSpec


@hookimpl
def register_domains(register):
    register(
        DomainSpec(
            name="timeseries",
            factory="suffuse_timeseries.domain:TimeSeries",
            summary="windows of several sensors' readings, some of them missing",
            suffixes=(".csv",),
            features=Features(gaps=True, anomalies=True, time_axis=2),
        )
    )


@hookimpl
def register_recipes(register):
    register(
        RecipeSpec(
            name="pumps",
            domain="timeseries",
            factory="suffuse_timeseries:recipes/pumps.yaml",
            summary="three days of a pump's flow, pressure and temperature; a minute",
            quickstart=60,
        )
    )
