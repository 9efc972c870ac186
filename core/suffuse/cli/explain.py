"""``suffuse explain``."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from suffuse.cli import options as opt
from suffuse.cli.score import Draws, Levels, NoiseSeed, References, Sources, StatisticName
from suffuse.cli.screen import item_bar, results
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from suffuse.domain import Item
    from suffuse.tasks.explain import Explanations
    from suffuse.tasks.plan import OnStep
    from suffuse.tasks.scoring.columns import Fault
    from suffuse.tasks.scoring.scorer import Scorer
    from suffuse.tasks.scoring.sources import Source

logger = logging.getLogger(__name__)

Top = Annotated[int, typer.Option("--top", min=1, help="How many of the items are explained, the oddest first.")]
MostParts = Annotated[int, typer.Option("--parts", min=1, help="How many parts of an item are to blame at most.")]
Tries = Annotated[
    int, typer.Option("--tries", min=1, help="Completions of which the most usual is what an item would be.")
]


@verb
def explain(
    model: opt.ModelSource,
    items: Sources,
    top: Top = 5,
    parts: MostParts = 3,
    statistic: StatisticName = None,
    reference: References = None,
    levels: Levels = None,
    draws: Draws = None,
    seed: NoiseSeed = None,
    method: opt.Method = None,
    tries: Tries = 4,
    steps: opt.Steps = None,
    label: opt.LabelOption = None,
    prompt: opt.Prompt = None,
    conditions: opt.Set = None,
    device: opt.Device = None,
    out: opt.Out = None,
    as_json: opt.Json = False,
) -> None:
    """Why the oddest items are odd: which parts of them, and what these would be in items like them."""
    from suffuse.cli.score import read_reference
    from suffuse.tasks.explain import explain as tell_why
    from suffuse.tasks.explained import save, written
    from suffuse.tasks.samples import check_apart
    from suffuse.tasks.score import make_scorer
    from suffuse.tasks.scoring.sources import find_sources
    from suffuse.windows import Windowing

    loaded = opt.load_model(model, device)
    asked = opt.parse_conditions(loaded.conditions, label, prompt, conditions)
    solver = opt.make_component("method", method)
    sources = find_sources(loaded, items)
    folder = out or opt.fresh_folder(Path("explained") / opt.title(model))
    for place in written(loaded, folder):
        check_apart(place, [Path(source.name) for source in sources])
    begun = time.perf_counter()
    scorer = make_scorer(
        loaded, statistic=statistic, reference=read_reference(loaded, reference), conditions=asked,
        levels=levels, draws=draws, seed=seed, windows=isinstance(loaded.codec, Windowing),
    )  # fmt: skip
    with item_bar("score", len(sources)) as on_step:
        names, numbers, oddest = _oddest(scorer, sources, top, on_step)
    given = {name: [values[i % len(values)] for i in numbers] for name, values in scorer.asked.items()}
    with item_bar("explain", len(oddest)) as on_step:
        found = tell_why(
            loaded, oddest, statistic=scorer.statistic, reference=scorer.calibration, parts=parts, names=names,
            conditions=given, method=solver, tries=tries, seed=seed or 0, steps=steps, on_step=on_step,
        )  # fmt: skip
    files = save(loaded, found, folder)
    seconds = time.perf_counter() - begun
    if as_json:
        told = {"statistic": found.statistic, "units": found.units, "files": files, "seconds": round(seconds, 3)}
        print_json({**told, "explanations": list(found.rows())})
        return
    console = results()
    console.print(_table(found))
    console.print(f"explained {len(found)} in {seconds:.1f} s")
    for path in files:
        console.print(f"  {path}")


def _oddest(
    scorer: Scorer, sources: list[Source], top: int, on_step: OnStep
) -> tuple[list[str], list[int], list[Item]]:
    """The names, the numbers and the items of the highest scores; all are scored as they are read.

    What cannot be scored is left out with a warning.

    Raises:
        DataError: nothing can.
    """
    from suffuse.tasks.extremes import Extremes
    from suffuse.tasks.scoring.columns import judge_batch
    from suffuse.tasks.scoring.scorer import items_at_a_time
    from suffuse.tasks.scoring.sources import read_batches

    kept = Extremes(top)
    faults: list[Fault] = []
    for part in read_batches(scorer.model, sources, items_at_a_time(scorer.model), cutting=scorer.cutting):
        judged = judge_batch(scorer, part)
        faults += judged.faults
        if judged.scores is not None:
            names, oddest = part.names(), judged.scores.oddest_first[:top]
            entries = [(names[p], part.number + p, judged.items[i]) for i in oddest for p in [judged.places[i]]]
            kept.add([judged.scores.values[i] for i in oddest], entries)
        on_step(part.end.source + 1, len(sources))
    found = kept.highest
    _tell_left_out(faults, nothing_else=not found)
    return [name for name, _, _ in found], [number for _, number, _ in found], [item for _, _, item in found]


def _tell_left_out(faults: list[Fault], nothing_else: bool) -> None:
    """Warn of what could not be scored, source by source; if that is all there is, it is an error."""
    from suffuse.errors import DataError

    if nothing_else:
        raise DataError(
            f"none of {len(faults)} items can be scored", field="items",
            got=f"{faults[0].source}: {faults[0].reason}", fix="mend or replace them",
        )  # fmt: skip
    by_source: dict[str, list[Fault]] = {}
    for fault in faults:
        by_source.setdefault(fault.source, []).append(fault)
    for source, some in by_source.items():
        logger.warning("%s: %d left out, which cannot be scored; the first: %s", source, len(some), some[0].reason)


def _table(found: Explanations) -> Table:
    """A row for each item: why it is odd."""
    table = Table(title=f"why they are odd, by {found.statistic} ({found.units})", title_justify="left")
    table.add_column("item", overflow="fold")
    table.add_column("score", justify="right")
    with_p = any(one.p is not None for one in found)
    if with_p:
        table.add_column("p", justify="right")
    table.add_column("why", overflow="fold")
    table.add_column("then", justify="right")
    for one in found:
        p = [f"{one.p:.3g}"] if with_p and one.p is not None else []
        table.add_row(one.name, f"{one.score:.4g}", *p, "\n".join(one.reasons), f"{one.usual_score:.4g}")
    return table
