"""``suffuse quickstart``: from nothing to a trained model, its samples, its figures and a report."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suffuse.cli import options as opt
from suffuse.cli.screen import item_bar, metrics_table, progress, results
from suffuse.cli.train import stop_short
from suffuse.cli.verb import print_json, verb
from suffuse.errors import PluginError, unknown_name

if TYPE_CHECKING:
    from suffuse.model import Model
    from suffuse.registry.specs import RecipeSpec
    from suffuse.tasks.evaluate import Evaluation
    from suffuse.training.run import Run

ROWS = 8
"""Samples of each class in the picture."""

DomainName = Annotated[
    str | None,
    typer.Argument(
        metavar="DOMAIN", help="Kind of data; the quickest by default.", autocompletion=opt.names_of("domain")
    ),
]


@dataclass(frozen=True)
class Made:
    """What a quickstart leaves behind."""

    run: Run
    grid: Path
    samples: Path
    report: Path
    evaluation: Evaluation
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {
            "model": str(self.run.model_path),
            "grid": str(self.grid),
            "samples": str(self.samples),
            "report": str(self.report),
            "evaluation": self.evaluation.as_dict(),
            "seconds": round(self.seconds, 1),
        }


@verb
def quickstart(domain: DomainName = None, out: opt.Out = None, as_json: opt.Json = False) -> None:
    """Train a small model, generate, evaluate and report, in minutes."""
    spec = choose(domain)
    name = f"{spec.domain}/{spec.name}"
    folder = out or Path("runs") / f"quickstart-{spec.name}"
    progress().print(f"{name}: {spec.summary}")
    made = run_all(name, folder, ["suffuse", "quickstart", spec.domain, "--out", str(folder)])
    if as_json:
        print_json(made.as_dict())
    else:
        _tell(made, name)


def choose(domain: str | None) -> RecipeSpec:
    """The quickstart of lowest rank, of all domains or of one.

    Raises:
        PluginError: there is none.
    """
    from suffuse.registry import all_specs, find

    if domain is not None:
        find("domain", domain)  # tells whether it is unknown, broken or disabled
    ready = [(spec.quickstart, spec.name, spec) for spec in all_specs("recipe") if spec.quickstart is not None]
    mine = [entry for entry in ready if domain in (None, entry[2].domain)]
    if not mine:
        raise unknown_name("quickstart", domain or "", {spec.domain for *_, spec in ready}, PluginError, field="DOMAIN")
    return min(mine, key=lambda entry: entry[:2])[2]


def run_all(name: str, folder: Path, again: list[str]) -> Made:
    """Train, generate, evaluate, report."""
    from suffuse.recipe import load_recipe
    from suffuse.report import write_report
    from suffuse.tasks.train import train

    begun = time.perf_counter()
    run = train(load_recipe(name), out=folder, console=progress())
    if run.interrupted:
        stop_short(run, again)
    model = opt.load_model(str(run.folder), None)
    grid, samples = _picture(model, folder)
    evaluation = _score(model, folder)
    return Made(run, grid, samples, write_report(folder), evaluation, time.perf_counter() - begun)


def _picture(model: Model, folder: Path) -> tuple[Path, Path]:
    """A sheet with a column for each class, and the samples on it."""
    from suffuse.conditions import Label
    from suffuse.files import write_with
    from suffuse.tasks.generate import generate
    from suffuse.tasks.samples import save

    labels = {name: list(kind.classes) for name, kind in model.conditions.items() if isinstance(kind, Label)}
    columns = max((len(classes) for classes in labels.values()), default=ROWS)
    count = columns * ROWS
    with item_bar("generate", count) as on_step:
        samples = generate(model, count, conditions=labels, on_step=on_step)
    save(model, samples, folder / "generated")
    grid = folder / "grid.png"
    write_with(grid, model.domain.picture(samples.items, columns=columns).save)
    return grid, folder / "generated"


def _score(model: Model, folder: Path) -> Evaluation:
    from suffuse.tasks.evaluate import evaluate

    with item_bar("evaluate", model.recipe.evaluate.count) as on_step:
        evaluation = evaluate(model, on_step=on_step)
    evaluation.write(folder / "evaluation.json")
    return evaluation


def _tell(made: Made, name: str) -> None:
    console = results()
    scored = made.evaluation
    console.print(metrics_table(f"{scored.count} samples against {scored.data}", scored.metrics))
    console.print(f"done in {made.seconds:.0f} s")
    for what, path in (
        ("model", made.run.model_path),
        ("picture", made.grid),
        ("samples", made.samples),
        ("report", made.report),
    ):
        console.print(f"  {what:<8}{path}")
    folder = shlex.quote(str(made.run.folder))
    console.print("try next:")
    console.print(f"  suffuse generate {folder} --count 64 --steps 8 --seed 100")
    console.print(f"  suffuse generate {folder} --trajectory denoising.gif")
    console.print(f"  suffuse train {name} train.steps=5000 --out {folder}-longer")
    console.print(f"  suffuse plugins info {name.partition('/')[0]}")
