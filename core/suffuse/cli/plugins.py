"""``suffuse plugins list`` and ``suffuse plugins info``; neither imports torch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from suffuse.cli import options as opt
from suffuse.cli.screen import results
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from suffuse.registry import PluginRecord
    from suffuse.registry.specs import Spec

plugins = typer.Typer(help="What is installed, and how it fares.", no_args_is_help=True)

COLOURS = {"active": "green", "broken": "red", "incompatible": "red"}

PluginName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The plugin.", autocompletion=opt.names_of("domain"), show_default=False),
]


@plugins.command("list")
@verb
def list_plugins(as_json: opt.Json = False) -> None:
    """List the plugins: package, version and status."""
    records = examine()
    if as_json:
        print_json([asdict(record) for record in records])
    else:
        results().print(status_table(records))


@plugins.command("info")
@verb
def info(name: PluginName, as_json: opt.Json = False) -> None:
    """Tell what a plugin brings."""
    from suffuse.errors import PluginError, unknown_name
    from suffuse.registry import specs_of

    found = [record for record in examine() if record.name == name]
    if not found:
        raise unknown_name("plugin", name, {record.name for record in examine()}, PluginError, field="NAME")
    told = [{**asdict(record), "specs": [_as_dict(spec) for spec in specs_of(record)]} for record in found]
    if as_json:
        print_json(told)
        return
    console = results()
    console.print(status_table(found))
    for record in found:
        console.print(_spec_table(specs_of(record)))


def examine() -> list[PluginRecord]:
    """How every plugin fares, each one's light module imported."""
    from suffuse.registry import plugins as all_plugins

    with _unlogged():
        return all_plugins(load=True)


def status_table(records: list[PluginRecord]) -> Table:
    """Plugins, one a row."""
    table = Table("name", "package", "version", "status", "ms", "reason")
    for record in records:
        status = Text(record.status, style=COLOURS.get(record.status, "dim"))
        spent = "" if record.seconds is None else f"{1000 * record.seconds:.1f}"
        table.add_row(record.name, record.package, record.version, status, spent, Text(record.reason))
    return table


def _spec_table(specs: list[Spec]) -> Table:
    table = Table("kind", "name", "summary")
    for spec in specs:
        table.add_row(spec.kind, spec.name, Text(spec.summary))
    return table


def _as_dict(spec: Spec) -> dict[str, Any]:
    return {"kind": spec.kind, **asdict(spec)}


@contextmanager
def _unlogged() -> Iterator[None]:
    """Within this block plugins log nothing: the table tells it all."""
    logger = logging.getLogger("suffuse.plugins")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before
