"""``suffuse drift``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from suffuse.cli import options as opt
from suffuse.cli.score import ItemsAtATime, References, Sources
from suffuse.cli.scoring import TOO_MANY
from suffuse.cli.screen import item_bar, results
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from suffuse.domain import Item
    from suffuse.tasks.drift import Drifts, Watch
    from suffuse.tasks.plan import OnStep
    from suffuse.tasks.scoring.sources import Source

Rate = Annotated[
    float, typer.Option("--rate", help="Of false discoveries among the parts that are said to have moved.")
]
Top = Annotated[int, typer.Option("--top", min=1, help="How many parts are printed, the furthest first.")]
ScoresToo = Annotated[
    bool, typer.Option("--scores/--no-scores", help="Whether the scores have moved too, if the model is calibrated.")
]
FailOver = Annotated[
    float | None,
    typer.Option("--fail-over", metavar="DISTANCE", help="Exit with 10 if a part moved further than this, 0 to 1."),
]
Page = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="A page, .html, or all figures, .json.")]


@verb
def drift(
    model: opt.ModelSource,
    items: Sources,
    reference: References = None,
    rate: Rate = 0.05,
    top: Top = 20,
    scores: ScoresToo = True,
    fail_over: FailOver = None,
    batch: ItemsAtATime = None,
    device: opt.Device = None,
    out: Page = None,
    as_json: opt.Json = False,
) -> None:
    """Which parts of items, as the columns of rows, are not as they were when the model was made."""
    from suffuse.cli.score import read_reference
    from suffuse.report.drift import require_page, sentences, write_drift
    from suffuse.tasks.drift import make_watch, seen_of
    from suffuse.tasks.samples import check_apart
    from suffuse.tasks.scoring.scorer import items_at_a_time
    from suffuse.tasks.scoring.sources import find_sources

    if out is not None:
        require_page(out)
    loaded = opt.load_model(model, device)
    sources = find_sources(loaded, items)
    if out is not None:
        check_apart(out, [Path(source.name) for source in sources])
    watch = make_watch(loaded, reference=read_reference(loaded, reference), scores=scores)
    begun = time.perf_counter()
    with item_bar("compare", len(sources)) as on_step:
        batches = _batches(watch, sources, batch or items_at_a_time(loaded), on_step)
        found = watch.judge(seen_of(watch, batches), rate)
    seconds = time.perf_counter() - begun
    if out is not None:
        write_drift(loaded, found, out, opt.title(model))
    if as_json:
        print_json({**found.to_json(), "file": out, "seconds": round(seconds, 3)})
    else:
        console = results()
        console.print(_table(found, top))
        console.print("\n".join(sentences(found)))
        faults = f", {found.faults} could not be read" if found.faults else ""
        console.print(f"compared {found.items} with {found.reference} in {seconds:.1f} s{faults}")
        if out is not None:
            console.print(f"  {out}")
    if fail_over is not None and found.furthest > fail_over:
        typer.echo(f"{found.moved[0].name} moved by {found.furthest:.3f}: more than {fail_over:.3f}", err=True)
        raise typer.Exit(TOO_MANY)


def _batches(watch: Watch, sources: list[Source], size: int, on_step: OnStep) -> Iterator[Sequence[Item]]:
    """The items of sources, as they are read."""
    from suffuse.tasks.scoring.sources import read_batches

    for part in read_batches(watch.model, sources, size):
        yield part.items
        on_step(part.end.source + 1, len(sources))


def _table(found: Drifts, top: int) -> Table:
    """The parts that moved furthest."""
    table = Table(title=f"what moved of {len(found.parts)} parts", title_justify="left")
    table.add_column("part", overflow="fold")
    for name in ("distance", "p", "then", "now", "absent", "unseen"):
        table.add_column(name, justify="right")
    for part in found.parts[:top]:
        table.add_row(
            f"* {part.name}" if part.moved else part.name, f"{part.distance:.3f}", f"{part.p:.2g}", part.then, part.now,
            _change(part.absent), _change(part.unseen),
        )  # fmt: skip
    return table


def _change(shares: tuple[float, float] | None) -> str:
    """A share then and now, if there is any."""
    return "" if shares is None or not any(shares) else f"{shares[0]:.1%} → {shares[1]:.1%}"
