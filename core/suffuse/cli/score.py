"""``suffuse score``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from suffuse.cli import options as opt
from suffuse.cli.screen import item_bar, results
from suffuse.cli.verb import STDOUT, print_json, verb

if TYPE_CHECKING:
    from suffuse.cli.scoring import FileOptions
    from suffuse.domain import Item
    from suffuse.model import Model
    from suffuse.tasks.score import Reference, Scores
    from suffuse.tasks.scoring.columns import Fault
    from suffuse.tasks.scoring.scorer import Scorer
    from suffuse.tasks.scoring.sources import Source
    from suffuse.trained import Trained

Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="SOURCE...",
        help="Files, folders or patterns of the domain's items; - reads JSON lines from the standard input.",
        show_default=False,
    ),
]
StatisticName = Annotated[
    str | None,
    typer.Option(
        "--statistic",
        metavar="NAME",
        help="What oddness is measured by; the model's own if it is calibrated, else profile.",
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
NoiseSeed = Annotated[int | None, typer.Option("--seed", help="Of the noise, the same for every item; 0 by default.")]
Top = Annotated[int, typer.Option("--top", min=1, help="How many of the oddest and of the most usual are shown.")]
ItemsAtATime = Annotated[
    int | None, typer.Option("--batch", min=1, help="Items scored at a time; changes the speed, not the scores.")
]
Where = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="A folder; or a file of scores: .csv, .parquet, .arrow, .feather or .jsonl; or - for JSON lines.",
    ),
]
Keep = Annotated[
    str,
    typer.Option("--keep", metavar="COLUMNS|all|none", help="Columns of the items that a file of scores repeats."),
]
Figures = Annotated[bool, typer.Option("--figures", help="Add the statistic's figures to a file of scores.")]
Fdr = Annotated[
    float | None,
    typer.Option("--fdr", metavar="RATE", help="Flag so that at most this share of the flagged is usual, on average."),
]
Online = Annotated[
    float | None,
    typer.Option("--online", metavar="RATE", help="The same at any time: each item is judged before the next comes."),
]
OnlineBy = Annotated[
    str,
    typer.Option(
        "--online-by",
        metavar="lord|e-lond",
        help="By p-values, or by e-values: these allow for any dependence, and find less.",
        autocompletion=lambda incomplete: [name for name in ("lord", "e-lond") if name.startswith(incomplete)],
    ),
]
Threshold = Annotated[float | None, typer.Option("--threshold", metavar="VALUE", help="Flag what scores above it.")]
FailOver = Annotated[
    float | None,
    typer.Option("--fail-over", metavar="RATE", help="Exit with 10 if more than this share is flagged or unscorable."),
]
Strict = Annotated[bool, typer.Option("--strict", help="An item that cannot be scored is an error, not set apart.")]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on where an earlier run into the same file stopped.")
]

ApartWindows = Annotated[
    bool,
    typer.Option("--windows", help="A score for each window of an item that is longer than the model's, and a curve."),
]
Every = Annotated[
    str | None,
    typer.Option("--every", metavar="DISTANCE", help="How far windows begin from each other, as 0.5s; side by side."),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="local|processes|ray",
        help="Who scores: threads, processes of this machine, or the workers of a Ray cluster.",
        autocompletion=lambda incomplete: [n for n in ("local", "processes", "ray") if n.startswith(incomplete)],
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="How many score; all processors, or all that a cluster has room for."),
]


@verb
def score(
    model: opt.ModelSource,
    items: Sources,
    statistic: StatisticName = None,
    reference: References = None,
    levels: Levels = None,
    draws: Draws = None,
    seed: NoiseSeed = None,
    label: opt.LabelOption = None,
    prompt: opt.Prompt = None,
    conditions: opt.Set = None,
    windows: ApartWindows = False,
    every: Every = None,
    top: Top = 10,
    batch: ItemsAtATime = None,
    device: opt.Device = None,
    csv: Csv = None,
    out: Where = None,
    keep: Keep = "all",
    figures: Figures = False,
    fdr: Fdr = None,
    online: Online = None,
    online_by: OnlineBy = "lord",
    threshold: Threshold = None,
    fail_over: FailOver = None,
    strict: Strict = False,
    resume: Resume = True,
    engine: EngineName = "local",
    workers: Workers = None,
    as_json: opt.Json = False,
) -> None:
    """How odd items are: a table, the oddest first, and pictures; or a file of all scores, for pipelines."""
    from suffuse.cli.scoring import FileOptions, score_into
    from suffuse.tasks.score import make_scorer
    from suffuse.tasks.scoring.formats import format_of
    from suffuse.tasks.scoring.sources import find_sources

    told = FileOptions(keep, figures, fdr, online, online_by, threshold, fail_over, strict, resume, engine, workers)
    into_file = out is not None and (out == STDOUT or format_of(out) is not None)
    _check_place(out, into_file, csv, items, told)
    loaded = opt.load_model(model, device)
    asked = opt.parse_conditions(loaded.conditions, label, prompt, conditions)
    sources = find_sources(loaded, items)
    for place in [out] if into_file else _placed(out, csv):
        _check_apart(place, sources)
    with item_bar("calibrate", 100) if reference else nullcontext() as on_step:
        scorer = make_scorer(
            loaded, statistic=statistic, reference=read_reference(loaded, reference), conditions=asked,
            levels=levels, draws=draws, seed=seed, windows=windows, every=every, batch=batch, on_step=on_step,
        )  # fmt: skip
    if into_file and out is not None:
        score_into(scorer, sources, out, told, batch, as_json)
    else:
        folder = out or opt.fresh_folder(Path("scores") / opt.title(model))
        _into_folder(scorer, sources, folder, csv or folder / "scores.csv", top, batch, strict, as_json)


def _placed(out: Path | None, csv: Path | None) -> list[Path | None]:
    """The files that are written where no file of all scores is asked for, as far as a person says where."""
    names = ("scores.csv", "oddest.png", "usual.png", "quarantine.jsonl")
    return [csv, *(() if out is None else (out / name for name in names))]


def _check_apart(place: Path | None, sources: list[Source]) -> None:
    from suffuse.tasks.samples import check_apart

    if place is not None:
        check_apart(place, [Path(source.name) for source in sources])


def _into_folder(
    scorer: Scorer, sources: list[Source], folder: Path, csv: Path, top: int, batch: int | None, strict: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Score sources, and write the table, the pictures of both ends, and what could not be scored."""
    from suffuse.tasks.score import write_csv
    from suffuse.tasks.scoring.ranking import rank

    begun = time.perf_counter()
    with item_bar("score", len(sources)) as on_step:
        found = rank(scorer, sources, top, batch=batch, strict=strict, on_step=on_step)
    seconds = time.perf_counter() - begun
    scores, written = found.scores, [csv, folder / "oddest.png", folder / "usual.png"]
    write_csv(scores, written[0])
    usual_first = sorted(range(len(scores)), key=scores.values.__getitem__)
    for items, order, path in (
        (found.oddest, scores.oddest_first, written[1]), (found.most_usual, usual_first, written[2])
    ):  # fmt: skip
        _draw(scorer.model, items, [Path(scores.names[i]).name for i in order[: len(items)]], path)
    if scorer.cutting.apart:
        written.append(_draw_curves(scorer, found.scores, folder / "windows.png"))
    written += _write_faults(found.faults, folder / "quarantine.jsonl")
    if as_json:
        rows = list(scores.rows())
        head = {"statistic": scores.statistic, "units": scores.units, "files": written, "seconds": round(seconds, 3)}
        apart = {"quarantined": len(found.faults)}
        print_json({**head, **apart, "scores": [rows[i] for i in scores.oddest_first]})
        return
    console = results()
    console.print(_table(scores, top, scorer.unit))
    told = f", {len(found.faults)} in quarantine" if found.faults else ""
    console.print(f"scored {len(scores)} in {seconds:.1f} s{told}")
    for path in written:
        console.print(f"  {path}")


