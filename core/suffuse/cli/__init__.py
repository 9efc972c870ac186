"""The command line: each verb parses, calls the function of that name, and prints where the results lie.

A verb is imported when it is asked for, and torch, and whatever imports it, within the verbs; so ``suffuse --help``
answers at once.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import Annotated

import typer

from suffuse.cli.commands import LazyGroup

app = typer.Typer(
    name="suffuse",
    cls=LazyGroup,
    help="Train, sample and score diffusion models for any kind of data.",
    epilog="New here? suffuse quickstart",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("suffuse"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What may stand before a verb."""


def _show_log() -> None:
    """Show what suffuse and its plugins log, and others' warnings, on stderr."""
    handler = _Screen()
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.startswith("suffuse"))
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])


class _Screen(logging.Handler):
    """Writes to the screen by rich, which is imported when there is something to write."""

    def emit(self, record: logging.LogRecord) -> None:
        _rich_handler().emit(record)


@cache
def _rich_handler() -> logging.Handler:
    from rich.logging import RichHandler

    from suffuse.cli.screen import progress

    return RichHandler(console=progress(), show_time=False, show_path=False)


def main() -> None:
    """Run the command line."""
    # Threads that spin while they wait make a busy machine many times slower; torch reads this when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    _show_log()
    app()
