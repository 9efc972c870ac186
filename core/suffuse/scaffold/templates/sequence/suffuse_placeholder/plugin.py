"""What the plugin brings. Light: it imports neither torch nor the domain, which is imported when it is used."""

from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec, Features, RecipeSpec


@hookimpl
def register_domains(register):
    register(
        DomainSpec(
            name="placeholder",
            summary="sequences of symbols",
            factory="suffuse_placeholder.domain:Sequences",
            suffixes=(".txt",),
            features=Features(sizes=True, time_axis=1),
        )
    )


@hookimpl
def register_recipes(register):
    register(
        RecipeSpec(
            name="placeholder",
            domain="placeholder",
            summary="sequences, about a minute",
            factory="suffuse_placeholder:recipes/placeholder.yaml",
            quickstart=50,
        )
    )
