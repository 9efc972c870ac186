"""``suffuse plugins new``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.verb import print_json, verb


def _kinds(incomplete: str) -> list[str]:
    from suffuse.scaffold import KINDS

    return [name for name in KINDS if name.startswith(incomplete)]


NewName = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Of the plugin and its domain: lower case, digits, hyphens.", show_default=False
    ),
]
KindName = Annotated[
    str,
    typer.Option("--kind", help="Of data: grid, sequence, vector, graph or table.", autocompletion=_kinds),
]
Folder = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="The package's folder; ./suffuse-NAME by default.", show_default=False),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")]


@verb
def new(
    name: NewName, kind: KindName, folder: Folder = None, dry_run: DryRun = False, as_json: opt.Json = False
) -> None:
    """Begin a plugin: a package that installs, trains, generates and passes its checks as it is written."""
    from suffuse.scaffold import new as write
    from suffuse.scaffold import package_name, plan

    place = folder or Path(package_name(name))
    files = list(plan(name, kind, place)) if dry_run else write(name, kind, place)
    if as_json:
        told = {"name": name, "kind": kind, "folder": place, "files": files, "dry_run": dry_run}
        print_json({**told, "next": next_steps(name, place)})
        return
    typer.echo(f"{'would write' if dry_run else 'written'}:")
    for line in tree(place, files):
        typer.echo(f"  {line}")
    if not dry_run:
        typer.echo("next:")
        for line in next_steps(name, place):
            typer.echo(f"  {line}")


def next_steps(name: str, folder: Path) -> list[str]:
    """The commands to go on with."""
    return [
        f"pip install -e {shlex.quote(str(folder))}",
        f"suffuse train {name} --out runs/{name}",
        f"suffuse generate runs/{name} --count 16 --out made",
        f"suffuse plugins check {name}",
    ]


def tree(folder: Path, files: Iterable[Path]) -> Iterator[str]:
    """The files of a folder, one a line, indented by the folders that they lie in."""
    yield f"{folder}/"
    shown: set[Path] = set()
    for file in files:
        inside = file.relative_to(folder)
        for parent in reversed(inside.parents[:-1]):
            if parent not in shown:
                shown.add(parent)
                yield f"{'    ' * len(parent.parts)}{parent.name}/"
        yield f"{'    ' * len(inside.parts)}{inside.name}"
