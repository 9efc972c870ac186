"""``suffuse score``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from suffuse.cli import options as opt
from suffuse.cli.screen import item_bar, results
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from suffuse.domain import Item
    from suffuse.model import Model
    from suffuse.tasks.plan import OnStep
    from suffuse.tasks.score import Calibration, Scores
    from suffuse.tasks.statistics import Statistic

StatisticName = Annotated[
    str,
    typer.Option(
        "--statistic",
        metavar="NAME",
        help="profile, elbo, likelihood or typicality.",
        autocompletion=lambda incomplete: [n for n in _statistics() if n.startswith(incomplete)],
    ),
]
References = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        metavar="data|FILE",
        help="Usual items to compare with: `data`, the validation part of the model's data; or files and folders.",
    ),
]
Csv = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="The table of all scores; scores.csv by default.")
]
Levels = Annotated[
    int | None, typer.Option("--levels", min=1, help="Noise levels; of likelihood and typicality, steps of the solver.")
]
Draws = Annotated[
    int | None, typer.Option("--draws", min=1, help="Draws of noise; of likelihood and typicality, probes.")
]
NoiseSeed = Annotated[int, typer.Option("--seed", help="Of the noise, which is the same for every item.")]
Top = Annotated[int, typer.Option("--top", min=1, help="How many of the oddest and of the most usual are shown.")]
ItemsAtATime = Annotated[
    int, typer.Option("--batch", min=1, help="Items scored at a time; changes the speed, not the scores.")
]


@verb
def score(
    model: opt.ModelSource,
    items: opt.Items,
    statistic: StatisticName = "profile",
    reference: References = None,
    levels: Levels = None,
    draws: Draws = None,
    seed: NoiseSeed = 0,
    label: opt.LabelOption = None,
    prompt: opt.Prompt = None,
    conditions: opt.Set = None,
    top: Top = 10,
    batch: ItemsAtATime = 64,
    device: opt.Device = None,
    csv: Csv = None,
    out: opt.Out = None,
    as_json: opt.Json = False,
) -> None:
    """How odd items are: a table, the oddest first, and pictures of the oddest and of the most usual."""
    from suffuse.tasks.items import find_files
    from suffuse.tasks.score import write_csv
    from suffuse.tasks.statistics import make_statistic

    loaded = opt.load_model(model, device)
    chosen = make_statistic(statistic, levels=levels, draws=draws, seed=seed)
    asked = opt.parse_conditions(loaded.conditions, label, prompt, conditions)
    files = find_files(loaded, items)
    begun = time.perf_counter()
    options = {"conditions": asked, "batch": batch}
    usual = _calibration(loaded, chosen, reference, options)
    with item_bar("score", len(files)) as on_step:
        scores, oddest, most_usual = _scores(loaded, chosen, usual, files, top, options, on_step)
    seconds = time.perf_counter() - begun
    folder = out or opt.fresh_folder(Path("scores") / opt.title(model))
    written = [csv or folder / "scores.csv", folder / "oddest.png", folder / "usual.png"]
    write_csv(scores, written[0])
    _draw(loaded, oddest, written[1])
    _draw(loaded, most_usual, written[2])
    if as_json:
        rows = list(scores.rows())
        told = {"statistic": scores.statistic, "units": scores.units, "files": written, "seconds": round(seconds, 3)}
        print_json({**told, "scores": [rows[i] for i in scores.oddest_first]})
        return
    console = results()
    console.print(_table(scores, top))
    console.print(f"scored {len(scores)} in {seconds:.1f} s")
    for path in written:
        console.print(f"  {path}")


def _statistics() -> list[str]:
    from suffuse.tasks.statistics import STATISTICS

    return list(STATISTICS)


def _calibration(
    model: Model, statistic: Statistic, reference: list[str] | None, options: dict[str, Any]
) -> Calibration | None:
    """What the statistic says of the reference items."""
    from suffuse.tasks.items import read_items
    from suffuse.tasks.score import calibrate, usual_items

    if not reference:
        return None
    named = "data" if reference == ["data"] else read_items(model, reference)[0]
    usual, given = usual_items(model, named, options["conditions"])
    with item_bar("calibrate", len(usual)) as on_step:
        return calibrate(
            model, usual, statistic=statistic, conditions=given, batch=options["batch"], on_step=on_step
        )  # fmt: skip


def _scores(
    model: Model,
    statistic: Statistic,
    reference: Calibration | None,
    files: list[Path],
    top: int,
    options: dict[str, Any],
    on_step: OnStep,
) -> tuple[Scores, list[Item], list[Item]]:
    """The scores of the items of files, which are read as they are scored; the oddest items and the most usual."""
    from suffuse.tasks.extremes import Extremes
    from suffuse.tasks.items import each_item
    from suffuse.tasks.score import joined, stream

    names: list[str] = []
    waiting: list[Item] = []
    kept = Extremes(top)

    def source() -> Iterator[Item]:
        for done, file in enumerate(files, start=1):
            for item, name in each_item(model, [file]):
                names.append(name)
                waiting.append(item)
                yield item
            on_step(done, len(files))

    def parts() -> Iterator[Scores]:
        for part in stream(model, source(), statistic=statistic, reference=reference, **options):
            kept.add(part.values, waiting[: len(part)])
            del waiting[: len(part)]
            yield part

    scores = joined(parts(), names)
    return scores, kept.highest, kept.lowest


def _draw(model: Model, items: list[Item], path: Path) -> None:
    from suffuse.files import write_with

    write_with(path, model.domain.picture(items).save)


def _table(scores: Scores, top: int) -> Table:
    """The oddest items."""
    table = Table(title=f"the oddest of {len(scores)}, by {scores.statistic} ({scores.units})", title_justify="left")
    table.add_column("item", overflow="fold")
    table.add_column("score", justify="right")
    if scores.p_values is not None:
        table.add_column("p", justify="right")
    for i in scores.oddest_first[:top]:
        p = [] if scores.p_values is None else [f"{scores.p_values[i]:.3g}"]
        table.add_row(scores.names[i], f"{scores.values[i]:.4g}", *p)
    return table
