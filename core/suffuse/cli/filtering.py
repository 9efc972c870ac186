"""What verbs share that filter what they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suffuse.cli import options as opt

if TYPE_CHECKING:
    from suffuse.model import Model
    from suffuse.tasks.samples import Samples

FEWER = 11
"""The exit code where fewer items passed than were asked for."""

Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="NAME[:KEY=VALUE,…]",
        help="What an item has to pass, as unique; another is made for each that does not. Several judge in turn.",
        autocompletion=opt.names_of("filter"),
    ),
]
Tries = Annotated[
    int | None,
    typer.Option("--tries", min=1, help="Items made at most, where filters drop some; ten for each by default."),
]


def parse_filters(model: Model, texts: Sequence[str] | None) -> list[dict[str, Any]]:
    """Filters of a model's items; an option that is a text is taken as it stands, any other as YAML."""
    from suffuse.registry.options import text_options
    from suffuse.registry.resolve import resolve
    from suffuse.tasks.filtering import find_filter

    def plain(name: str) -> frozenset[str]:
        return text_options(resolve(find_filter(model.recipe.domain, name)))

    parsed = [opt.parse_component(text, "--filter", plain) for text in texts or []]
    return [{"name": name, **options} for name, options in parsed]


def told(samples: Samples) -> dict[str, Any]:
    """How samples came about, for ``--json``."""
    return {} if samples.account is None else samples.account.to_json()


def leave_if_fewer(samples: Samples) -> None:
    """Exit where fewer items passed than were asked for; the task has warned of it."""
    if samples.account is not None and samples.account.lacking:
        raise typer.Exit(FEWER)
