"""``suffuse doctor``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.table import Table
from rich.text import Text

from suffuse.cli import options as opt
from suffuse.cli.screen import results
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from suffuse.cli.health import Finding

COLOURS = {"ok": "green", "note": "yellow", "broken": "red"}


@verb
def doctor(as_json: opt.Json = False) -> None:
    """Look over the installation: versions, accelerator, plugins, folders. Exits with 1 if something is broken."""
    from suffuse.cli.health import examine_all

    findings = examine_all()
    healthy = not any(finding.state == "broken" for finding in findings)
    if as_json:
        print_json({"healthy": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        results().print(_table(findings))
        results().print("all is well" if healthy else "something is broken: see above")
    if not healthy:
        raise typer.Exit(1)


def _table(findings: list[Finding]) -> Table:
    table = Table("what", "", "detail", "fix")
    for finding in findings:
        state = Text(finding.state, style=COLOURS[finding.state])
        table.add_row(Text(finding.name), state, Text(finding.detail), Text(finding.fix))
    return table
