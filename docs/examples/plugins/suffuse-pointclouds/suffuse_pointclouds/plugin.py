"""What clouds of points bring to suffuse. Light: imports neither torch nor the domain."""

from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec, Features, RecipeSpec


@hookimpl
def register_domains(register):
    register(
        DomainSpec(
            name="pointclouds",
            factory="suffuse_pointclouds.domain:PointClouds",
            summary="clouds of points in the plane: sets of any size",
            suffixes=(".csv",),
            features=Features(tolerance=1e-5, sizes=True, unordered=True, anomalies=True),
        )
    )


@hookimpl
def register_recipes(register):
    register(
        RecipeSpec(
            name="shapes",
            domain="pointclouds",
            factory="suffuse_pointclouds:recipes/shapes.yaml",
            summary="outlines of six shapes, two minutes on two cores",
            quickstart=60,
        )
    )
