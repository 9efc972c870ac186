"""``suffuse score`` into a file, or down a pipe: for tables of any length, and for programs."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from suffuse.cli.screen import progress, results
from suffuse.cli.verb import STDOUT, print_json
from suffuse.errors import RecipeError, ResumeError, SuffuseError

if TYPE_CHECKING:
    from suffuse.tasks.scoring.columns import Scored
    from suffuse.tasks.scoring.files import Engine, Summary
    from suffuse.tasks.scoring.flags import Flagging
    from suffuse.tasks.scoring.scorer import Scorer
    from suffuse.tasks.scoring.sources import Source

PART = "[0-9]*"
"""What the names of files of results are like in a folder of parts."""

TOO_MANY = 10
"""The exit code where more is flagged than ``--fail-over`` allows; no error has it."""


@dataclass(frozen=True)
class FileOptions:
    """What a file of scores has; of all this, only ``strict`` is told where pictures are drawn.

    Arguments:
        keep: columns of the items that are repeated, between commas; ``all`` or ``none``.
        figures: whether the statistic's figures are told.
        fdr: the false-discovery rate by which items are flagged.
        online: the same, at any time: each item is judged in its turn.
        online_by: by which procedure.
        threshold: the score above which they are.
        fail_over: the share of flagged items that is too much.
        strict: whether an item that cannot be scored is an error.
        resume: whether to go on where an earlier run stopped.
        engine: what has items scored.
        workers: by how many processes.
    """

    keep: str = "all"
    figures: bool = False
    fdr: float | None = None
    online: float | None = None
    online_by: str = "lord"
    threshold: float | None = None
    fail_over: float | None = None
    strict: bool = False
    resume: bool = True
    engine: str = "local"
    workers: int | None = None

    def refuse_without_file(self) -> None:
        """Raise RecipeError if anything is told that needs a file."""
        asked, usual = vars(replace(self, strict=False)), vars(FileOptions())
        told = [name for name in usual if asked[name] != usual[name]]
        if told:
            option = "--no-resume" if told[0] == "resume" else f"--{told[0].replace('_', '-')}"
            raise RecipeError("is for a file of scores", field=option, fix="name one, as --out scores.csv")

    def make_engine(self, piped: bool) -> Engine:
        """What has items scored. Nothing is read ahead of a pipe, so that what came is told before more comes."""
        from suffuse.tasks.scoring.engines import make_engine
        from suffuse.tasks.scoring.files import in_this_process

        if piped and self.engine == "local" and self.workers is None:
            return in_this_process
        return make_engine(self.engine, self.workers)


def score_into(
    scorer: Scorer, sources: Sequence[Source], out: Path, options: FileOptions, batch: int | None, as_json: bool
) -> None:
    """Score sources into a file or down the pipe, tell what became of it, and exit as ``--fail-over`` has it."""
    from suffuse.tasks.scoring.columns import Layout
    from suffuse.tasks.scoring.files import parts_of, score_files, score_lines
    from suffuse.tasks.scoring.flags import make_flagging
    from suffuse.tasks.scoring.sources import STDIN, count_items

    flagging = make_flagging(scorer, options.fdr, options.threshold, options.online, options.online_by)
    if options.fail_over is not None and flagging is None:
        raise RecipeError(
            "has nothing to count", field="--fail-over", expected="a rule that flags", got="none",
            fix="--fdr RATE, --online RATE or --threshold VALUE",
        )  # fmt: skip
    if options.fail_over is not None and not 0.0 <= options.fail_over <= 1.0:
        raise RecipeError(
            "is no share", field="--fail-over", expected="0 to 1", got=options.fail_over, fix="0.02 for 2 in 100"
        )
    if out == STDOUT and as_json:
        raise RecipeError("goes where the scores go", field="--json", fix="name a file, or leave it out")
    chosen: dict[str, Any] = {
        "flagging": flagging,
        "layout": Layout(_columns(options.keep), options.figures),
        "batch": batch,
        "strict": options.strict,
        "engine": options.make_engine(piped=sources[0].name == STDIN),
    }
    total = count_items(scorer.model, sources)
    if out == STDOUT:
        with row_bar(total, flagging) as on_batch:
            summary = score_lines(scorer, sources, sys.stdout, on_batch=on_batch, on_fault=_to_stderr, **chosen)
        progress().print(_told(summary), soft_wrap=True, highlight=False, markup=False)
    else:
        with kept(parts_of(out)), row_bar(total, flagging) as on_batch:
            summary = score_files(scorer, sources, out, resume=options.resume, on_batch=on_batch, **chosen)
        if as_json:
            print_json({**summary.to_json(), "statistic": scorer.statistic.name})
        else:
            results().print("\n".join([_told(summary), *(f"  {path}" for path in summary.files)]))
    _tell_of_too_few(scorer, summary, options.fdr)
    if options.fail_over is not None and summary.odd_share > options.fail_over:
        typer.echo(f"{summary.odd_share:.3%} are flagged or in quarantine: more than {options.fail_over:.3%}", err=True)
        raise typer.Exit(TOO_MANY)


def _tell_of_too_few(scorer: Scorer, summary: Summary, rate: float | None) -> None:
    """Where nothing was found at a false-discovery rate, how many odd items it would have taken."""
    if rate is None or summary.flagged or scorer.calibration is None or not summary.rows:
        return
    least = 1.0 / (len(scorer.calibration.values) + 1)
    needed = math.ceil(least * summary.rows / rate)
    if needed > 1:
        typer.echo(
            f"no p-value can be below {least:.2g} with {len(scorer.calibration.values)} reference items: at a rate of "
            f"{rate:.0%} nothing is flagged of {summary.rows} items unless {needed} are that odd (--threshold VALUE "
            "flags by the score itself)",
            err=True,
        )


@contextmanager
def kept(parts: Path, done: str = "scored") -> Iterator[None]:
    """Whatever ends the block early, tell whether what was done is kept; nothing is told where the call is refused."""
    try:
        yield
    except ResumeError:
        raise
    except (SuffuseError, KeyboardInterrupt) as error:
        if any(parts.glob(PART)):
            typer.echo(f"what was {done} is kept in {parts}; the same command goes on from there", err=True)
        elif isinstance(error, KeyboardInterrupt):
            typer.echo(f"nothing was {done} yet that could be kept: the same command begins anew", err=True)
        raise


@contextmanager
def row_bar(total: int | None, flagging: Flagging | None) -> Iterator[Callable[[Scored], None]]:
    """A bar over rows: how many, how fast, and which share of them is flagged where that is known at once."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    texts = [TextColumn("{task.fields[rate]}"), TextColumn("{task.fields[flagged]}")]
    with Progress(
        TextColumn("[bold]score"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), *texts, console=progress()
    ) as bar:
        task = bar.add_task("score", total=total, rate="", flagged="")
        rows = flagged = 0
        rule = flagging

        def advance(scored: Scored) -> None:
            nonlocal rows, flagged, rule
            rows += scored.table.num_rows
            seconds = bar.tasks[0].elapsed or 0.0
            told: dict[str, Any] = {"rate": f"{rows / max(seconds, 1e-9):,.0f} rows/s"}
            if rule is not None and not rule.needs_all and scored.table.num_rows:
                rule, flags = rule.judge(scored.table.column(rule.column).to_numpy())
                flagged += int(flags.sum())
            if rows and rule is not None and not rule.needs_all:
                told["flagged"] = f"{flagged / rows:.2%} flagged"
            bar.update(task, completed=scored.end.number, **told)

        yield advance


def _to_stderr(line: str) -> None:
    typer.echo(line, err=True, nl=False)


def _columns(keep: str) -> tuple[str, ...] | None:
    if keep == "all":
        return None
    return () if keep == "none" else tuple(name.strip() for name in keep.split(",") if name.strip())


def _told(summary: Summary) -> str:
    """What became of the rows, in a line."""
    parts = [f"scored {summary.rows} rows in {summary.seconds:.1f} s ({summary.rate:,.0f} rows/s)"]
    if summary.resumed:
        parts.append(f"{summary.resumed} of them before")
    if summary.flagged is not None:
        parts.append(f"{summary.flagged} flagged")
    parts.append(f"{summary.quarantined} in quarantine")
    return ", ".join(parts)