def _write_faults(faults: Sequence[Fault], path: Path) -> list[Path]:
    from suffuse.files import write_text
    from suffuse.tasks.scoring.parts import json_line

    if not faults:
        return []
    write_text(path, "".join(json_line(fault.to_json()) for fault in faults))
    return [path]


def _statistics() -> list[str]:
    from suffuse.tasks.statistics import STATISTICS

    return list(STATISTICS)


def _check_place(out: Path | None, into_file: bool, csv: Path | None, items: list[Path], told: FileOptions) -> None:
    """Raise RecipeError where an option does not go with where the scores go."""
    from suffuse.errors import RecipeError
    from suffuse.tasks.scoring.formats import FORMATS

    if into_file:
        if csv is not None:
            raise RecipeError("is told besides a file", field="--csv", expected=f"--out {out} alone", got=csv)
        return
    if out is not None and out.suffix[1:].isalpha() and not out.is_dir():
        raise RecipeError(
            "is no kind of file that holds scores", field="--out", expected=f"a name ending in {', '.join(FORMATS)}",
            got=out, fix=f"--out {out.with_suffix('.csv')}; a folder's name has no dot, as {out.with_suffix('')}",
        )  # fmt: skip
    told.refuse_without_file()
    if Path("-") in items:
        raise RecipeError("needs somewhere to go", field="-", fix="--out scores.csv, or --out -")


def read_reference(model: Model, told: list[str] | None) -> Reference | None:
    """The reference items; of a single file in whatever kind of sequence the domain reads them."""
    from suffuse.tasks.items import find_files, read_items, read_whole

    if not told:
        return None
    if told == ["data"]:
        return "data"
    files = find_files(model, told)
    return read_whole(model, files[0]) if len(files) == 1 else read_items(model, files)[0]


def _draw(model: Trained, items: list[Item], names: list[str], path: Path) -> None:
    from suffuse.files import write_with

    write_with(path, model.domain.captioned(items, names).save)


def _draw_curves(scorer: Scorer, scores: Scores, path: Path) -> Path:
    """How the scores of windows rise and fall within their items."""
    from suffuse.files import write_with
    from suffuse.tasks.scoring.curves import curves

    write_with(path, curves(scores, scorer.unit).save)
    return path


def _table(scores: Scores, top: int, unit: str) -> Table:
    """The oddest items."""
    table = Table(title=f"the oddest of {len(scores)}, by {scores.statistic} ({scores.units})", title_justify="left")
    table.add_column("item", overflow="fold")
    table.add_column("score", justify="right")
    if scores.p_values is not None:
        table.add_column("p", justify="right")
    if scores.highest is not None:
        table.add_column("oddest window", justify="right")
    for i in scores.oddest_first[:top]:
        p = [] if scores.p_values is None else [f"{scores.p_values[i]:.3g}"]
        table.add_row(scores.names[i], f"{scores.values[i]:.4g}", *p, *_oddest_window(scores, i, unit))
    return table


def _oddest_window(scores: Scores, i: int, unit: str) -> list[str]:
    if scores.highest is None or scores.at is None:
        return []
    return [f"{float(scores.highest[i]):.4g} at {float(scores.at[i]):.6g}{unit}"]
