"""``suffuse report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.screen import results
from suffuse.cli.verb import print_json, verb

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a training.", show_default=False)]


ScoreFile = Annotated[
    Path | None,
    typer.Option(
        "--scores", metavar="FILE", help="Scores of labelled items, to show what they find.", show_default=False
    ),
]
Label = Annotated[str, typer.Option("--label", metavar="COLUMN", help="Which of them are odd: true, or not 0.")]


@verb
def report(
    run: RunFolder, scores: ScoreFile = None, label: Label = "label", out: opt.Out = None, as_json: opt.Json = False
) -> None:
    """Write a page about a training: its curves, its samples, its figures, and what its score finds."""
    from suffuse.report import write_report

    path = write_report(run, out, scores=scores, label=label)
    if as_json:
        print_json({"report": path})
    else:
        results().print(f"report  {path}")
