"""``suffuse plugins check``: hold a domain to the conformance checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from suffuse.testing import Record, Report

DomainName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The domain.", autocompletion=opt.names_of("domain"), show_default=False),
]
RecipeSource = Annotated[
    str | None,
    typer.Option(
        "--recipe", metavar="RECIPE", help="Another recipe than the domain's own, its first quickstart: name or file."
    ),
]
Fast = Annotated[bool, typer.Option("--fast", help="Leave out what trains something or starts another process.")]

COLOURS = {"passed": "green", "failed": "red", "expected": "yellow"}


@verb
def check(name: DomainName, recipe: RecipeSource = None, fast: Fast = False, as_json: opt.Json = False) -> None:
    """Hold a domain to the conformance checks; exits with 1 if one fails, or if none is run."""
    from suffuse.cli.screen import progress
    from suffuse.progress import progress_bar
    from suffuse.registry import find
    from suffuse.testing import Case, check_domain, checks_for

    if recipe is not None and not Path(recipe).is_file():
        find("recipe", recipe)  # a slip of the user's, not a failure of the domain
    case = Case.of(name, recipe)
    records: list[Record] = []
    with progress_bar(None if as_json else progress(), f"check {name}", len(checks_for(case))) as advance:

        def tell(record: Record) -> None:
            records.append(record)
            advance(len(records), {})

        report = check_domain(case, fast=fast, on_record=tell)
    if as_json:
        print_json(report.as_dict())
    else:
        _show(report)
    if not report.ok:
        raise typer.Exit(1)


def _show(report: Report) -> None:
    """What came of each check, then the failures in full; the same message of several is written once."""
    for record in report.records:
        outcome = typer.style(f"{record.outcome:9}", fg=COLOURS.get(record.outcome))
        why = record.message.partition("\n")[0]
        facts = f"{record.level:7}{record.since:5}{record.cost:5}{record.seconds:6.1f} s"
        typer.echo(f"{outcome}{record.name:20}{facts}  {why}".rstrip())
    told: set[str] = set()
    for record in report.records:
        if record.outcome == "failed":
            note = "" if record.counts else " (should hold: told, not counted)"
            typer.echo(typer.style(f"\n{record.name}{note}", fg=COLOURS["failed"]))
            typer.echo("as above" if record.message in told else record.message)
            told.add(record.message)
    typer.echo(f"\n{report.domain}: {report.summary}")
    if not report.run:
        typer.echo("not one check was run, which is a failure")
