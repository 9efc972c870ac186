"""The command line: each verb parses, calls the function of that name, and prints where the results lie.

torch, and whatever imports it, is imported within the verbs, so that ``suffuse --help`` answers at once.
"""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from suffuse.cli.blend import blend
from suffuse.cli.distill import distill
from suffuse.cli.doctor import doctor
from suffuse.cli.evaluate import evaluate
from suffuse.cli.generate import generate
from suffuse.cli.inpaint import inpaint
from suffuse.cli.optimize import optimize
from suffuse.cli.plugins import plugins
from suffuse.cli.quickstart import quickstart
from suffuse.cli.report import report
from suffuse.cli.restore import restore
from suffuse.cli.score import score
from suffuse.cli.search import search
from suffuse.cli.train import train
from suffuse.cli.vary import vary

app = typer.Typer(
    name="suffuse",
    help="Train, sample and score diffusion models for any kind of data.",
    epilog="New here? suffuse quickstart",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for verb in (
    quickstart, train, generate, inpaint, restore, vary, blend, score, search,
    evaluate, optimize, distill, report, doctor,
):  # fmt: skip
    app.command()(verb)
app.add_typer(plugins, name="plugins")


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
    from rich.logging import RichHandler

    from suffuse.cli.screen import progress

    handler = RichHandler(console=progress(), show_time=False, show_path=False)
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.startswith("suffuse"))
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])


def main() -> None:
    """Run the command line."""
    # Threads that spin while they wait make a busy machine many times slower; torch reads this when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    _show_log()
    app()
