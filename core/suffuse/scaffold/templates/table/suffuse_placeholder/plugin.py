"""What the plugin brings. Light: it imports neither torch nor the domain, which is imported when it is used."""

from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec, Features, RecipeSpec


@hookimpl
def register_domains(register):
    register(
        DomainSpec(
            name="placeholder",
            summary="rows of a table",
            factory="suffuse_placeholder.domain:Tables",
            suffixes=(".csv",),
            features=Features(tolerance=1e-4, gaps=True),
        )
    )


@hookimpl
def register_recipes(register):
    register(
        RecipeSpec(
            name="placeholder",
            domain="placeholder",
            summary="rows of a table, about a minute",
            factory="suffuse_placeholder:recipes/placeholder.yaml",
            quickstart=50,
        )
    )
