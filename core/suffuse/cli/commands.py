"""The verbs, each imported when it is asked for; and commands that installed packages add.

A package adds one by an entry point in the group ``suffuse.commands``, whose name is the command's::

    [project.entry-points."suffuse.commands"]
    gallery = "suffuse_gallery.cli:gallery"      # a function that typer can run, or a typer.Typer

The group is read only for a name that no verb has, so that such packages cost other commands nothing. None can take a
verb's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

GROUP = "suffuse.commands"

VERBS = (
    "quickstart", "train", "generate", "inpaint", "restore", "bridge", "vary", "blend", "encode", "decode", "score",
    "explain", "drift", "search", "evaluate", "optimize", "distill", "export", "report", "doctor", "plugins",
)  # fmt: skip
"""In the order of the help. Each is the function, or the group, of its name in the module of its name."""


class Verbs(Mapping[str, Any]):
    """The verbs' commands by name."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in VERBS:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = as_command(name, getattr(import_module(f"suffuse.cli.{name}"), name))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(VERBS)

    def __len__(self) -> int:
        return len(VERBS)


class LazyGroup(TyperGroup):
    """The command line's root."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = Verbs()  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs' names."""
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A verb, or else what an installed package brings under that name."""
        return self.commands.get(cmd_name) or _added(cmd_name)


def as_command(name: str, made: Any) -> Any:
    """A function, or a :class:`typer.Typer`, as a command of that name."""
    if not isinstance(made, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(name)(made)
        made = alone
    command = typer.main.get_command(made)
    command.name = name
    return command


def _added(name: str) -> Any:
    points = sorted(entry_points(group=GROUP, name=name), key=_package)
    if not points:
        return None
    try:
        made = points[0].load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        typer.echo(f"the command {name!r} of {_package(points[0])} could not be imported ({reason})", err=True)
        raise typer.Exit(1) from error
    if len(points) > 1:
        others = ", ".join(_package(point) for point in points[1:])
        typer.echo(f"{name!r} is of {_package(points[0])}; {others} would bring it too", err=True)
    return as_command(name, made)


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
