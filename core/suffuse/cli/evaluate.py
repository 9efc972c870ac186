"""``suffuse evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.screen import item_bar, metrics_table, results
from suffuse.cli.verb import print_json, verb

if TYPE_CHECKING:
    from suffuse.domain import Splits
    from suffuse.model import Model

DataOverrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="data.KEY=VALUE", help="Score against other data than the recipe's.", show_default=False),
]


@verb
def evaluate(
    model: opt.ModelSource,
    data: DataOverrides = None,
    count: opt.CountOrRecipes = None,
    seed: opt.Seed = 0,
    label: opt.LabelOption = None,
    prompt: opt.Prompt = None,
    conditions: opt.Set = None,
    steps: opt.Steps = None,
    sampler: opt.SamplerText = None,
    grid: opt.GridText = None,
    schedule: opt.ScheduleText = None,
    guidance: opt.Guidance = None,
    interval: opt.IntervalText = None,
    batch: opt.Batch = 64,
    precision: opt.Precision = None,
    device: opt.Device = None,
    out: opt.Out = None,
    as_json: opt.Json = False,
) -> None:
    """Score samples against the test data: how like it, how varied and how new; and what the model's score finds."""
    from suffuse.tasks.evaluate import evaluate as score

    loaded = opt.load_model(model, device)
    splits = _other_data(loaded, data)
    plan = opt.read_plan(
        loaded, label=label, prompt=prompt, conditions=conditions, steps=steps, sampler=sampler, grid=grid,
        schedule=schedule, guidance=guidance, interval=interval, precision=precision,
    )  # fmt: skip
    count = count or loaded.recipe.evaluate.count
    with item_bar("generate", count) as on_step:
        evaluation = score(
            loaded,
            count=count,
            seed=seed,
            splits=splits,
            batch=batch,
            on_step=on_step,
            **plan,
        )
    path = out or _place(model, other=splits is not None or bool(plan["conditions"]))
    if path is not None:
        evaluation.write(path)
    if as_json:
        print_json(evaluation.figures())
        return
    console = results()
    console.print(metrics_table(f"{evaluation.count} samples against {evaluation.data}", evaluation.metrics))
    if (found := evaluation.detection) is not None:
        console.print(
            f"{len(found.scores):,} of {found.of:,} test items and known anomalies scored by {found.statistic}"
        )
    if path is not None:
        console.print(f"written to {path}")


def _place(source: str, other: bool) -> Path | None:
    """A run keeps the figures against its own data; others are printed only."""
    return Path(source) / "evaluation.json" if Path(source).is_dir() and not other else None


def _other_data(model: Model, overrides: list[str] | None) -> Splits | None:
    if not overrides:
        return None
    from suffuse.errors import RecipeError
    from suffuse.recipe import load_recipe
    from suffuse.tasks.data import open_splits

    for override in overrides:
        if not override.startswith("data."):
            raise RecipeError("is not about data", field=override, expected="data.KEY=VALUE")
    return open_splits(load_recipe(model.recipe.model_dump(mode="json"), overrides))
