"""How every verb ends: an error as a person or a program reads it, and the exit code."""

from __future__ import annotations

import functools
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import typer

from suffuse.errors import SuffuseError
from suffuse.files import check_writable
from suffuse.jsonable import finite

P = ParamSpec("P")

PLACES = ("out", "csv", "trajectory")
"""The options that tell where a verb writes."""

STDOUT = Path("-")
"""The place that is no file: what is written goes down the pipe."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def verb(function: Callable[P, None]) -> Callable[P, None]:
    """Tell a verb's errors: as text on stderr, or with ``--json`` as JSON on stdout.

    Where it writes, by :data:`PLACES`, is looked at first, so that no work is done whose results cannot be written.

    An exception out of a plugin's code is told in the plugin's name, with ``SUFFUSE_DEBUG=1`` after its traceback. Any
    other is a bug of suffuse, and passes.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            for place in map(kwargs.get, PLACES):
                if isinstance(place, Path) and place != STDOUT:
                    check_writable(place)
            function(*args, **kwargs)
        except SuffuseError as error:
            raise _told(error, bool(kwargs.get("as_json"))) from error
        except KeyboardInterrupt as error:
            typer.echo("interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from error
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            from suffuse.registry.blame import DEBUG, blamed

            plugins = blamed(error)
            if plugins is None:
                raise
            if os.environ.get(DEBUG):
                traceback.print_exception(error)
            raise _told(plugins, bool(kwargs.get("as_json"))) from error

    return run


def _told(error: SuffuseError, as_json: bool) -> typer.Exit:
    """How to leave, the error being told."""
    if as_json:
        print_json(error.as_dict())
    else:
        typer.echo(error, err=True)
    return typer.Exit(error.exit_code)


def print_json(data: Any) -> None:
    """Print data for programs; what JSON lacks becomes text, and a number that is not finite null."""
    typer.echo(json.dumps(finite(data), indent=2, ensure_ascii=False, allow_nan=False, default=str))
