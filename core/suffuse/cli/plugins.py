"""``suffuse plugins``: what is installed, what it brings, whether it is right. ``list`` imports no plugin."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suffuse.cli import options as opt
from suffuse.cli.check import check
from suffuse.cli.new import new
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from rich.table import Table

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
def list_plugins(
    load: Annotated[bool, typer.Option("--load", help="Import each one, which tells whether it is broken.")] = False,
    as_json: opt.Json = False,
) -> None:
    """List the plugins: package, version and status. Without --load none is imported."""
    records = examine(load)
    if as_json:
        print_json([asdict(record) for record in records])
        return
    for line in listing(records):
        typer.echo(line)
    if not load and any(record.status == "available" for record in records):
        typer.echo("available: installed, not imported; `suffuse plugins list --load` tells whether they work")


@plugins.command("info")
@verb
def info(name: PluginName, as_json: opt.Json = False) -> None:
    """Tell what a plugin brings."""
    from suffuse.errors import PluginError, unknown_name
    from suffuse.registry import specs_of

    found = [record for record in examine([name]) if record.name == name]
    if not found:
        raise unknown_name("plugin", name, {record.name for record in examine(False)}, PluginError, field="NAME")
    told = [{**asdict(record), "specs": [_as_dict(spec) for spec in specs_of(record)]} for record in found]
    if as_json:
        print_json(told)
        return
    from suffuse.cli.screen import results

    for line in listing(found):
        typer.echo(line)
    for record in found:
        results().print(_spec_table(specs_of(record)))


plugins.command("check")(check)
plugins.command("new")(new)


def examine(load: bool | Collection[str] = True) -> list[PluginRecord]:
    """How every plugin fares; with ``load`` each one's light module, or that of those named, is imported."""
    from suffuse.registry import plugins as all_plugins

    with _unlogged():
        return all_plugins(load)


def listing(records: list[PluginRecord]) -> Iterator[str]:
    """Plugins, one a line, in columns; plain text, since rich would take longer than all the rest."""
    rows = [("name", "package", "version", "status", "ms", "reason")]
    rows += [(r.name, r.package, r.version, str(r.status), _milliseconds(r), r.reason) for r in records]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for *cells, reason in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        padded[3] = typer.style(padded[3], fg=COLOURS.get(cells[3]))
        yield "  ".join([*padded, reason]).rstrip()


def _milliseconds(record: PluginRecord) -> str:
    return "" if record.seconds is None else f"{1000 * record.seconds:.1f}"


def _spec_table(specs: list[Spec]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("kind", "name", "summary")
    for spec in specs:
        lacking = _lacking(spec)
        table.add_row(spec.kind, spec.name, Text(f"{spec.summary} ({lacking})" if lacking else spec.summary))
    return table


def _as_dict(spec: Spec) -> dict[str, Any]:
    return {"kind": spec.kind, **asdict(spec), "lacks": _lacking(spec)}


def _lacking(spec: Spec) -> str:
    """What a spec needs and is not installed, and how to get it."""
    from suffuse.registry.resolve import missing_requirements

    missing = missing_requirements(spec)
    return f'lacks {", ".join(missing)}: pip install "{spec.install or " ".join(missing)}"' if missing else ""


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
