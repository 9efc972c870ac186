"""How every verb ends: an error as a person or a program reads it, and the exit code."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, ParamSpec

import typer

from suffuse.errors import SuffuseError

P = ParamSpec("P")

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def verb(function: Callable[P, None]) -> Callable[P, None]:
    """Tell a verb's errors: as text on stderr, or with ``--json`` as JSON on stdout."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except SuffuseError as error:
            if kwargs.get("as_json"):
                print_json(error.as_dict())
            else:
                typer.echo(error, err=True)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            typer.echo("interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from error

    return run


def print_json(data: Any) -> None:
    """Print data for programs; what JSON lacks becomes text."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))
