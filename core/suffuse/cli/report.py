"""``suffuse report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.screen import results
from suffuse.cli.verb import print_json, verb

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a training.", show_default=False)]


@verb
def report(run: RunFolder, out: opt.Out = None, as_json: opt.Json = False) -> None:
    """Write a page about a training: its curves, its samples, its figures."""
    from suffuse.report import write_report

    path = write_report(run, out)
    if as_json:
        print_json({"report": path})
    else:
        results().print(f"report  {path}")
