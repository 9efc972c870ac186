"""What the plugin brings. Light: it imports neither torch nor the domain, which is imported when it is used."""

from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec, Features, RecipeSpec


@hookimpl
def register_domains(register):
    register(
        DomainSpec(
            name="placeholder",
            summary="graphs of nodes and bonds",
            factory="suffuse_placeholder.domain:Graphs",
            suffixes=(".json",),
            features=Features(sizes=True, unordered=True),
        )
    )


@hookimpl
def register_recipes(register):
    register(
        RecipeSpec(
            name="placeholder",
            domain="placeholder",
            summary="graphs, about a minute",
            factory="suffuse_placeholder:recipes/placeholder.yaml",
            quickstart=50,
        )
    )
